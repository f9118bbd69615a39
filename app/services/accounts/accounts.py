"""Accounts and their credentials: adding, listing, deleting, and sealing with another key.

No verb returns credentials, and an exchange's messages about them are cleaned of them. Credentials are tried against the exchange
before they replace earlier ones. An account or connector that still has orders on an exchange's book is deleted only by force.
When credentials have been deleted or replaced, nothing is sent with them any more, by any process.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from app.clock import Clock
from app.connectors.registry import connector_class, credential_fields
from app.domain.audit import AuditRecord
from app.domain.errors import (
    ActiveOrders,
    ChangeConflict,
    CredentialsRefused,
    EmptyJournal,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    InvalidCredentials,
    OrdergateError,
    UnknownAccount,
)
from app.domain.order import AccountKey
from app.domain.reports import Balance
from app.domain.wording import in_words
from app.journal.journal import Journal
from app.services.accounts.calls_under_way import calls_ended
from app.services.accounts.credential_check import checked
from app.services.accounts.credential_trial import CredentialTrials, Trial
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.totp import reseal_totp
from app.services.exchange_accounts import ExchangeAccounts
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.preferences import Preferences
from app.vault import Vault, VaultError

log = structlog.get_logger(__name__)

#: The account that always exists; callers of hummingbot-api take it for granted.
MASTER_ACCOUNT = "master_account"

#: The connectors that the master account is given: play money to try everything with.
_PAPER = ("paper", "paper_perpetual")
#: The connector that it was given before there was a preference.
_GIVEN_FIRST = "paper"
#: The preference that says which connectors it has been given.
_GIVEN = "master_account"

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class AccountAdmin:
    """The verbs on accounts and credentials."""

    def __init__(
        self,
        *,
        journal: Journal,
        preferences: Preferences,
        vault: Vault,
        sessions: Sessions,
        exchange_accounts: ExchangeAccounts,
        portfolio: Portfolio,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._accounts = journal.accounts
        self._preferences = preferences
        self._vault = vault
        self._sessions = sessions
        self._exchange_accounts = exchange_accounts
        self._portfolio = portfolio
        self._timeout = settings.exchange_timeout
        self._trials = CredentialTrials(journal.accounts, vault, sessions, settings.exchange_timeout)
        self._clock = clock

    def list_accounts(self) -> Sequence[str]:
        """The names of all accounts, sorted."""
        return self._accounts.list_accounts()

    def add_account(self, account_name: str, record: AuditRecord | None = None) -> None:
        """Add an account. As with every change here, the audit log gets ``record`` with it.

        Raises ``InvalidArgument`` for a bad or taken name.
        """
        _check_name("account", account_name)
        if not self._accounts.add_account(account_name, record):
            raise InvalidArgument("Account already exists.")
        log.info("account added", account_name=account_name)

    async def delete_account(
        self,
        account_name: str,
        *,
        force: bool,
        record: AuditRecord | None = None,
        reaches: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        """Delete an account and its credentials; its orders stay in the journal. Raises ``InvalidArgument``, ``UnknownAccount``,
        ``ActiveOrders`` without ``force``, or what ``reaches`` raises at the connectors that it has credentials for.
        """
        _check_name("account", account_name)
        if account_name == MASTER_ACCOUNT:
            raise InvalidArgument("Cannot delete master account.")
        connectors = await asyncio.to_thread(self._accounts.connectors_of, account_name)
        allow = None if force else partial(_check_active, f"Account '{account_name}'")
        if not await asyncio.to_thread(self._accounts.delete_account, account_name, allow, record, reaches):
            raise UnknownAccount(account_name, await asyncio.to_thread(self._accounts.list_accounts))
        for connector_name in connectors:
            self._forget(AccountKey(account_name, connector_name))
        await asyncio.gather(*(self._calls_ended(AccountKey(account_name, name)) for name in connectors))
        log.info("account deleted", account_name=account_name, force=force)

    def list_credentials(self, account_name: str) -> Sequence[str]:
        """The connectors that the account has credentials for. Raises ``InvalidArgument`` or ``UnknownAccount``."""
        _check_name("account", account_name)
        if not self._accounts.has_account(account_name):
            raise UnknownAccount(account_name, self._accounts.list_accounts())
        return self._accounts.connectors_of(account_name)

    async def add_credential(
        self, account: AccountKey, given: Mapping[str, Any], record: AuditRecord | None = None
    ) -> None:
        """Try credentials against the exchange, store them in place of earlier ones, and use them from now on.

        Raises ``InvalidArgument`` or ``UnknownAccount``, ``UnknownConnector`` or ``UnsupportedConnector``, ``InvalidCredentials``
        with the fields at fault or the exchange's words, ``ExchangeDown`` or ``ExchangeReadFailed`` if they could not be tried,
        ``ChangeConflict`` if others were stored or deleted meanwhile, ``OtherExchangeAccount`` if there are active orders that are
        not known to be on the account that the credentials open. Earlier credentials stay in use after any failure.
        """
        account_name, connector_name = account
        _check_name("account", account_name)
        if not await asyncio.to_thread(self._accounts.has_account, account_name):
            raise UnknownAccount(account_name, await asyncio.to_thread(self._accounts.list_accounts))
        connector_class(connector_name)
        credentials = checked(connector_name, credential_fields(connector_name), given)
        before = await asyncio.to_thread(self._accounts.find_credential, *account)
        balances, exchange_account = await self._prove(account, credentials)
        if before is not None and before.exchange_account is None:
            await self._learn_exchange_account(account)
        sealed = self._vault.seal(*account, credentials)
        put = partial(self._accounts.put_credential, *account, sealed, exchange_account=exchange_account, record=record)
        if not await asyncio.to_thread(put, old=None if before is None else before.sealed):
            raise ChangeConflict(
                f"The credentials of '{connector_name}' of account '{account_name}' were changed while these were tried;"
                " these were not stored"
            )
        self._forget(account)
        await self._calls_ended(account)
        self._portfolio.put(account, balances)
        log.info("credentials added", account_name=account_name, connector_name=connector_name)

    async def delete_credential(self, account: AccountKey, *, force: bool, record: AuditRecord | None = None) -> None:
        """Delete credentials, if there are any. Raises ``InvalidArgument``, or ``ActiveOrders`` without ``force``."""
        account_name, connector_name = account
        _check_name("account", account_name)
        _check_name("connector", connector_name)
        allow = None if force else partial(_check_active, f"Connector '{connector_name}' of account '{account_name}'")
        if not await asyncio.to_thread(self._accounts.delete_credential, *account, allow, record):
            return
        self._forget(account)
        await self._calls_ended(account)
        log.info("credentials deleted", account_name=account_name, connector_name=connector_name, force=force)

    async def test_credential(self, account: AccountKey) -> Trial:
        """Try the stored credentials against their exchange. Raises ``ConnectorNotConfigured``."""
        return await self._trials.try_stored(account)

    def check_journal(self, key_file: Path) -> None:
        """Raise ``EmptyJournal`` if no gateway has ever used the database, for a start with a ``key_file`` that was made by one."""
        if not self._accounts.list_accounts():
            raise EmptyJournal(str(key_file))

    def ensure_master_account(self) -> None:
        """Add the account that always exists, if it is missing, and give it each paper exchange once. A paper exchange that was
        deleted is not given again.
        """
        is_new = self._accounts.add_account(MASTER_ACCOUNT)
        stored = self._preferences.get(_GIVEN)
        given = stored.get("connectors", [] if is_new else [_GIVEN_FIRST])
        missing = [name for name in _PAPER if name not in given]
        for name in missing:
            sealed = self._vault.seal(MASTER_ACCOUNT, name, {})
            # The paper exchange names its accounts as we do.
            self._accounts.put_credential(MASTER_ACCOUNT, name, sealed, exchange_account=MASTER_ACCOUNT)
        if missing:
            # Where another process that starts just now was first, it has stored the same.
            self._preferences.replace(_GIVEN, stored, {"connectors": [*given, *missing]})

    async def _learn_exchange_account(self, account: AccountKey) -> None:
        """Ask once which account at the exchange the stored credentials open, which is not known: active orders are on it."""
        try:
            connector = await self._sessions.connector(account)
            await self._exchange_accounts.name(connector, timedelta(0))
        except Exception as error:  # noqa: BLE001 - it stays unknown, and then nothing is taken for the same account
            log.warning("account at the exchange not known", account=account, error=type(error).__name__)

    async def _prove(self, account: AccountKey, credentials: Mapping[str, str]) -> tuple[Sequence[Balance], str | None]:
        """The balances that the exchange gives for ``credentials``, and its name of their account. Exceptions are raised without
        their causes, which may contain a signed request.
        """
        connector_name = account.connector_name
        try:
            async with (
                asyncio.timeout(self._timeout.total_seconds()),
                self._sessions.trial(account, credentials) as connector,
            ):
                return await connector.check_credentials(), await connector.fetch_exchange_account()
        except CredentialsRefused as refusal:
            raise InvalidCredentials(refusal.detail) from None
        except TimeoutError:
            raise ExchangeReadTimeout(
                f"{connector_name} did not answer within {self._timeout.total_seconds():g} seconds; nothing was changed"
            ) from None
        except OrdergateError as error:
            raise error from None
        except Exception as error:  # noqa: BLE001 - an SDK may raise anything: the credentials were not proven, and the error says so
            # Without the text, which may quote a credential.
            log.warning("credentials not tried", connector_name=connector_name, error=type(error).__name__)
            raise ExchangeReadError(
                f"{connector_name} could not be asked about the credentials: {in_words(error)}; nothing was changed"
            ) from None

    def _forget(self, account: AccountKey) -> None:
        self._sessions.forget(account)
        self._portfolio.forget(account)

    async def _calls_ended(self, account: AccountKey) -> None:
        await calls_ended(self._journal, account, limit=self._timeout, clock=self._clock)


def _check_active(what: str, active: Mapping[str, int]) -> None:
    """Raise ``ActiveOrders`` if there are any. ``active`` are their numbers by connector."""
    total = sum(active.values())
    if total:
        where = ", ".join(f"{count} on {name}" for name, count in sorted(active.items()))
        raise ActiveOrders(
            f"{what} has {total} active order{'s' if total > 1 else ''} ({where}): cancel them first, or end those that can't"
            " be settled with POST /trading/orders/{order_id}/resolve"
        )


def reseal(journal: Journal, vault: Vault) -> int:
    """Seal with the vault's first key all credentials and all secrets of users' codes that are sealed with another key, and return
    how many they were.

    Raises ``VaultError`` if some can't be opened, after all the others have been sealed.
    """
    count = 0
    closed: list[VaultError] = []
    for account in journal.accounts.all_credentials():
        try:
            count += _reseal(journal.accounts, vault, account)
        except VaultError as error:
            closed.append(error)
    for username in journal.callers.known().totp:
        try:
            count += reseal_totp(journal.callers, vault, username)
        except VaultError as error:
            closed.append(error)
    if closed:
        raise VaultError("; ".join(map(str, closed)))
    return count


def _reseal(accounts: Accounts, vault: Vault, account: AccountKey) -> bool:
    while (stored := accounts.find_credential(*account)) is not None:
        if vault.is_current(*account, stored.sealed):
            return False
        clear = vault.open(*account, stored.sealed)
        fresh = vault.seal(*account, clear)
        if accounts.replace_seal(*account, stored.sealed, fresh):
            return True
        # Other credentials were stored at this moment; the next round looks at them.
    return False


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"Invalid {kind} name: '{name}'. Only letters, numbers, underscores and hyphens are allowed."
        )

"""Accounts and their credentials: adding, listing, deleting, and sealing anew.

Credentials go in and never come out: no verb returns them, and what an exchange says about them is repeated without them. They are
tried against the exchange before they replace anything. What still has orders on an exchange's book is deleted only by force.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from app.connectors.registry import connector_class, credential_fields
from app.domain.errors import (
    ActiveOrders,
    CredentialsRefused,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    InvalidCredentials,
    OrdergateError,
    UnknownAccount,
)
from app.domain.reports import Balance
from app.journal.filters import OrderFilter
from app.journal.journal import Journal
from app.services.accounts.credential_check import checked
from app.services.accounts.portfolio import Portfolio
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.preferences import Preferences
from app.vault import Vault, VaultError

log = structlog.get_logger(__name__)

#: The account that always exists; callers of hummingbot-api take it for granted.
MASTER_ACCOUNT = "master_account"

#: What the master account is given: play money to try everything with.
_PAPER = ("paper", "paper_perpetual")
#: What it was given before this was kept.
_GIVEN_FIRST = "paper"
#: The preference that keeps what it has been given.
_GIVEN = "master_account"

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
#: Active orders are counted by place from one page of them; beyond it the text only says how many there are in all.
_COUNTED = 1_000


class AccountKeeper:
    """The verbs on accounts and credentials."""

    def __init__(
        self, *, journal: Journal, vault: Vault, sessions: Sessions, portfolio: Portfolio, settings: Settings
    ) -> None:
        self._journal = journal
        self._accounts = journal.accounts
        self._preferences = Preferences(journal.database)
        self._vault = vault
        self._sessions = sessions
        self._portfolio = portfolio
        self._timeout = settings.exchange_timeout

    def add_account(self, account_name: str) -> None:
        """Add an account. Raises ``InvalidArgument`` for a bad or taken name."""
        _check_name("account", account_name)
        if not self._accounts.add_account(account_name):
            raise InvalidArgument("Account already exists.")
        log.info("account added", account_name=account_name)

    async def delete_account(self, account_name: str, *, force: bool) -> None:
        """Delete an account and its credentials; its orders stay in the journal. Raises ``InvalidArgument``, ``UnknownAccount``, or
        ``ActiveOrders`` without ``force``.
        """
        _check_name("account", account_name)
        if account_name == MASTER_ACCOUNT:
            raise InvalidArgument("Cannot delete master account.")
        connectors = await asyncio.to_thread(self._accounts.connectors_of, account_name)
        await self._check_active(force, f"Account '{account_name}'", OrderFilter(account_names=(account_name,)))
        if not await asyncio.to_thread(self._accounts.delete_account, account_name):
            raise UnknownAccount(account_name, f"Folder '{account_name}' not found in 'credentials'")
        for connector_name in connectors:
            self._let_go(account_name, connector_name)
        log.info("account deleted", account_name=account_name, force=force)

    def list_credentials(self, account_name: str) -> Sequence[str]:
        """The connectors that the account has credentials for. Raises ``InvalidArgument`` or ``UnknownAccount``."""
        _check_name("account", account_name)
        if not self._accounts.has_account(account_name):
            raise UnknownAccount(account_name, f"Directory 'credentials/{account_name}/connectors' not found")
        return self._accounts.connectors_of(account_name)

    async def add_credential(self, account_name: str, connector_name: str, given: Mapping[str, Any]) -> None:
        """Try credentials against the exchange, store them in place of earlier ones, and use them from now on.

        Raises ``InvalidArgument`` or ``UnknownAccount``, ``UnknownConnector`` or ``UnsupportedConnector``, ``InvalidCredentials``
        with the fields at fault or the exchange's words, ``ExchangeDown`` or ``ExchangeReadFailed`` if they could not be tried.
        Whatever is raised, earlier credentials stay in use.
        """
        _check_name("account", account_name)
        if not await asyncio.to_thread(self._accounts.has_account, account_name):
            raise UnknownAccount(account_name)
        connector_class(connector_name)
        credentials = checked(connector_name, credential_fields(connector_name), given)
        balances = await self._prove(account_name, connector_name, credentials)
        sealed = self._vault.seal(account_name, connector_name, credentials)
        await asyncio.to_thread(self._accounts.put_credential, account_name, connector_name, sealed)
        self._let_go(account_name, connector_name)
        self._portfolio.note(account_name, connector_name, balances)
        log.info("credentials added", account_name=account_name, connector_name=connector_name)

    async def delete_credential(self, account_name: str, connector_name: str, *, force: bool) -> None:
        """Delete credentials, if there are any. Raises ``InvalidArgument``, or ``ActiveOrders`` without ``force``."""
        _check_name("account", account_name)
        _check_name("connector", connector_name)
        orders = OrderFilter(account_names=(account_name,), connector_names=(connector_name,))
        if await asyncio.to_thread(self._accounts.find_credential, account_name, connector_name) is None:
            return
        await self._check_active(force, f"Connector '{connector_name}' of account '{account_name}'", orders)
        await asyncio.to_thread(self._accounts.delete_credential, account_name, connector_name)
        self._let_go(account_name, connector_name)
        log.info("credentials deleted", account_name=account_name, connector_name=connector_name, force=force)

    def ensure_master_account(self) -> None:
        """Make the account that always exists, if there is none, and give it the paper exchanges: each once, so that one which was
        deleted does not come back.
        """
        is_new = self._accounts.add_account(MASTER_ACCOUNT)
        given = self._preferences.get(_GIVEN).get("connectors", [] if is_new else [_GIVEN_FIRST])
        missing = [name for name in _PAPER if name not in given]
        for name in missing:
            if self._accounts.find_credential(MASTER_ACCOUNT, name) is None:
                self._accounts.put_credential(MASTER_ACCOUNT, name, self._vault.seal(MASTER_ACCOUNT, name, {}))
        if missing:
            self._preferences.put(_GIVEN, {"connectors": [*given, *missing]})

    async def _prove(self, account_name: str, connector_name: str, credentials: Mapping[str, str]) -> Sequence[Balance]:
        """The balances, as the exchange gave them for ``credentials``. Of what is raised the causes, which may hold a signed
        request, are cut off.
        """
        try:
            async with (
                asyncio.timeout(self._timeout.total_seconds()),
                self._sessions.trial(account_name, connector_name, credentials) as connector,
            ):
                return await connector.check_credentials()
        except CredentialsRefused as refusal:
            raise InvalidCredentials(refusal.detail) from None
        except TimeoutError:
            raise ExchangeReadTimeout(
                f"{connector_name} did not answer within {self._timeout.total_seconds():g} seconds; nothing was changed"
            ) from None
        except OrdergateError as error:
            raise error from None
        except Exception as error:  # noqa: BLE001 - an SDK's own: whatever it is, the keys were not proven, and that is said
            raise ExchangeReadError(
                f"{connector_name} could not be asked about the credentials: {type(error).__name__}; nothing was changed"
            ) from None

    async def _check_active(self, force: bool, what: str, orders: OrderFilter) -> None:
        if force:
            return
        page = await asyncio.to_thread(self._journal.active_orders, orders, limit=_COUNTED, cursor=None)
        if not page.total_count:
            return
        places = Counter(order.connector_name for order in page.items)
        where = ", ".join(f"{count} on {name}" for name, count in sorted(places.items()))
        raise ActiveOrders(
            f"{what} has {page.total_count} active order{'s' if page.total_count > 1 else ''} ({where}): cancel them first, or"
            " repeat with ?force=true to leave them at the exchange without anyone following them"
        )

    def _let_go(self, account_name: str, connector_name: str) -> None:
        self._sessions.forget(account_name, connector_name)
        self._portfolio.forget(account_name, connector_name)


def reseal(journal: Journal, vault: Vault) -> int:
    """Seal with the vault's first key what is sealed with another; how many credentials that were.

    Raises ``VaultError`` if some can't be opened, after all the others have been sealed.
    """
    count = 0
    closed: list[VaultError] = []
    for account_name, connector_name in journal.accounts.all_credentials():
        try:
            count += _reseal(journal.accounts, vault, account_name, connector_name)
        except VaultError as error:
            closed.append(error)
    if closed:
        raise VaultError("; ".join(map(str, closed)))
    return count


def _reseal(accounts: Accounts, vault: Vault, account_name: str, connector_name: str) -> bool:
    while (stored := accounts.find_credential(account_name, connector_name)) is not None:
        if vault.is_current(account_name, connector_name, stored.sealed):
            return False
        clear = vault.open(account_name, connector_name, stored.sealed)
        fresh = vault.seal(account_name, connector_name, clear)
        if accounts.replace_seal(account_name, connector_name, stored.sealed, fresh):
            return True
        # Somebody has put other credentials in this moment; they are looked at in the next round.
    return False


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"Invalid {kind} name: '{name}'. Only letters, numbers, underscores and hyphens are allowed."
        )

"""Trying stored credentials against their exchange, without placing anything: does it take them, and for orders?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.connectors.base import Connector
from app.domain.errors import ConnectorNotConfigured, CredentialsRefused, OrdergateError
from app.domain.order import AccountKey
from app.domain.wording import in_words
from app.services.sessions import Sessions
from app.storage.accounts import Accounts
from app.vault import Vault, VaultError

#: ``sealed``: they can't be opened here. ``refused``: the exchange does not take them. ``no_orders``: it takes them, but not for
#: orders. ``orders_untried``: it takes them, and whether for orders could not be tried. ``untried``: it could not be asked.
Verdict = Literal["ok", "sealed", "refused", "no_orders", "orders_untried", "untried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of it. ``detail`` has the exchange's words, empty where there is nothing to say."""

    verdict: Verdict
    detail: str = ""


class CredentialTrials:
    """The verb try_stored."""

    def __init__(self, accounts: Accounts, vault: Vault, sessions: Sessions, timeout: timedelta) -> None:
        self._accounts = accounts
        self._vault = vault
        self._sessions = sessions
        self._timeout = timeout

    async def try_stored(self, account: AccountKey) -> Trial:
        """Try the account's credentials on a connection of their own. Raises ``ConnectorNotConfigured`` without any, and
        ``JournalUnavailable``.
        """
        stored = await asyncio.to_thread(self._accounts.find_credential, *account)
        if stored is None:
            raise ConnectorNotConfigured(account.connector_name, account.account_name)
        try:
            credentials = self._vault.open(*account, stored.sealed)
        except (VaultError, ValueError) as error:
            return Trial(verdict="sealed", detail=str(error))
        try:
            async with (
                asyncio.timeout(self._timeout.total_seconds()),
                self._sessions.trial(account, credentials) as connector,
            ):
                await connector.check_credentials()
                return await _orders(connector)
        except CredentialsRefused as refusal:
            return Trial(verdict="refused", detail=refusal.detail)
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises: nothing was found out, and the verdict says so
            return Trial(verdict="untried", detail=_words(error))


async def _orders(connector: Connector) -> Trial:
    try:
        await connector.try_order()
    except CredentialsRefused as refusal:
        return Trial(verdict="no_orders", detail=refusal.detail)
    except OrdergateError as error:
        return Trial(verdict="orders_untried", detail=error.detail)
    return Trial(verdict="ok")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    # An SDK's own text may quote a credential.
    return error.detail if isinstance(error, OrdergateError) else in_words(error)

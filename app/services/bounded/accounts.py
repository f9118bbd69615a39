"""Accounts, credentials, holdings and positions, within the bounds of one caller."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from app.domain.audit import AuditRecord
from app.domain.enums import PositionMode
from app.domain.order import AccountKey
from app.services.accounts.accounts import AccountAdmin
from app.services.accounts.credential_trial import Trial
from app.services.accounts.portfolio import Portfolio, PortfolioState
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import PositionPage, Positions
from app.services.bounded.bounds import Bounds

#: Makes the audit log's record of an operation on an object.
Record = Callable[[str, str], AuditRecord]


class CallersAccounts:
    """The verbs of ``AccountAdmin``, for one caller. ``noted`` is called when the audit log has what was done."""

    def __init__(self, accounts: AccountAdmin, bounds: Bounds, record: Record, noted: Callable[[], None]) -> None:
        self._accounts = accounts
        self._bounds = bounds
        self._record = record
        self._noted = noted

    def list_accounts(self) -> Sequence[str]:
        """The names of the accounts, sorted."""
        allowed = set(self._bounds.accounts())
        return [name for name in self._accounts.list_accounts() if not allowed or name in allowed]

    def list_credentials(self, account_name: str) -> Sequence[str]:
        """The connectors that the account has credentials for."""
        self._bounds.check(account_name=account_name)
        allowed = set(self._bounds.connectors())
        return [name for name in self._accounts.list_credentials(account_name) if not allowed or name in allowed]

    def add_account(self, account_name: str) -> None:
        """Add an account."""
        self._bounds.check(account_name=account_name)
        self._accounts.add_account(account_name, self._record("accounts.add_account", account_name))
        self._noted()

    async def delete_account(self, account_name: str, *, force: bool) -> None:
        """Delete an account, unless it has credentials out of bounds."""
        self._bounds.check(account_name=account_name)
        await self._accounts.delete_account(
            account_name,
            force=force,
            record=self._record("accounts.delete_account", account_name),
            reaches=None if self._bounds.is_whole else self._reaches,
        )
        self._noted()

    def _reaches(self, connector_names: Sequence[str]) -> None:
        for connector_name in connector_names:
            self._bounds.check(connector_name=connector_name)

    async def add_credential(self, account: AccountKey, given: Mapping[str, Any]) -> None:
        """Try and store credentials."""
        self._bounds.check(account_name=account.account_name, connector_name=account.connector_name)
        await self._accounts.add_credential(account, given, self._record("accounts.add_credential", "/".join(account)))
        self._noted()

    async def delete_credential(self, account: AccountKey, *, force: bool) -> None:
        """Delete credentials."""
        self._bounds.check(account_name=account.account_name, connector_name=account.connector_name)
        await self._accounts.delete_credential(
            account, force=force, record=self._record("accounts.delete_credential", "/".join(account))
        )
        self._noted()

    async def test_credential(self, account: AccountKey) -> Trial:
        """Try stored credentials."""
        self._bounds.check(account_name=account.account_name, connector_name=account.connector_name)
        return await self._accounts.test_credential(account)


class CallersPortfolio:
    """What the accounts hold, for one caller."""

    def __init__(self, portfolio: Portfolio, bounds: Bounds) -> None:
        self._portfolio = portfolio
        self._bounds = bounds

    async def state(
        self, account_names: Collection[str] = (), connector_names: Collection[str] = (), *, refresh: bool = False
    ) -> PortfolioState:
        """As ``Portfolio.state``."""
        return await self._portfolio.state(
            self._bounds.accounts(account_names), self._bounds.connectors(connector_names), refresh=refresh
        )


class CallersPositionSettings:
    """The verbs of ``PositionSettings``, for one caller; what they are asked names account, connector and pair, which are looked at
    before.
    """

    def __init__(self, settings: PositionSettings, record: Record) -> None:
        self._settings = settings
        self._record = record

    async def position_mode(self, account: AccountKey) -> PositionMode:
        """As ``PositionSettings.position_mode``."""
        return await self._settings.position_mode(account)

    async def set_position_mode(self, account: AccountKey, wanted: str) -> PositionMode:
        """As ``PositionSettings.set_position_mode``."""
        record = self._record("positions.set_position_mode", "/".join(account))
        return await self._settings.set_position_mode(account, wanted, record)

    async def set_leverage(self, account: AccountKey, trading_pair: str, leverage: int) -> None:
        """As ``PositionSettings.set_leverage``."""
        record = self._record("positions.set_leverage", "/".join((*account, trading_pair)))
        await self._settings.set_leverage(account, trading_pair, leverage, record)


class CallersPositions:
    """The open positions, for one caller."""

    def __init__(self, positions: Positions, bounds: Bounds) -> None:
        self._positions = positions
        self._bounds = bounds

    async def page(
        self, account_names: Collection[str], connector_names: Collection[str], *, limit: int, cursor: str | None
    ) -> PositionPage:
        """As ``Positions.page``."""
        return await self._positions.page(
            self._bounds.accounts(account_names),
            self._bounds.connectors(connector_names),
            self._bounds.pairs(),
            limit=limit,
            cursor=cursor,
        )

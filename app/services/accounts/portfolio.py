"""What the accounts hold, read from their exchanges, and what it is worth.

Exchanges are asked side by side and within a time limit; an answer serves for a few seconds. An exchange that can't be asked is
never left out silently: its last answer is shown with the reason, and where there never was one it is named as missing. The
question fails where nothing is known at all. A filter selects among the answers and changes none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from app.clock import Clock
from app.concurrency.cached import Cached
from app.domain.decimals import ZERO
from app.domain.errors import (
    ConnectorNotConfigured,
    ExchangeReadError,
    ExchangeReadTimeout,
    OrdergateError,
    UnknownAccount,
)
from app.domain.order import AccountKey
from app.domain.portfolio import Holding, Holdings
from app.domain.reports import Balance
from app.domain.wording import in_words
from app.journal.journal import Journal
from app.services.markets.prices import Prices
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Seconds for which an exchange's answer serves: a page that shows state and distribution asks once.
_MAX_AGE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An account on a connector of whose holdings nothing is known, and why."""

    account_name: str
    connector_name: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioState:
    """The accounts that were asked for, also those that hold nothing, and what they hold. ``missing`` is not in ``holdings``."""

    account_names: tuple[str, ...]
    holdings: tuple[Holdings, ...]
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balances:
    """The balances of one account that are not zero, by asset."""

    balances: tuple[Balance, ...]
    asked_at: datetime


class Portfolio:
    """The verb state; and put and forget, which must be called when credentials change."""

    def __init__(
        self, *, journal: Journal, sessions: Sessions, prices: Prices, settings: Settings, clock: Clock
    ) -> None:
        self._journal = journal
        self._sessions = sessions
        self._prices = prices
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._balances: dict[AccountKey, Cached[_Balances]] = {}

    async def state(
        self, account_names: Collection[str] = (), connector_names: Collection[str] = (), *, refresh: bool = False
    ) -> PortfolioState:
        """What the named accounts hold on the named connectors; all of them without names. ``refresh`` asks the exchanges again.

        Raises ``ExchangeReadFailed`` if there are exchanges to ask, none can be asked, and none answered before.
        """
        listed = await asyncio.to_thread(self._journal.accounts.list_accounts)
        accounts = [
            account
            for account in await asyncio.to_thread(self._journal.accounts.all_credentials)
            if _chosen(account.account_name, account_names) and _chosen(account.connector_name, connector_names)
        ]
        found = await self._gather(accounts, refresh=refresh)
        holdings = tuple(each for each in found if isinstance(each, Holdings))
        missing = []
        for account, each in zip(accounts, found, strict=True):
            if isinstance(each, BaseException):
                if not holdings or not isinstance(each, OrdergateError):
                    raise each
                missing.append(Missing(**account._asdict(), problem=each.detail))
        return PortfolioState(
            account_names=tuple(name for name in listed if _chosen(name, account_names)),
            holdings=holdings,
            missing=tuple(missing),
        )

    async def known(self) -> Sequence[Holdings]:
        """What all accounts hold, without those whose holdings are not known."""
        accounts = await asyncio.to_thread(self._journal.accounts.all_credentials)
        return [each for each in await self._gather(accounts, refresh=False) if isinstance(each, Holdings)]

    def put(self, account: AccountKey, balances: Sequence[Balance]) -> None:
        """Store balances that the exchange has just answered."""
        self._cached(account).put(self._balances_of(balances))

    def forget(self, account: AccountKey) -> None:
        """Drop the balances of an account. An answer that is under way is not stored, since the credentials may have changed."""
        if account in self._balances:
            self._balances.pop(account).clear()

    async def close(self) -> None:
        """Cancel the requests that are under way."""
        for cached in list(self._balances.values()):
            await cached.close()

    async def _gather(self, accounts: Sequence[AccountKey], *, refresh: bool) -> list[Holdings | BaseException | None]:
        asked = [self._holdings(account, refresh=refresh) for account in accounts]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    def _cached(self, account: AccountKey) -> Cached[_Balances]:
        cached = self._balances.get(account)
        if cached is None:
            cached = self._balances[account] = Cached(self._clock, lambda: self._ask(account))
        return cached

    async def _holdings(self, account: AccountKey, *, refresh: bool) -> Holdings | None:
        """None if the credentials have been deleted meanwhile."""
        cached = self._cached(account)
        try:
            balances = (None if refresh else cached.fresh(_MAX_AGE)) or await cached.renew()
        except (UnknownAccount, ConnectorNotConfigured):
            return None
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises: the last answer is shown with it, or it is raised anew
            return await self._last_known(account, cached.value, error)
        return await self._priced(account, balances)

    async def _ask(self, account: AccountKey) -> _Balances:
        async with asyncio.timeout(self._timeout.total_seconds()):
            connector = await self._sessions.connector(account)
            return self._balances_of(await connector.fetch_balances())

    def _balances_of(self, balances: Sequence[Balance]) -> _Balances:
        present = sorted((each for each in balances if each.total != ZERO), key=lambda balance: balance.asset)
        return _Balances(balances=tuple(present), asked_at=self._clock.now())

    async def _last_known(self, account: AccountKey, last: _Balances | None, error: Exception) -> Holdings:
        account_name, connector_name = account
        problem = self._problem(error)
        log.warning("balances missing", account_name=account_name, connector_name=connector_name, problem=problem)
        if last is not None:
            return replace(await self._priced(account, last), problem=problem)
        snapshot = await asyncio.to_thread(self._journal.snapshots.latest, account_name, connector_name)
        if snapshot is not None:
            return replace(snapshot, problem=problem)
        kind = ExchangeReadTimeout if isinstance(error, TimeoutError | ExchangeReadTimeout) else ExchangeReadError
        raise kind(
            f"The balances of account '{account_name}' on '{connector_name}' are not known, and can't be asked for: {problem}"
        ) from error

    def _problem(self, error: Exception) -> str:
        if isinstance(error, OrdergateError):
            return error.detail
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout.total_seconds():g} seconds"
        return in_words(error)

    async def _priced(self, account: AccountKey, balances: _Balances) -> Holdings:
        prices = await self._prices.of(account.connector_name, [balance.asset for balance in balances.balances])
        return Holdings(
            account_name=account.account_name,
            connector_name=account.connector_name,
            asked_at=balances.asked_at,
            tokens=tuple(
                Holding(
                    token=balance.asset,
                    units=balance.total,
                    available_units=balance.available,
                    price=prices[balance.asset],
                )
                for balance in balances.balances
            ),
        )


def _chosen(name: str, names: Collection[str]) -> bool:
    return not names or name in names

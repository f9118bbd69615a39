"""What the accounts hold, asked of their exchanges, and what it is worth.

Exchanges are asked side by side and within a time limit; what they said serves for a few seconds. One that can't be asked is never
passed over: what it said last is shown with the reason, and where it never said anything the question fails. A filter chooses among
the answers and changes none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight
from app.domain.decimals import ZERO
from app.domain.errors import (
    ConnectorNotConfigured,
    ExchangeReadError,
    ExchangeReadTimeout,
    OrdergateError,
    UnknownAccount,
)
from app.domain.portfolio import Holding, Holdings
from app.domain.reports import Balance
from app.journal.journal import Journal
from app.services.markets.prices import Prices
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Seconds for which an exchange's answer serves: a page that shows state and distribution asks once.
_FRESH = 3.0

Place = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioState:
    """The accounts that were asked for, also those that hold nothing, and what they hold."""

    account_names: tuple[str, ...]
    holdings: tuple[Holdings, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    balances: tuple[Balance, ...]
    asked_at: datetime
    until: float  # float: the clock's monotonic seconds, no money


class Portfolio:
    """The verb state; and note and forget, by which accounts keep it true."""

    def __init__(
        self, *, journal: Journal, sessions: Sessions, prices: Prices, settings: Settings, clock: Clock
    ) -> None:
        self._journal = journal
        self._sessions = sessions
        self._prices = prices
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._answers: dict[Place, _Answer] = {}
        self._flights: SingleFlight[Place, _Answer] = SingleFlight()
        self._forgotten = 0

    async def state(
        self, account_names: Collection[str] = (), connector_names: Collection[str] = (), *, refresh: bool = False
    ) -> PortfolioState:
        """What the named accounts hold on the named connectors; all of them without names. ``refresh`` asks the exchanges again.

        Raises ``ExchangeReadFailed`` if one can't be asked of which nothing is known from before.
        """
        listed = await asyncio.to_thread(self._journal.accounts.list_accounts)
        places = [
            place
            for place in await asyncio.to_thread(self._journal.accounts.all_credentials)
            if _chosen(place[0], account_names) and _chosen(place[1], connector_names)
        ]
        found = await self._gather(places, refresh=refresh)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return PortfolioState(
            account_names=tuple(name for name in listed if _chosen(name, account_names)),
            holdings=tuple(each for each in found if isinstance(each, Holdings)),
        )

    async def known(self) -> Sequence[Holdings]:
        """What all accounts hold, without those of which nothing could be learned."""
        places = await asyncio.to_thread(self._journal.accounts.all_credentials)
        return [each for each in await self._gather(places, refresh=False) if isinstance(each, Holdings)]

    def note(self, account_name: str, connector_name: str, balances: Sequence[Balance]) -> None:
        """Take over what the exchange has said just now."""
        self._answers[(account_name, connector_name)] = self._answer(balances)

    def forget(self, account_name: str, connector_name: str) -> None:
        """What was known of this account is not to be shown any more."""
        self._forgotten += 1
        self._answers.pop((account_name, connector_name), None)
        self._flights.forget((account_name, connector_name))

    async def close(self) -> None:
        """Give up on what is under way."""
        await self._flights.close()

    async def _gather(self, places: Sequence[Place], *, refresh: bool) -> list[Holdings | BaseException | None]:
        asked = [self._holdings(place, refresh=refresh) for place in places]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    async def _holdings(self, place: Place, *, refresh: bool) -> Holdings | None:
        """None if the credentials are gone by now."""
        answer = self._answers.get(place)
        if answer is not None and not refresh and answer.until > self._clock.monotonic():
            return await self._priced(place, answer)
        forgotten = self._forgotten
        try:
            answer = await self._flights.run(place, lambda: self._ask(place))
        except (UnknownAccount, ConnectorNotConfigured):
            return None
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises: the last answer is shown with it, or it is raised anew
            return await self._last_known(place, error)
        if forgotten == self._forgotten:
            # Otherwise it may come from credentials that have been replaced meanwhile.
            self._answers[place] = answer
        return await self._priced(place, answer)

    async def _ask(self, place: Place) -> _Answer:
        async with asyncio.timeout(self._timeout.total_seconds()):
            connector = await self._sessions.connector(*place)
            return self._answer(await connector.fetch_balances())

    def _answer(self, balances: Sequence[Balance]) -> _Answer:
        held = tuple(sorted((each for each in balances if each.total != ZERO), key=lambda balance: balance.asset))
        return _Answer(balances=held, asked_at=self._clock.now(), until=self._clock.monotonic() + _FRESH)

    async def _last_known(self, place: Place, error: Exception) -> Holdings:
        account_name, connector_name = place
        problem = self._problem(error)
        log.warning("balances missing", account_name=account_name, connector_name=connector_name, problem=problem)
        answer = self._answers.get(place)
        if answer is not None:
            return replace(await self._priced(place, answer), problem=problem)
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
        return type(error).__name__

    async def _priced(self, place: Place, answer: _Answer) -> Holdings:
        prices = await self._prices.of(place[1], [balance.asset for balance in answer.balances])
        return Holdings(
            account_name=place[0],
            connector_name=place[1],
            asked_at=answer.asked_at,
            tokens=tuple(
                Holding(
                    token=balance.asset,
                    units=balance.total,
                    available_units=balance.available,
                    price=prices[balance.asset],
                )
                for balance in answer.balances
            ),
        )


def _chosen(name: str, names: Collection[str]) -> bool:
    return not names or name in names

"""Markets that their exchange pushes, kept up to date while they have followers.

Theory of operation. A market is followed from its first follower to its last. The connector's stream reconnects by itself; it is
started again here only if it raises or ends, which it should not. It yields ``Gap`` when it begins, begins again, or may have
missed something: then the snapshot is cleared and read anew over REST, and what the stream yielded since is applied to it. ``Lost``
clears the snapshot as well. So there is a value only while it is complete, together with the time when it was last confirmed. A
caller who wants a younger value, or finds none, asks over REST as if there were no stream. No failure here is an error to a caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.clock import Clock
from app.concurrency.backoff import Backoff, doubling
from app.connectors.base import Connector
from app.connectors.capabilities import MarketTopic
from app.domain.errors import UnsupportedFeature
from app.domain.reports import Gap, Lost, OrderBook, Ticker
from app.services.markets.candle_pages import fetch_last
from app.services.markets.market_snapshots import CandleSnapshot, LastMessage, MarketSnapshot, TradeSnapshot
from app.services.markets.readings import ReadingKey, read_error
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds between two attempts to seed a snapshot, at least. REST serves meanwhile.
_PAUSE = 1.0
#: Pauses after each failure to seed or to follow, in seconds.
_RESTART_PAUSES = doubling(_PAUSE, 60.0)
#: Snapshots seeded at once. After a reconnect that may be all of them, and other callers need the request limits too.
_AT_ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How one market is followed: the topic, its snapshot, and how the snapshot is read over REST."""

    topic: MarketTopic
    snapshot: MarketSnapshot
    read: Callable[[Connector], Awaitable[Any]]


class LiveMarkets:
    """The markets that are followed in this process."""

    def __init__(self, sessions: Sessions, clock: Clock, limit: timedelta) -> None:
        self._sessions = sessions
        self._clock = clock
        self._limit = limit
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._markets: dict[ReadingKey, _LiveMarket] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def follow(self, key: ReadingKey) -> Callable[[], None]:
        """Keep ``key`` up to date until the result is called, which may be done twice. Does nothing if the connector can't push."""
        market = self._markets.get(key)
        if market is None:
            market = _LiveMarket(key, self._sessions, self._clock, limit=self._limit, slots=self._slots)
            self._markets[key] = market
        market.followers += 1
        is_over = False

        def leave() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._leave(key, market)

        return leave

    def value(self, key: ReadingKey, max_age: float) -> tuple[Any, float] | None:
        """The value of ``key`` and when it was confirmed, if that is less than ``max_age`` seconds ago."""
        market = self._markets.get(key)
        found = None if market is None else market.snapshot.value
        if market is None or found is None or self._clock.monotonic() - market.confirmed_at >= max_age:
            return None
        return found, market.confirmed_at

    async def close(self) -> None:
        """Stop following all markets; may be called twice."""
        for market in self._markets.values():
            market.task.cancel()
        tasks = [*(market.task for market in self._markets.values()), *self._ending]
        self._markets.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self, key: ReadingKey, market: _LiveMarket) -> None:
        market.followers -= 1
        if market.followers == 0 and self._markets.get(key) is market:
            del self._markets[key]
            market.task.cancel()
            self._ending.add(market.task)
            market.task.add_done_callback(self._ending.discard)


class _LiveMarket:
    """One market that is followed."""

    def __init__(
        self, key: ReadingKey, sessions: Sessions, clock: Clock, *, limit: timedelta, slots: asyncio.Semaphore
    ) -> None:
        self._key = key
        self._sessions = sessions
        self._clock = clock
        self._limit = limit
        self._slots = slots
        self._plan = _plan(key)
        self._backoff = Backoff(_RESTART_PAUSES)
        self._read_at: float | None = None
        self.snapshot = self._plan.snapshot
        self.followers = 0
        self.confirmed_at = 0.0  # the clock's monotonic seconds
        self.task = asyncio.get_running_loop().create_task(self._follow_for_ever())

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._follow()
                log.warning("market stream ended", market=self._key.name)
            except UnsupportedFeature:
                return
            except Exception as fault:  # noqa: BLE001 - whatever an SDK raises, REST still serves; it is logged, and tried again
                self._log_failure(fault)
            finally:
                self.snapshot.clear()
            await self._clock.sleep(self._backoff.next_pause())

    async def _follow(self) -> None:
        connector = await self._sessions.keyless(self._key.connector_name)
        async with aclosing(connector.follow(self._plan.topic)) as events:
            async for event in events:
                if isinstance(event, Lost):
                    self.snapshot.clear()
                    log.info("market stream lost", market=self._key.name, reason=event.reason)
                elif isinstance(event, Gap) or not self.snapshot.apply(event):
                    await self._seed(connector)
                else:
                    self.confirmed_at = self._clock.monotonic()

    async def _seed(self, connector: Connector) -> None:
        """Read the snapshot anew. The stream's events wait meanwhile."""
        self.snapshot.clear()
        since = _PAUSE if self._read_at is None else self._clock.monotonic() - self._read_at
        if since < _PAUSE:
            await self._clock.sleep(_PAUSE - since)
        while not await self._is_read(connector):
            await self._clock.sleep(self._backoff.next_pause())

    async def _is_read(self, connector: Connector) -> bool:
        self._read_at = self._clock.monotonic()
        try:
            async with self._slots, asyncio.timeout(self._limit.total_seconds()):
                found = await self._plan.read(connector)
        except Exception as fault:  # noqa: BLE001 - whatever an SDK raises, it was not read; it is logged, and tried again
            self._log_failure(fault)
            return False
        self._backoff.reset()
        self.snapshot.seed(found)
        self.confirmed_at = self._clock.monotonic()
        return True

    def _log_failure(self, fault: Exception) -> None:
        error = read_error(self._key.connector_name, fault)
        log.info("market not followed", market=self._key.name, error=type(fault).__name__, problem=error.detail)


def _plan(key: ReadingKey) -> _Plan:
    """How the reading ``key`` is followed."""
    trading_pair = key.trading_pair
    if key.kind == "order_book":
        return _Plan(
            topic=MarketTopic(kind="order_book", trading_pair=trading_pair),
            snapshot=LastMessage(OrderBook),
            read=_read_nothing,
        )
    if key.kind == "ticker":
        return _Plan(
            topic=MarketTopic(kind="ticker", trading_pair=trading_pair),
            snapshot=LastMessage(Ticker),
            read=_read_nothing,
        )
    if key.kind == "trades":
        (count,) = (int(each) for each in key.detail)
        return _Plan(
            topic=MarketTopic(kind="trades", trading_pair=trading_pair),
            snapshot=TradeSnapshot(count),
            read=lambda connector: connector.fetch_recent_trades(trading_pair, count),
        )
    assert key.kind == "candles", f"{key.kind} can't be followed"
    interval, wanted = str(key.detail[0]), int(key.detail[1])
    return _Plan(
        topic=MarketTopic(kind="candles", trading_pair=trading_pair, interval=interval),
        snapshot=CandleSnapshot(interval, wanted),
        read=lambda connector: fetch_last(connector, trading_pair, interval, wanted),
    )


async def _read_nothing(connector: Connector) -> None:
    """Do nothing: each message of a book's or ticker's stream is complete."""

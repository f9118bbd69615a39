"""Markets that their exchange pushes, kept up to date while somebody watches them.

Theory of operation. A market is followed from the first watcher to the last. Its connector's stream says ``Gap`` when it begins,
begins again or may have missed something: then what is kept is forgotten and read anew over REST, and what the stream said since
is put on top. ``Lost`` forgets it as well. So there is a value only while it is whole, and with it goes when it was last confirmed:
whoever wants a younger one, or finds none, asks over REST as if there were no stream. Nothing here is ever an error to a caller.
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
from app.connectors.base import Connector, MarketTopic
from app.domain.errors import UnsupportedFeature
from app.domain.reports import Gap, Lost, OrderBook, Ticker
from app.services.markets.candle_pages import fetch_last
from app.services.markets.live_pictures import CandlesPicture, Picture, TradesPicture, WholePicture
from app.services.markets.readings import ReadingKey, read_error
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds between two attempts to read anew or to follow. REST answers meanwhile, at its own pace.
_PAUSE = 1.0
#: After failure upon failure the pauses double up to this.
_LONGEST_PAUSE = 60.0
#: Markets read anew at once: after a reconnect that may be all of them, and others have questions too.
_AT_ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How one market is followed: as what, into which picture, and how that is read over REST."""

    topic: MarketTopic
    picture: Picture
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
        """Keep ``key`` up to date until the answer is called, which may be done twice. A connector that can't push is let be."""
        market = self._markets.get(key)
        if market is None:
            market = _LiveMarket(key, self._sessions, self._clock, limit=self._limit, slots=self._slots)
            self._markets[key] = market
        market.watchers += 1
        is_over = False

        def leave() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._leave(key, market)

        return leave

    def value(self, key: ReadingKey, max_age: float) -> tuple[Any, float] | None:  # float: monotonic seconds, no money
        """What is known for ``key`` and when it was confirmed, if that is less than ``max_age`` seconds ago."""
        market = self._markets.get(key)
        found = None if market is None else market.picture.value
        if market is None or found is None or self._clock.monotonic() - market.confirmed_at >= max_age:
            return None
        return found, market.confirmed_at

    async def close(self) -> None:
        """Follow nothing any more; may be called twice."""
        for market in self._markets.values():
            market.task.cancel()
        tasks = [*(market.task for market in self._markets.values()), *self._ending]
        self._markets.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self, key: ReadingKey, market: _LiveMarket) -> None:
        market.watchers -= 1
        if market.watchers == 0 and self._markets.get(key) is market:
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
        self._failures = 0
        self._read_at: float | None = None
        self.picture = self._plan.picture
        self.watchers = 0
        self.confirmed_at = 0.0  # float: the clock's monotonic seconds, no money
        self.task = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            try:
                await self._follow()
            except UnsupportedFeature:
                return
            except Exception as fault:  # noqa: BLE001 - whatever an SDK raises, REST still answers; it is told, and tried again
                self._tell(fault)
            finally:
                self.picture.clear()
            await self._pause()

    async def _follow(self) -> None:
        connector = await self._sessions.keyless(self._key.connector_name)
        async with aclosing(connector.follow(self._plan.topic)) as events:
            async for event in events:
                if isinstance(event, Lost):
                    self.picture.clear()
                    log.info("market stream lost", market=self._key.name, reason=event.reason)
                elif isinstance(event, Gap) or not self.picture.take(event):
                    await self._begin_anew(connector)
                else:
                    self.confirmed_at = self._clock.monotonic()

    async def _begin_anew(self, connector: Connector) -> None:
        """Read what the stream goes on from; it waits meanwhile."""
        self.picture.clear()
        since = _PAUSE if self._read_at is None else self._clock.monotonic() - self._read_at
        if since < _PAUSE:
            await self._clock.sleep(_PAUSE - since)
        while not await self._is_read(connector):
            await self._pause()

    async def _is_read(self, connector: Connector) -> bool:
        self._read_at = self._clock.monotonic()
        try:
            async with self._slots, asyncio.timeout(self._limit.total_seconds()):
                found = await self._plan.read(connector)
        except Exception as fault:  # noqa: BLE001 - whatever an SDK raises, it was not read; it is told, and tried again
            self._tell(fault)
            return False
        self._failures = 0
        self.picture.seed(found)
        self.confirmed_at = self._clock.monotonic()
        return True

    def _tell(self, fault: Exception) -> None:
        self._failures += 1
        error = read_error(self._key.connector_name, fault)
        log.info("market not followed", market=self._key.name, error=type(fault).__name__, problem=error.detail)

    async def _pause(self) -> None:
        await self._clock.sleep(min(_PAUSE * 2 ** min(max(self._failures - 1, 0), 6), _LONGEST_PAUSE))


def _plan(key: ReadingKey) -> _Plan:
    """How the reading ``key`` is followed."""
    trading_pair = key.trading_pair
    if key.kind == "order_book":
        return _Plan(
            topic=MarketTopic(kind="order_book", trading_pair=trading_pair),
            picture=WholePicture(OrderBook),
            read=_nothing,
        )
    if key.kind == "ticker":
        return _Plan(
            topic=MarketTopic(kind="ticker", trading_pair=trading_pair), picture=WholePicture(Ticker), read=_nothing
        )
    if key.kind == "trades":
        (count,) = (int(each) for each in key.detail)
        return _Plan(
            topic=MarketTopic(kind="trades", trading_pair=trading_pair),
            picture=TradesPicture(count),
            read=lambda connector: connector.fetch_recent_trades(trading_pair, count),
        )
    assert key.kind == "candles", f"{key.kind} can't be followed"
    interval, wanted = str(key.detail[0]), int(key.detail[1])
    return _Plan(
        topic=MarketTopic(kind="candles", trading_pair=trading_pair, interval=interval),
        picture=CandlesPicture(interval, wanted),
        read=lambda connector: fetch_last(connector, trading_pair, interval, wanted),
    )


async def _nothing(connector: Connector) -> None:
    """A pushed book or ticker needs no reading."""

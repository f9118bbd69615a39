"""Markets that are followed, when their connector or the exchange behind it is in trouble. A scripted connector tells the story."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.connectors.capabilities import Capabilities, MarketTopic
from app.domain.errors import ExchangeReadError, UnsupportedFeature
from app.domain.reports import Candle, Gap, Lost, MarketEvent, PublicTrade
from app.services.markets.live_markets import LiveMarkets
from app.services.markets.readings import ReadingKey
from tests.clock import FakeClock
from tests.services.markets.test_market_snapshots import candle, ids_of, told, trade

TRADES = ReadingKey(kind="trades", connector_name="odd", trading_pair="BTC-USDT", detail=(1000,))
CANDLES = ReadingKey(kind="candles", connector_name="odd", trading_pair="BTC-USDT", detail=("1m", 3))


class Scripted:
    """A connector whose stream says what the test puts into ``news``, and whose REST has what the test lays there."""

    capabilities = Capabilities(order_types=(), candles_page=1000)

    def __init__(self) -> None:
        self.news: asyncio.Queue[MarketEvent | Exception | None] = asyncio.Queue()
        self.trades: Sequence[PublicTrade] | Exception = []
        self.candles: Sequence[Candle] = []
        self.followed = 0
        self.ended = 0
        self.reads = 0
        self.at_once = self.most_at_once = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def keyless(self, connector_name: str) -> Scripted:
        return self

    async def follow(self, topic: MarketTopic) -> AsyncGenerator[MarketEvent, None]:
        self.followed += 1
        try:
            while True:
                event = await self.news.get()
                if isinstance(event, Exception):
                    raise event
                if event is None:
                    return
                yield event
        finally:
            self.ended += 1

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.answers.wait()
        self.at_once -= 1
        if isinstance(self.trades, Exception):
            raise self.trades
        return self.trades

    async def fetch_candles(self, trading_pair: str, interval: str, **bounds: Any) -> Sequence[Candle]:
        self.reads += 1
        return self.candles

    def say(self, *events: MarketEvent | Exception | None) -> None:
        for event in events:
            self.news.put_nowait(event)


@pytest.fixture
def connector() -> Scripted:
    return Scripted()


@pytest.fixture
async def live(connector: Scripted, clock: FakeClock) -> AsyncIterator[LiveMarkets]:
    live = LiveMarkets(connector, clock, timedelta(seconds=5))  # type: ignore[arg-type]  # all that it uses of Sessions
    yield live
    await live.close()


async def rest() -> None:
    """Let everything run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def known(live: LiveMarkets, key: ReadingKey = TRADES) -> list[int] | None:
    found = live.value(key, 5)
    return None if found is None else ids_of(found[0])


async def test_what_was_read_and_what_is_told(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """Nothing before the stream began; then what REST has, and what is told on top; with the time of the last word."""
    leave = live.follow(TRADES)
    await rest()
    assert live.value(TRADES, 5) is None
    connector.trades = [trade(1), trade(2)]
    connector.answers.clear()
    connector.say(Gap(), trade(2), trade(3))
    await rest()
    assert live.value(TRADES, 5) is None
    connector.answers.set()
    await rest()
    assert known(live) == [1, 2, 3]
    clock.advance(4)
    connector.say(trade(4))
    await rest()
    found = live.value(TRADES, 0.5)
    assert found is not None
    assert found[1] == clock.monotonic()
    clock.advance(0.5)
    assert live.value(TRADES, 0.5) is None
    leave()
    leave()
    await rest()
    assert live.value(TRADES, 5) is None
    assert connector.ended == 1


async def test_a_lost_stream_knows_nothing(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """From the moment it is lost until it has begun and been read anew."""
    live.follow(TRADES)
    connector.trades = [trade(1)]
    connector.say(Gap())
    await rest()
    connector.say(Lost(reason="cut"))
    await rest()
    assert known(live) is None
    connector.say(trade(2))
    await rest()
    assert known(live) is None
    connector.trades = [trade(1), trade(2), trade(3)]
    connector.say(Gap())
    await rest()
    clock.advance(1)
    await rest()
    assert known(live) == [1, 2, 3]
    assert connector.reads == 2


async def test_what_can_not_be_read_is_read_again(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """With growing pauses; until then nothing is known, whatever the stream says."""
    live.follow(TRADES)
    connector.trades = ExchangeReadError("not now")
    connector.say(Gap(), trade(5))
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        await rest()
        reads = connector.reads
        clock.advance(pause - 0.5)
        await rest()
        assert (connector.reads, known(live)) == (reads, None)
        clock.advance(0.5)
    connector.trades = [trade(4)]
    await rest()
    assert known(live) == [4, 5]


async def test_a_candle_with_a_hole_before_it_is_read(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """The stream goes on, but what came between is asked for."""
    live.follow(CANDLES)
    connector.candles = [candle(0), candle(1), candle(2)]
    connector.say(Gap(), told(2, 3, closed=True))
    await rest()
    connector.candles = [candle(2, 3), candle(3), candle(4)]
    connector.say(told(4))
    await rest()
    assert live.value(CANDLES, 5) is None
    clock.advance(1)
    await rest()
    found = live.value(CANDLES, 5)
    assert found is not None
    assert list(found[0]) == connector.candles


async def test_a_stream_that_fails_is_followed_again(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """Whatever it raised."""
    live.follow(TRADES)
    connector.trades = [trade(1)]
    connector.say(Gap())
    await rest()
    assert known(live) == [1]
    for fault in (ZeroDivisionError(), ExchangeReadError("gone")):
        connector.say(fault)
        await rest()
        assert known(live) is None
        followed = connector.followed
        clock.advance(2)
        await rest()
        assert connector.followed == followed + 1
    connector.say(Gap())
    await rest()
    assert known(live) == [1]


async def test_a_stream_that_ends_is_followed_again(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """None should end: the market is not known meanwhile, and the pauses grow until it is."""
    live.follow(TRADES)
    for pause in (1, 2, 4):
        connector.say(None)
        await rest()
        followed = connector.followed
        clock.advance(pause - 0.5)
        await rest()
        assert connector.followed == followed
        clock.advance(0.5)
        await rest()
        assert connector.followed == followed + 1
    connector.trades = [trade(1)]
    connector.say(Gap())
    await rest()
    assert known(live) == [1]
    connector.say(None)
    await rest()
    assert known(live) is None
    clock.advance(1)
    await rest()
    assert connector.followed == followed + 2


async def test_what_can_not_be_followed_is_let_be(live: LiveMarkets, connector: Scripted, clock: FakeClock) -> None:
    """Once is enough to know it."""
    leave = live.follow(TRADES)
    connector.say(UnsupportedFeature("no streams"))
    await rest()
    clock.advance(100)
    await rest()
    assert (connector.followed, known(live)) == (1, None)
    leave()


async def test_after_a_reconnect_not_all_is_read_at_once(live: LiveMarkets, connector: Scripted) -> None:
    """Others have questions to the exchange too."""
    keys = [ReadingKey(kind="trades", connector_name="odd", trading_pair=f"{n}-USDT", detail=(9,)) for n in range(20)]
    connector.answers.clear()
    for key in keys:
        live.follow(key)
    connector.say(*[Gap()] * len(keys))
    await rest()
    connector.answers.set()
    await rest()
    assert connector.most_at_once == 5
    assert connector.reads == 20


async def test_closing_ends_all(live: LiveMarkets, connector: Scripted) -> None:
    """Also what has just been left."""
    leave = live.follow(TRADES)
    live.follow(CANDLES)
    await rest()
    leave()
    await live.close()
    assert connector.followed == connector.ended == 2
    await live.close()

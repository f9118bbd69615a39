"""What is new in a market since the last look, for each subscriber by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from app.domain.errors import ExchangeReadError, UnsupportedPair
from app.services.markets.market_data import MarketData
from app.services.markets.market_watch import BookWatch, CandleWatch, TickerWatch, TradeWatch
from app.services.markets.readings import Readings
from tests.services.world import TIMEOUT, World, request

PAIR = "BTC-USDT"


@pytest.fixture
async def market(world: World) -> AsyncIterator[MarketData]:
    market = MarketData(world.sessions, Readings(world.clock, TIMEOUT), world.clock)
    yield market
    await market.close()


async def test_a_book_is_news_only_when_it_changed(market: MarketData, world: World) -> None:
    """The first look shows it, the next ones only if something within the depth is different."""
    watch = BookWatch(market, "paper", PAIR, 5)
    await watch.start()
    book = await watch.look()
    assert book is not None
    assert len(book.bids) == len(book.asks) == 5
    world.clock.advance(0.3)
    assert await watch.look() is None
    await world.orders.place(request(price=book.bids[0].price, amount=Decimal("0.5")))
    world.clock.advance(0.3)
    changed = await watch.look()
    assert changed is not None
    assert changed.bids[0].amount == book.bids[0].amount + Decimal("0.5")


async def test_a_ticker_is_news_only_when_it_changed(market: MarketData, world: World) -> None:
    """The first look shows it, the next ones only with another price or volume."""
    watch = TickerWatch(market, "paper", PAIR)
    await watch.start()
    first = await watch.look()
    assert first is not None
    assert first == await market.ticker("paper", PAIR)
    assert await watch.look() is None
    world.clock.advance(2)
    changed = await watch.look()
    assert changed is not None
    assert changed.reported_at > first.reported_at
    assert (changed.price, changed.base_volume) != (first.price, first.base_volume)
    watch.close()
    watch.close()


async def test_candles_come_whole_when_one_opens_and_singly_while_it_grows(market: MarketData, world: World) -> None:
    """First all of them, then the growing one, then all again with the new minute."""
    watch = CandleWatch(market, "paper", PAIR, "1m", 3)
    await watch.start()
    first = await watch.look()
    assert first is not None
    assert (first.is_new, len(first.candles)) == (True, 3)
    assert await watch.look() is None
    world.clock.advance(1)
    grown = await watch.look()
    assert grown is not None
    assert (grown.is_new, len(grown.candles)) == (False, 1)
    assert grown.candles[0].opened_at == first.candles[-1].opened_at
    world.clock.advance(60)
    opened = await watch.look()
    assert opened is not None
    assert opened.is_new
    assert opened.candles[1].opened_at == first.candles[-1].opened_at


async def test_trades_come_once_each(market: MarketData, world: World) -> None:
    """Only those after the start, oldest first, none twice and none left out."""
    watch = TradeWatch(market, "paper", PAIR)
    await watch.start()
    assert await watch.look() is None
    seen = []
    for pause in (1, 3, 0.5, 100, 250, 1):
        world.clock.advance(pause)
        seen += await watch.look() or ()
    first, last = int(seen[0].exchange_trade_id), int(seen[-1].exchange_trade_id)
    assert [int(trade.exchange_trade_id) for trade in seen] == list(range(first, last + 1))
    assert len(seen) == 355


async def test_each_watch_sees_for_itself(market: MarketData, world: World) -> None:
    """What one subscriber has seen is news for another, and both cost one question."""
    one, other = TradeWatch(market, "paper", PAIR), TradeWatch(market, "paper", PAIR)
    await one.start()
    await other.start()
    world.clock.advance(2)
    assert await one.look() == await other.look()
    (reading,) = market.active()
    assert reading.questions == 2


async def test_a_market_that_is_not_there(market: MarketData) -> None:
    """The start tells."""
    for watch in (
        BookWatch(market, "paper", "NO-PAIR", 5),
        CandleWatch(market, "paper", "NO-PAIR", "1m", 5),
        TradeWatch(market, "paper", "NO-PAIR"),
        TickerWatch(market, "paper", "NO-PAIR"),
    ):
        with pytest.raises(UnsupportedPair):
            await watch.start()


async def test_a_look_that_failed_can_be_repeated(market: MarketData, world: World) -> None:
    """Trouble loses nothing: the next good look has all that came meanwhile."""
    watch = TradeWatch(market, "paper", PAIR)
    await watch.start()
    venue = world.sessions._venues["paper"]
    world.clock.advance(1)
    venue._is_closed = True
    with pytest.raises(ExchangeReadError):
        await watch.look()
    venue._is_closed = False
    world.clock.advance(1)
    assert [int(trade.traded_at.second) for trade in await watch.look() or ()] == [6, 7]

"""What is new in a market since the last look, for each subscriber by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from app.domain.errors import ExchangeReadError, UnsupportedPair
from app.services.markets.market_data import MarketData
from app.services.markets.market_subscriptions import (
    BookSubscription,
    CandleSubscription,
    TickerSubscription,
    TradeSubscription,
)
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
    subscription = BookSubscription(market, "paper", PAIR, 5)
    await subscription.start()
    book = await subscription.poll()
    assert book is not None
    assert len(book.bids) == len(book.asks) == 5
    world.clock.advance(0.3)
    assert await subscription.poll() is None
    await world.orders.place(request(price=book.bids[0].price, amount=Decimal("0.5")))
    world.clock.advance(0.3)
    changed = await subscription.poll()
    assert changed is not None
    assert changed.bids[0].amount == book.bids[0].amount + Decimal("0.5")


async def test_a_ticker_is_news_only_when_it_changed(market: MarketData, world: World) -> None:
    """The first look shows it, the next ones only with another price or volume."""
    subscription = TickerSubscription(market, "paper", PAIR)
    await subscription.start()
    first = await subscription.poll()
    assert first is not None
    assert first == await market.ticker("paper", PAIR)
    assert await subscription.poll() is None
    world.clock.advance(2)
    changed = await subscription.poll()
    assert changed is not None
    assert changed.reported_at > first.reported_at
    assert (changed.price, changed.base_volume) != (first.price, first.base_volume)
    subscription.close()
    subscription.close()


async def test_candles_come_whole_when_one_opens_and_singly_while_it_grows(market: MarketData, world: World) -> None:
    """First all of them, then the growing one, then all again with the new minute."""
    subscription = CandleSubscription(market, "paper", PAIR, "1m", 3)
    await subscription.start()
    first = await subscription.poll()
    assert first is not None
    assert (first.is_new, len(first.candles)) == (True, 3)
    assert await subscription.poll() is None
    world.clock.advance(1)
    grown = await subscription.poll()
    assert grown is not None
    assert (grown.is_new, len(grown.candles)) == (False, 1)
    assert grown.candles[0].opened_at == first.candles[-1].opened_at
    world.clock.advance(60)
    opened = await subscription.poll()
    assert opened is not None
    assert opened.is_new
    assert opened.candles[1].opened_at == first.candles[-1].opened_at


async def test_trades_come_once_each(market: MarketData, world: World) -> None:
    """Only those after the start, oldest first, none twice and none left out."""
    subscription = TradeSubscription(market, "paper", PAIR)
    await subscription.start()
    assert await subscription.poll() is None
    seen = []
    for pause in (1, 3, 0.5, 100, 250, 1):
        world.clock.advance(pause)
        seen += await subscription.poll() or ()
    first, last = int(seen[0].exchange_trade_id), int(seen[-1].exchange_trade_id)
    assert [int(trade.exchange_trade_id) for trade in seen] == list(range(first, last + 1))
    assert len(seen) == 355


async def test_each_watch_sees_for_itself(market: MarketData, world: World) -> None:
    """What one subscriber has seen is news for another, and both cost one question."""
    one, other = TradeSubscription(market, "paper", PAIR), TradeSubscription(market, "paper", PAIR)
    await one.start()
    await other.start()
    world.clock.advance(2)
    assert await one.poll() == await other.poll()
    (reading,) = market.active()
    assert reading.questions == 2


async def test_a_market_that_is_not_there(market: MarketData) -> None:
    """The start tells."""
    for subscription in (
        BookSubscription(market, "paper", "NO-PAIR", 5),
        CandleSubscription(market, "paper", "NO-PAIR", "1m", 5),
        TradeSubscription(market, "paper", "NO-PAIR"),
        TickerSubscription(market, "paper", "NO-PAIR"),
    ):
        with pytest.raises(UnsupportedPair):
            await subscription.start()


async def test_a_look_that_failed_can_be_repeated(market: MarketData, world: World) -> None:
    """Trouble loses nothing: the next good look has all that came meanwhile."""
    subscription = TradeSubscription(market, "paper", PAIR)
    await subscription.start()
    venue = world.sessions._venues["paper"]
    world.clock.advance(1)
    venue._is_closed = True
    with pytest.raises(ExchangeReadError):
        await subscription.poll()
    venue._is_closed = False
    world.clock.advance(1)
    assert [int(trade.traded_at.second) for trade in await subscription.poll() or ()] == [6, 7]

"""Volume and price questions over the real paper exchange: the cheap book first, the deep one where it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from app.domain.errors import UnsupportedPair
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.readings import Readings
from tests.services.world import TIMEOUT, World, request

PAIR = "BTC-USDT"


@pytest.fixture
async def market(world: World) -> AsyncIterator[MarketData]:
    market = MarketData(world.sessions, Readings(world.clock, TIMEOUT), world.clock)
    yield market
    await market.close()


@pytest.fixture
def books(market: MarketData) -> Books:
    return Books(market)


def depths(market: MarketData) -> list[object]:
    """The depths that were asked for."""
    return [reading.key.detail[0] for reading in market.books("paper")]


async def test_a_small_question_needs_the_cheap_book_only(books: Books, market: MarketData) -> None:
    """What a hundred levels hold is answered from them, exactly as they stand."""
    book = await market.order_book("paper", PAIR, 100)
    best = book.asks[0]
    answer = await books.by_volume("paper", PAIR, best.amount, is_buy=True)
    assert answer.sweep.last_price == best.price
    assert answer.sweep.volume == best.amount
    assert answer.reported_at == book.reported_at
    sold = await books.by_volume("paper", PAIR, Decimal("0.00001"), is_buy=False)
    assert sold.sweep.last_price == book.bids[0].price
    assert depths(market) == [100]


async def test_a_large_question_needs_the_deep_book(books: Books, market: MarketData, world: World) -> None:
    """An order that rests far below the hundredth level is found, by price and by volume."""
    shallow = await books.by_volume("paper", PAIR, Decimal("0.01"), is_buy=False)
    assert shallow.sweep.is_complete
    everything = sum((level.amount for level in (await market.order_book("paper", PAIR, 1000)).bids), Decimal(0))
    await world.orders.place(request(price=Decimal(50_000), amount=Decimal("0.5")))
    world.clock.advance(0.25)

    by_price = await books.by_price("paper", PAIR, Decimal(50_000), is_buy=False)
    assert by_price.sweep.last_price == 50_000
    assert by_price.sweep.volume == everything + Decimal("0.5")
    by_volume = await books.by_volume("paper", PAIR, by_price.sweep.volume, is_buy=False)
    assert (by_volume.sweep.last_price, by_volume.sweep.is_complete) == (50_000, True)
    by_money = await books.by_quote_volume("paper", PAIR, by_price.sweep.quote_volume, is_buy=False)
    assert (by_money.sweep.volume, by_money.sweep.is_complete) == (by_price.sweep.volume, True)
    assert depths(market) == [100, 1000]


async def test_a_question_that_no_book_answers(books: Books) -> None:
    """Where the deep book ends too, the answer says how much there is and that it is not complete."""
    answer = await books.by_volume("paper", PAIR, Decimal(1_000_000), is_buy=True)
    assert not answer.sweep.is_complete
    assert 0 < answer.sweep.volume < 1_000_000


async def test_an_unknown_pair(books: Books) -> None:
    """It has no book."""
    with pytest.raises(UnsupportedPair):
        await books.by_price("paper", "NO-PAIR", Decimal(1), is_buy=True)

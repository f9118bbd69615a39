"""A side of the book keeps price-time priority."""

from dataclasses import replace
from decimal import Decimal as D

from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.book import Book
from app.paper.orders import PaperOrder
from tests.clock import START


def order(number: int, side: TradeType, price: int) -> PaperOrder:
    return PaperOrder(
        exchange_order_id=number,
        account="ann",
        client_order_id=f"o{number}",
        trading_pair="APPLE-EURO",
        trade_type=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=D(price),
        amount=D(1),
        quote_amount=None,
        placed_tick=1,
        created_at=START,
        updated_at=START,
    )


def test_the_better_price_is_first_and_among_equals_the_older_order() -> None:
    """High bids and low asks first, whatever the order in which they came."""
    book = Book()
    for number, price in ((3, 10), (1, 9), (2, 10), (4, 11)):
        book.side(TradeType.BUY).put(order(number, TradeType.BUY, price))
        book.side(TradeType.SELL).put(order(number, TradeType.SELL, price))
    assert [each.exchange_order_id for each in book.side(TradeType.BUY)] == [4, 2, 3, 1]
    assert [each.exchange_order_id for each in book.side(TradeType.SELL)] == [1, 2, 3, 4]


def test_a_newer_version_of_an_order_keeps_its_place() -> None:
    """A partial fill costs no priority."""
    side = Book().side(TradeType.SELL)
    side.put(order(1, TradeType.SELL, 10))
    side.put(order(2, TradeType.SELL, 10))
    side.put(replace(order(1, TradeType.SELL, 10), filled_amount=D("0.5")))
    assert [(each.exchange_order_id, each.remaining) for each in side] == [(1, D("0.5")), (2, D(1))]


def test_an_order_can_be_removed_once_and_the_book_is_empty_then() -> None:
    """Removing what is not there does nothing."""
    book = Book()
    side = book.side(TradeType.BUY)
    side.put(order(1, TradeType.BUY, 10))
    assert side.best() is not None
    assert not book.is_empty()
    side.remove(order(1, TradeType.BUY, 10))
    side.remove(order(1, TradeType.BUY, 10))
    assert side.best() is None
    assert book.is_empty()

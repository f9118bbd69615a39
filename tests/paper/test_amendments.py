"""Amendments at the exchange: what they hold and free, what they trade, and when they end the order."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.domain.enums import OrderState, OrderType, TradeType
from app.paper.orders import PaperOrder
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.paper.still_market import limit
from tests.paper.test_engine import BUY, SELL, Exchange


def amend(exchange: Exchange, order: PaperOrder, amount: str, price: str | None = None) -> PaperOrder:
    """Give ``order`` an amount and, if one is named, a price."""
    return exchange.engine.amend(
        order, exchange.now, amount=D(amount), price=order.limit if price is None else D(price)
    )


def names(exchange: Exchange) -> list[str]:
    """The events of orders since the last look."""
    return [event.name for event in exchange.changes().events if event.order is not None]


def test_a_smaller_amount_frees_the_rest_of_the_hold() -> None:
    """The order stays in the book with what is left."""
    exchange = Exchange(asks=((101, "5"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90))
    exchange.changes()
    amended = amend(exchange, order, "0.5")
    assert (amended.amount, amended.price, amended.state) == (D("0.5"), D(90), OrderState.OPEN)
    assert exchange.order("ann", "a") == amended
    assert exchange.money("ann")["EURO"] == (D(10_000), D(9_955))
    assert names(exchange) == ["amended"]


def test_a_new_price_moves_the_order_in_the_book() -> None:
    """It is matched at its new price, and canceled from there."""
    exchange = Exchange(asks=((101, "5"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90))
    better = exchange.place(limit("bob", "b", BUY, "1", 91))
    amended = amend(exchange, order, "2", "92")
    side = exchange.engine.state.book(order.trading_pair).side(BUY)
    assert [each.client_order_id for each in side] == ["a", "b"]
    exchange.engine.cancel(amended, exchange.now)
    exchange.engine.cancel(better, exchange.now)
    assert not side
    assert exchange.money("ann")["EURO"] == (D(10_000), D(10_000))


def test_a_price_beyond_the_market_trades_at_once() -> None:
    """As a taker, at the market's price; the rest stays."""
    exchange = Exchange(asks=((101, "1"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90))
    exchange.changes()
    amended = amend(exchange, order, "2", "101")
    assert (amended.filled_amount, amended.filled_quote, amended.state) == (D(1), D(101), OrderState.OPEN)
    assert names(exchange) == ["amended", "trade"]


def test_an_amount_that_is_filled_already_ends_the_order() -> None:
    """Nothing is left to fill, so the order is canceled."""
    exchange = Exchange(asks=((101, "1"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 101))
    assert order.filled_amount == 1
    assert amend(exchange, order, "1").state is OrderState.CANCELED


def test_a_maker_order_that_would_trade_is_canceled() -> None:
    """It may not take."""
    exchange = Exchange(asks=((101, "1"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90, order_type=OrderType.LIMIT_MAKER))
    assert amend(exchange, order, "2", "101").state is OrderState.CANCELED


@pytest.mark.parametrize(
    ("amount", "price", "code"),
    [("1000", "90", RefusalCode.INSUFFICIENT_BALANCE), ("2", "90.123456789", RefusalCode.PRICE_FILTER)],
)
def test_a_refused_amendment_changes_nothing(amount: str, price: str, code: RefusalCode) -> None:
    """Neither the order nor the hold."""
    exchange = Exchange(asks=((101, "5"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90))
    exchange.changes()
    before = exchange.engine.state.ledger.all()
    with pytest.raises(PaperRefusal) as refusal:
        amend(exchange, order, amount, price)
    assert refusal.value.code is code
    assert exchange.engine.state.ledger.all() == before
    assert exchange.order("ann", "a") == order
    assert names(exchange) == []


def test_another_process_sees_the_new_price() -> None:
    """Loading the newer version of an order moves it in the book, too."""
    exchange = Exchange(asks=((101, "5"),))
    order = exchange.place(limit("ann", "a", SELL, "2", 120))
    other = exchange.place(limit("bob", "b", SELL, "2", 110))
    side = exchange.engine.state.book(order.trading_pair).side(TradeType.SELL)
    amended = amend(exchange, order, "2", "105")
    side.put(amended)
    assert [each.client_order_id for each in side] == ["a", "b"]
    side.remove(order)
    side.remove(other)
    assert not side

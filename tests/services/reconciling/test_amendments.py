"""Orders whose terms, or client ids, change at the exchange: the journal follows, and the order stays within reach."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from app.domain.enums import OrderState
from app.domain.order import AccountKey, Order
from app.domain.reports import OrderReport
from app.services.reconciling.feed import Feed
from tests.journal.replaying import replay
from tests.services.world import ACCOUNT, World, request, until

D = Decimal


def amend(world: World, order: Order, amount: str, price: str | None = None) -> None:
    """Amend ``order`` past the gateway, as its owner may in the exchange's own page."""
    assert order.exchange_order_id is not None
    world.exchange.amend(
        ACCOUNT,
        exchange_order_id=int(order.exchange_order_id),
        amount=D(amount),
        price=None if price is None else D(price),
    )


async def reconcile(world: World) -> None:
    await world.recovery.reconcile(AccountKey(ACCOUNT, "paper"))


async def heard(feed: Feed, report: OrderReport) -> None:
    """What the stream says, and what follows from it in the journal."""
    await feed._handle(report)
    await feed._look_up([report])


async def placed(world: World) -> Order:
    """An order that rests."""
    return (await world.orders.place(request(client_order_id="o1"))).order


async def test_the_book_shows_other_terms(each_world: World) -> None:
    """No event came; the look at the book finds what was amended, once, and the journal stays the fold of its events."""
    order = await placed(each_world)
    each_world.clock.advance(5)
    amend(each_world, order, "0.004", "39000")

    for _ in range(2):
        await reconcile(each_world)

    order = each_world.order("o1")
    assert (order.state, order.amount, order.price) == (OrderState.OPEN, D("0.004"), D(39_000))
    assert each_world.kinds("o1") == ["intended", "accepted", "amended"]
    assert replay(each_world.journal, order.key) == order
    assert each_world.violations() == ()


async def test_an_amended_order_can_be_canceled(world: World) -> None:
    """The cancel asks for the order, not for what it was."""
    order = await placed(world)
    world.clock.advance(5)
    amend(world, order, "0.004")
    assert (await world.orders.cancel(order.key)).state is OrderState.CANCELED
    assert world.order("o1").amount == D("0.004")


async def test_an_amendment_is_found_by_asking(world: World) -> None:
    """The answer to the order was lost, and the order was amended before anybody asked."""
    world.faults.plan("submit", "reset")
    await world.orders.place(request(client_order_id="o1"))
    [true] = world.at_exchange("o1")
    world.clock.advance(5)
    world.exchange.amend(ACCOUNT, exchange_order_id=int(true.exchange_order_id), amount=D("0.004"))

    await reconcile(world)
    await until(lambda: not world.journal.unsettled_orders(), world.clock)

    assert (world.order("o1").state, world.order("o1").amount) == (OrderState.OPEN, D("0.004"))
    assert world.violations() == ()


async def test_an_amendment_that_the_stream_tells_of(world: World) -> None:
    """The feed records it; the amount that is left fills the order."""
    order = await placed(world)
    connector = await world.connector()
    world.clock.advance(5)
    amend(world, order, "0.004")
    [report] = await connector.fetch_open_orders()
    feed = world.feed()
    await heard(feed, report)
    assert world.kinds("o1")[-1] == "amended"
    world.path.prices["BTC-USDT"] = D(39_000)
    world.clock.advance(5)
    filled = await connector.fetch_order(order.ref)
    assert filled is not None
    await heard(feed, filled)
    assert (world.order("o1").state, world.order("o1").filled_amount) == (OrderState.FILLED, D("0.004"))
    assert world.violations() == ()


# -- other client ids ------------------------------------------------------------------------------------------------


async def renamed(world: World, **changes: Any) -> OrderReport:
    """What the exchange says of the one order after an amendment in its page gave it the client id ``web_1``."""
    connector = await world.connector()
    [report] = await connector.fetch_open_orders()
    return structs.replace(report, **{"order_id": "web_1", **changes})


async def test_an_order_is_recorded_under_the_client_id_that_an_amendment_gave_it(world: World) -> None:
    """The event of the amendment names both ids; what follows names the new one only, and is about the same order."""
    order = await placed(world)
    connector = await world.connector()
    feed = world.feed()
    world.clock.advance(5)
    amend(world, order, "0.004")
    await heard(feed, await renamed(world, order_id="o1", new_client_order_id="web_1"))
    assert world.order("o1").exchange_client_order_id == "web_1"
    world.path.prices["BTC-USDT"] = D(39_000)
    world.clock.advance(5)
    filled = await connector.fetch_order(order.ref)
    assert filled is not None
    await heard(feed, structs.replace(filled, order_id="web_1"))
    assert (world.order("o1").state, world.order("o1").filled_amount) == (OrderState.FILLED, D("0.004"))


async def test_the_book_shows_an_order_under_another_client_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event of the amendment was lost. The exchange's own id tells which order it is, and none is taken for missing."""
    order = await placed(world)
    connector = await world.connector()
    world.clock.advance(5)
    amend(world, order, "0.004")
    book = [await renamed(world)]

    async def fetch_open_orders(trading_pair: str | None = None) -> list[OrderReport]:
        return book

    monkeypatch.setattr(connector, "fetch_open_orders", fetch_open_orders)
    for _ in range(2):
        await reconcile(world)
    await world.rest()

    order = world.order("o1")
    assert (order.exchange_client_order_id, order.amount) == ("web_1", D("0.004"))
    assert world.kinds("o1") == ["intended", "accepted", "amended"]
    assert replay(world.journal, order.key) == order


async def test_a_foreign_order_with_our_orders_number_is_not_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test network that was reset counts ids anew: the same number on the other side is another order."""
    await placed(world)
    connector = await world.connector()
    world.clock.advance(5)
    report = await renamed(world, reported_at=world.clock.now())
    assert report.terms is not None
    book = [structs.replace(report, terms=structs.replace(report.terms, trade_type="SELL"))]

    async def fetch_open_orders(trading_pair: str | None = None) -> list[OrderReport]:
        return book

    monkeypatch.setattr(connector, "fetch_open_orders", fetch_open_orders)
    await reconcile(world)
    await world.rest()
    assert world.kinds("o1") == ["intended", "accepted"]

"""Cancelling: what is written before and after the call, and what a caller is told whatever the exchange does."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from app.domain.enums import OrderState
from app.domain.errors import (
    ExchangeDown,
    JournalUnavailable,
    OrderNotFound,
    OrderRefused,
)
from app.domain.order import OrderRef
from app.domain.reports import OrderReport
from tests.services.world import World, gathered, key, market, request, until


async def test_cancelling_an_open_order(each_world: World) -> None:
    """The answer is the order as the exchange then has it."""
    placed = await each_world.orders.place(request())
    order = await each_world.orders.cancel(placed.order.key)

    assert order.state is OrderState.CANCELED
    assert each_world.kinds(order.order_id) == ["intended", "accepted", "cancel_requested", "canceled"]
    assert each_world.violations() == ()


@pytest.mark.parametrize("order_id", ["nothing", "done"])
async def test_what_is_not_active_can_not_be_canceled(world: World, order_id: str) -> None:
    """An order that is not there or is done is not found among the active ones."""
    await world.orders.place(market(client_order_id="done"))
    with pytest.raises(OrderNotFound):
        await world.orders.cancel(key(order_id))


@pytest.mark.parametrize("fault", ["cancel_lost", "cancel_reset", "cancel_down"])
async def test_a_cancel_without_an_answer_is_settled(world: World, fault: str) -> None:
    """The order is shown as open with the cancel asked for, until asking says whether it was done."""
    placed = await world.orders.place(request())
    order_id = placed.order.order_id
    world.faults.plan("cancel", fault)

    order = await world.orders.cancel(key(order_id))
    assert order.state is OrderState.OPEN
    assert order.cancel_requested_at is not None

    if fault == "cancel_down":
        await until(lambda: world.order(order_id).cancel_requested_at is None, world.clock)
        assert world.kinds(order_id)[-1] == "cancel_refused"
    else:
        await until(lambda: world.order(order_id).state is OrderState.CANCELED, world.clock)
    assert world.violations() == ()


async def test_a_cancel_that_meets_a_filled_order_learns_of_the_fills(world: World) -> None:
    """The market came first: the answer to the cancel is the filled order."""
    placed = await world.orders.place(request())
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(2)

    order = await world.orders.cancel(placed.order.key)

    assert order.state is OrderState.FILLED
    assert world.violations() == ()


@pytest.mark.parametrize("answers", [True, False])
async def test_a_cancel_s_answer_without_the_fills(world: World, answers: bool) -> None:
    """The fills are asked for; if that fails, the order is shown as it is and pursued."""
    placed = await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(2)
    world.faults.plan("report", "bare")
    # The first question is the connector's own, about the order that it could not cancel.
    world.faults.plan("ask", None, *([] if answers else ["unanswered"]))

    order = await world.orders.cancel(placed.order.key)

    assert order.state is (OrderState.FILLED if answers else OrderState.OPEN)
    await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
    assert world.violations() == ()


async def test_a_cancel_that_is_only_begun_is_pursued(world: World) -> None:
    """The exchange answers that the order is still open: it is asked about until it is not."""
    placed = await world.orders.place(request(client_order_id="o1"))
    connector = await world.connector()
    open_report = await connector.fetch_order(placed.order.ref)
    cancel = connector.cancel_order

    async def slow_cancel(ref: OrderRef) -> OrderReport:
        await cancel(ref)
        assert open_report is not None
        return open_report

    connector.cancel_order = slow_cancel  # type: ignore[method-assign]
    assert (await world.orders.cancel(placed.order.key)).state is OrderState.OPEN
    await until(lambda: world.order("o1").state is OrderState.CANCELED, world.clock)


async def test_a_refused_cancel_that_can_not_be_recorded_is_raised(world: World) -> None:
    """The caller learns what the exchange said, whatever the journal does."""
    world.faults.plan("submit", "down")
    placed = await world.orders.place(request(client_order_id="o1"))
    note = world.recorder.note

    async def failing(*arguments: object, **more: object) -> object:
        if "cancel_refused" in map(str, arguments):
            raise JournalUnavailable("gone")
        return await note(*arguments, **more)  # type: ignore[arg-type]

    world.recorder.note = failing  # type: ignore[method-assign,assignment]
    with pytest.raises(OrderRefused):
        await world.orders.cancel(placed.order.key)
    assert world.kinds("o1")[-1] == "cancel_requested"


async def test_a_refused_cancel_is_recorded_and_raised(world: World) -> None:
    """The exchange does not know the order (it is on its way): the cancel is refused, and the order is pursued."""
    world.faults.plan("submit", "late")
    placed = await world.orders.place(request())
    order_id = placed.order.order_id

    with pytest.raises(OrderRefused) as caught:
        await world.orders.cancel(key(order_id))

    assert caught.value.order_id == order_id
    assert world.kinds(order_id)[-2:] == ["cancel_requested", "cancel_refused"]
    await until(lambda: world.order(order_id).state is OrderState.OPEN, world.clock, step=0.02)
    assert world.violations() == ()


@pytest.mark.parametrize("verb", ["observe", "note"])
async def test_a_cancel_that_can_not_be_recorded_is_not_a_failure(world: World, verb: str) -> None:
    """The exchange did it, or nobody knows; the caller gets the order as it was recorded last, and recovery the rest."""
    placed = await world.orders.place(request())
    order_id = placed.order.order_id
    if verb == "note":
        world.faults.plan("cancel", "cancel_reset")
    stored = getattr(world.recorder, verb)

    async def failing(*arguments: object, **more: object) -> object:
        if "cancel_requested" in map(str, arguments):
            return await stored(*arguments, **more)
        raise JournalUnavailable("gone")

    setattr(world.recorder, verb, failing)
    order = await world.orders.cancel(key(order_id))
    setattr(world.recorder, verb, stored)

    assert order.state is OrderState.OPEN
    await until(lambda: world.order(order_id).state is OrderState.CANCELED, world.clock)
    assert world.violations() == ()


async def test_cancels_refused_by_one_exception_keep_their_own_ids(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds for cancels."""
    connector = await world.connector()
    ids = [f"mine-{number}" for number in range(3)]
    for name in ids:
        await world.orders.place(request(client_order_id=name))
    shared = ExchangeDown("the clock could not be read")

    async def refuse(_ref: OrderRef) -> OrderReport:
        await asyncio.sleep(0)
        raise shared

    monkeypatch.setattr(connector, "cancel_order", refuse)
    errors = await gathered(*(world.orders.cancel(key(name)) for name in ids))

    assert [error.order_id for error in errors] == ids


async def test_a_refused_cancel_of_an_order_that_is_done_answers_with_the_order(world: World) -> None:
    """The stream has shown the order canceled while the exchange's answer says that it can't be."""
    placed = await world.orders.place(request())
    connector = await world.connector()

    class Contradicting(type(connector)):  # type: ignore[misc]
        async def cancel_order(self, ref: OrderRef) -> OrderReport:
            report = await super().cancel_order(ref)
            await world.recorder.observe(placed.order.key, report, "stream", "the stream")
            raise OrderRefused("unknown order")

    connector.__class__ = Contradicting
    assert (await world.orders.cancel(placed.order.key)).state is OrderState.CANCELED

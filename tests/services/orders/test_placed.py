"""What an exchange's "this id is taken" means: a doubt where the id is the order's own, a refusal where it may be another's."""

from __future__ import annotations

from typing import Any

import pytest

from app.connectors.paper.spot import PaperConnector
from app.connectors.rows import Rows, UnreadableRow
from app.domain.enums import OrderState
from app.domain.errors import ClockRefused, DuplicateOrderId, ExchangeDown, Refused
from app.domain.order import Order, OrderRef
from app.domain.reports import OrderReport
from app.journal.records import Opened
from tests.services.orders.test_retrying import placed, refusing
from tests.services.world import World, request, until


async def taken(world: World, *refusals: Refused) -> None:
    """Let the next submits be refused so; those after them are taken by the exchange and answered as duplicates."""
    left = list(refusals)

    class Duplicating(PaperConnector):
        async def submit_order(self, order: Order) -> OrderReport:
            if left:
                raise left.pop(0)
            await super().submit_order(order)
            raise DuplicateOrderId("Duplicate order sent.")

    (await world.connector()).__class__ = Duplicating


async def settled(world: World, order_id: str) -> None:
    """The order has been found at the exchange."""
    await until(lambda: world.order(order_id).state is OrderState.OPEN, world.clock)
    assert len(world.at_exchange(order_id)) == 1
    assert world.violations() == ()


async def test_an_id_that_the_gateway_made_and_that_is_taken_is_in_doubt(each_world: World) -> None:
    """Nobody else uses such an id, so the order that has it is this one."""
    await taken(each_world)
    done = await placed(each_world, request(idempotency_key="k"))
    assert done.order.state is OrderState.UNKNOWN
    await settled(each_world, done.order.order_id)


async def test_an_id_that_is_taken_after_the_first_attempt_is_in_doubt(each_world: World) -> None:
    """What was refused, or never arrived as far as could be told, has come after all."""
    await taken(each_world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(each_world)
    assert (await placed(each_world)).order.state is OrderState.UNKNOWN
    await settled(each_world, "o1")


async def test_an_id_that_is_taken_shows_the_order_though_questions_deny_it(world: World) -> None:
    """The exchange has said that it has the order: the short grace for one that was only late on its way is no proof."""
    await taken(world)
    order = (await placed(world, request(idempotency_key="k"))).order
    connector = await world.connector()

    async def denied(ref: OrderRef) -> None:
        return None

    async def empty(_: object = None) -> list[Any]:
        return []

    connector.fetch_order = denied  # type: ignore[method-assign]
    connector.fetch_fills = connector.fetch_open_orders = empty  # type: ignore[method-assign]
    grace = connector.capabilities.absence_grace
    assert grace is not None
    world.clock.advance(3 * grace.total_seconds())
    settled = await world.settling.settle(order.key)
    assert (settled.is_settled, settled.order.state) == (False, OrderState.UNKNOWN)
    assert world.kinds(order.order_id) == ["intended", "unconfirmed"]
    world.clock.advance(20 * grace.total_seconds())
    assert (await world.settling.settle(order.key)).order.state is OrderState.REJECTED


async def test_a_callers_id_that_is_taken_at_once_is_refused(world: World) -> None:
    """Another program's order has it: nothing of ours was sent before."""
    await refusing(world, DuplicateOrderId("Duplicate order sent."))
    for _ in range(2):
        with pytest.raises(DuplicateOrderId):
            await placed(world)
    assert world.kinds("o1") == ["intended", "rejected"]


async def test_a_refusal_whose_order_another_caller_sends_again_is_no_answer(world: World) -> None:
    """The order stands as the other attempt leaves it, so its caller is not told that nothing was placed."""
    sent = await refusing(world, ClockRefused("-1021"))
    retry = world.recorder.retry

    async def second(order: Order, *told: Any, **more: Any) -> Opened:
        assert (await retry(order, "caller", "another caller with the same key")).is_new
        return await retry(order, *told, **more)

    world.recorder.retry = second  # type: ignore[method-assign]
    done = await placed(world)
    assert (done.order.state, len(sent)) == (OrderState.PENDING, 1)


async def test_a_list_that_can_not_all_be_read_permits_no_retry(world: World) -> None:
    """The row that can't be read may be the order, so nothing is sent."""
    sent = await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)

    async def unreadable(trading_pair: str | None = None) -> Rows[OrderReport]:
        return Rows.of((), (UnreadableRow(order_id="o1", why="a status that nobody knows"),))

    (await world.connector()).fetch_open_orders = unreadable  # type: ignore[method-assign]
    with pytest.raises(ExchangeDown, match="could not be asked"):
        await placed(world)
    assert (len(sent), world.kinds("o1")) == (1, ["intended", "rejected"])

"""Pursuing: an order is asked about until it is settled, with pauses, and at once where somebody knows something new."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.domain.enums import OrderState
from app.domain.order import OrderKey

#: The paper exchange's grace while it may be faulty.
from app.services.reconciling import pursuits
from app.services.reconciling.pursuits import Settled
from tests.clock import START
from tests.services.reconciling.test_settling import pending, unknown
from tests.services.world import World, until


async def test_a_pursuit_goes_on_until_the_exchange_answers(world: World) -> None:
    """An exchange that is down is asked again, with pauses that grow."""
    order = await unknown(world, fault="reset")
    world.settling._pursuits._is_closed = False
    world.faults.plan("ask", *["unanswered"] * 4)
    world.settling.wake(order.key)

    await until(lambda: world.order("o1").state is OrderState.OPEN, world.clock)

    assert world.faults.counts["unanswered"] == 4
    assert (world.clock.now() - START).total_seconds() > 0.2 + 1 + 3 + 10
    await until(lambda: not world.settling._pursuits._running)


async def test_waking_a_pursued_order_asks_at_once(world: World) -> None:
    """Somebody knows something new: the long pause is cut short."""
    order = await unknown(world, fault="reset")
    world.settling._pursuits._is_closed = False
    world.faults.plan("ask", *["unanswered"] * 5)
    world.settling.wake(order.key)
    await until(lambda: world.faults.counts["unanswered"] == 5, world.clock)
    await world.rest()

    world.settling.wake(order.key, at_once=False)
    await world.rest()
    assert world.order("o1").state is OrderState.UNKNOWN
    # The pause after the fifth question.
    assert world.resolving.next_question_at(order.key) == world.clock.now() + timedelta(seconds=60)
    world.settling.wake(order.key)

    await until(lambda: world.order("o1").state is OrderState.OPEN)
    await until(lambda: world.resolving.next_question_at(order.key) is None, world.clock)


async def test_a_ring_during_the_last_question_asks_once_more(world: World) -> None:
    """What somebody learned while the exchange was being asked is not lost with the pursuit's end."""
    order = await unknown(world, fault="reset")
    world.settling._pursuits._is_closed = False
    asked = 0
    settle = world.settling.settle

    async def counting(wanted: object) -> object:
        nonlocal asked
        asked += 1
        settled = await settle(order.key)
        if asked == 1:
            world.settling.wake(order.key)
        return settled

    world.settling._pursuits._settle = counting  # type: ignore[assignment]
    world.settling.wake(order.key)
    await until(lambda: not world.settling._pursuits._running, world.clock)

    assert asked == 2


async def test_closing_ends_all_pursuits(world: World) -> None:
    """Nothing is asked any more; the order is in the journal for the next process."""
    order = await unknown(world)
    world.settling._pursuits._is_closed = False
    world.settling.wake(order.key)
    await asyncio.sleep(0)

    await world.settling.close()
    world.settling.wake(order.key)

    assert not world.settling._pursuits._running
    assert [each.order_id for each in world.journal.unsettled_orders()] == ["o1"]


async def test_an_exchange_that_never_answers_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions wait for their turn by connector: however many hang on one, another's is asked at once."""
    asked: list[OrderKey] = []

    async def hang_or_settle(order_key: OrderKey) -> Settled:
        asked.append(order_key)
        if order_key.connector_name == "stuck":
            await asyncio.get_running_loop().create_future()
        return Settled(order=order, is_settled=True)

    order = await pending(world)
    monkeypatch.setattr(world.settling._pursuits, "_settle", hang_or_settle)
    for number in range(20):
        world.settling.wake(OrderKey(account_name="a", connector_name="stuck", order_id=f"s{number}"))
    await until(lambda: len(asked) == pursuits._AT_ONCE, world.clock)
    world.settling.wake(order.key)
    await until(lambda: order.key in asked, world.clock)
    await world.settling.close()

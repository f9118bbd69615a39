"""Looking things up: one order among many of its name, its history, and waiting until it is settled."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.enums import EventKind, OrderState
from app.domain.errors import AmbiguousOrder, OrderNotFound
from app.journal.journal import Journal
from app.services.orders.preparing import intended
from app.services.orders.recorder import Recorder
from tests.clock import FakeClock
from tests.services.reconciling.test_recovery import counted
from tests.services.world import ACCOUNT, World, gathered, key, request, until


async def test_an_order_is_found_by_its_id(world: World) -> None:
    """Alone or with the place where it is."""
    await world.orders.place(request(client_order_id="o1"))
    assert world.history.get("o1") == world.history.get("o1", account_name=ACCOUNT, connector_name="paper")
    with pytest.raises(OrderNotFound):
        world.history.get("o2")
    with pytest.raises(OrderNotFound):
        world.history.get("o1", account_name="somebody")


async def test_an_id_in_two_places_must_be_told_apart(world: World) -> None:
    """The refusal names the places."""
    await world.orders.place(request(client_order_id="o1"))
    asked = request(account_name="other")
    order = intended(asked, order_id="o1", at=world.clock.now(), terms=asked.terms())
    await world.recorder.begin(order, EventKind.INTENDED, "caller")

    with pytest.raises(AmbiguousOrder, match="master_account/paper, other/paper"):
        world.history.get("o1")
    assert world.history.get("o1", account_name="other") == order


async def test_waiting_for_a_settled_order_takes_no_time(world: World) -> None:
    """It comes back at once with its whole history."""
    await world.orders.place(request(client_order_id="o1"))
    found = await world.history.wait_settled("o1", account_name=None, connector_name=None, seconds=60)
    assert found.order.state is OrderState.OPEN
    assert [str(entry.event.kind) for entry in found.entries if entry.event] == ["intended", "accepted"]


async def test_waiting_for_an_unknown_order_ends_when_it_is_known(world: World) -> None:
    """Other orders' events do not end it."""
    world.faults.plan("submit", "reset")
    await world.orders.place(request(client_order_id="o1"))
    waiting = asyncio.create_task(world.history.wait_settled("o1", account_name=None, connector_name=None, seconds=600))
    await world.orders.place(request(client_order_id="o2"))
    await until(lambda: world.order("o1").state is OrderState.OPEN, world.clock)
    assert (await waiting).order.state is OrderState.OPEN


async def test_waiting_ends_with_the_time(world: World) -> None:
    """An order in doubt is shown as it is."""
    world.faults.plan("submit", "down")
    await world.orders.place(request(client_order_id="o1"))
    found = await world.history.wait_settled("o1", account_name=None, connector_name=None, seconds=0)
    assert found.order.state is OrderState.UNKNOWN


async def test_who_waits_is_woken_by_its_own_order(world: World) -> None:
    """A hundred callers who wait for their orders ask nothing while other orders come and go."""
    names = [f"o{number}" for number in range(100)]
    world.faults.plan("submit", *["down"] * len(names))
    for name in names:
        await world.orders.place(request(client_order_id=name))
    await world.settling.close()
    waiting = [
        asyncio.create_task(world.history.wait_settled(name, account_name=None, connector_name=None, seconds=600))
        for name in names
    ]
    await until(lambda: world.clock.sleepers >= len(names))

    with counted(world) as counts:
        for number in range(20):
            await world.orders.place(request(client_order_id=f"other{number}"))
        await world.rest()
        assert counts["reads"] == 20, "each placed order looks for an earlier one of its name"

        await world.recorder.note(key("o7"), EventKind.NEVER_ARRIVED, "recovery")
        assert (await waiting[7]).order.state is OrderState.REJECTED
    assert counts["reads"] == 20 + 1 + 1
    assert not any(each.done() for each in [*waiting[:7], *waiting[8:]])
    for each in waiting:
        each.cancel()
    await gathered(*waiting)
    assert not world.journal._tail._watches


async def test_who_waits_is_woken_by_another_process(each_world: World, clock: FakeClock) -> None:
    """The order is settled elsewhere: its news reach those who wait here, and others' are read once for all of them."""
    each_world.faults.plan("submit", "down", "down")
    for name in ("o1", "o2"):
        await each_world.orders.place(request(client_order_id=name))
    await each_world.settling.close()
    history = each_world.history
    waiting = [
        asyncio.create_task(history.wait_settled(name, account_name=None, connector_name=None, seconds=600))
        for name in ("o1", "o2")
    ]
    await until(lambda: each_world.clock.sleepers >= len(waiting))
    other = Journal(each_world.settings, clock)
    await other.open()
    try:
        await Recorder(other, clock).note(key("o1"), EventKind.NEVER_ARRIVED, "recovery")
        await until(waiting[0].done, clock)
    finally:
        await other.close()
    assert (await waiting[0]).order.state is OrderState.REJECTED
    assert not waiting[1].done()
    waiting[1].cancel()
    await gathered(waiting[1])

"""Looking things up: one order among many of its name, its history, and waiting until it is settled."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.enums import EventKind, OrderState
from app.domain.errors import AmbiguousOrder, OrderNotFound
from app.domain.order import intended
from tests.services.world import ACCOUNT, World, request, until


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

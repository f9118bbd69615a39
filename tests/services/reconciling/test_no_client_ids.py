"""An exchange that knows orders by its own numbers only: what was answered is followed by them, and what was not stays unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.domain.enums import OrderState
from app.domain.order import AccountKey
from tests.clock import FakeClock
from tests.connectors.conformance import Fault
from tests.connectors.quirks.exchange import Habits, Quirk
from tests.services.reconciling.habits import connector_with, habit_world
from tests.services.world import ACCOUNT, World, request, until

QUIRKS = (Quirk.NO_CLIENT_ID,)


Connector = connector_with(QUIRKS)


@pytest.fixture
async def nameless(
    sqlite_url: str, tmp_path: object, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, Habits]]:
    """A process of the gateway, and the exchange."""
    async with habit_world(__name__, QUIRKS, sqlite_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


async def test_what_was_answered_is_followed_and_what_was_not_is_no_guess(nameless: tuple[World, Habits]) -> None:
    """The order whose answer was lost is never refused nor taken for another one, however long it is asked about; the other is
    canceled at the exchange, and found to be by its number.
    """
    world, habits = nameless
    account = AccountKey(ACCOUNT, "paper")
    await world.orders.place(request(client_order_id="answered"))
    habits.fault = Fault.REPLY_LOST
    await world.orders.place(request(client_order_id="lost"))
    assert (world.order("answered").state, world.order("lost").state) == (OrderState.OPEN, OrderState.UNKNOWN)
    for _ in range(3):
        await world.recovery.reconcile(account)
        await world.rest()
        world.clock.advance(86_400)
    assert (world.order("answered").state, world.order("lost").state) == (OrderState.OPEN, OrderState.UNKNOWN)
    assert [stored.order.order_id for stored in world.journal.active_orders_of(account)] == ["answered", "lost"]
    number = world.order("answered").exchange_order_id
    assert number is not None
    habits.exchange.cancel(ACCOUNT, exchange_order_id=int(number))
    await world.recovery.reconcile(account)
    await until(lambda: world.order("answered").state is OrderState.CANCELED, world.clock)
    assert world.order("lost").state is OrderState.UNKNOWN

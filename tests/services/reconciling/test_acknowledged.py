"""Orders that an exchange takes without telling how they stand: what was placed in one moment is asked about together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.ccxt.connector import CcxtConnector
from app.domain.enums import OrderState
from app.domain.order import AccountKey, OrderRef
from app.domain.reports import OrderReport
from app.services.reconciling.acknowledged import _PAUSE
from tests.clock import FakeClock
from tests.connectors.quirks.exchange import Habits, Quirk
from tests.services.reconciling.habits import connector_with, habit_world
from tests.services.world import ACCOUNT, World, key, market, request, until

QUIRKS = (Quirk.BARE_ANSWERS, Quirk.RECENT)
_MANY = 12


Connector = connector_with(QUIRKS)


@pytest.fixture
async def bare(
    sqlite_url: str, tmp_path: object, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, Habits]]:
    """A process of the gateway, and the exchange."""
    async with habit_world(__name__, QUIRKS, sqlite_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


async def place_many(world: World) -> list[str]:
    """Orders that fill at once, and some that rest; all are answered as open."""
    asked = [market(client_order_id=f"taken{number}") for number in range(_MANY)]
    asked += [request(client_order_id=f"rests{number}", amount=Decimal("0.001")) for number in range(3)]
    placed = await asyncio.gather(*(world.orders.place(each) for each in asked))
    assert {each.order.state for each in placed} == {OrderState.OPEN}
    return [each.order.order_id for each in placed]


async def test_orders_of_one_moment_share_a_few_questions(bare: tuple[World, Habits]) -> None:
    """The lists of open orders, of done ones and of fills, instead of a question or two for each."""
    world, habits = bare
    names = await place_many(world)
    before = habits.requests
    await until(lambda: all(world.order(name).state is OrderState.FILLED for name in names[:_MANY]), world.clock)
    await world.rest()
    assert habits.requests - before == 3
    for name in names[:_MANY]:
        assert world.kinds(name) == ["intended", "accepted", "filled"]
        assert world.order(name).filled_amount == Decimal("0.01")
        assert world.order(name).fees
    assert {world.order(name).state for name in names[_MANY:]} == {OrderState.OPEN}
    assert world.violations() == ()


async def test_an_order_that_was_placed_alone_is_asked_about_by_its_names(bare: tuple[World, Habits]) -> None:
    """By the order's own question and one for its fills, as soon as the others."""
    world, habits = bare
    await world.orders.place(request(client_order_id="alone", price=Decimal(90_000)))
    before = habits.requests
    await world.pass_time(_PAUSE)
    assert world.order("alone").state is OrderState.FILLED
    assert habits.requests - before == 2


async def test_what_the_lists_do_not_tell_is_asked_about_by_its_names(
    bare: tuple[World, Habits], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that lacks orders, or fills, proves nothing."""
    world, _ = bare
    whole = Connector.fetch_orders

    async def in_part(connector: CcxtConnector, refs: Sequence[OrderRef]) -> Mapping[str, OrderReport]:
        told: Mapping[str, OrderReport] = await whole(connector, refs)
        return {name: structs.replace(told[name], fills=()) for name in sorted(told)[: _MANY // 2]}

    monkeypatch.setattr(Connector, "fetch_orders", in_part)
    names = await place_many(world)
    await until(lambda: all(world.order(name).state is OrderState.FILLED for name in names[:_MANY]), world.clock)
    assert world.violations() == ()


async def test_an_exchange_that_can_not_be_asked_for_lists_is_asked_about_each(
    bare: tuple[World, Habits], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever went wrong, no order is forgotten."""
    world, _ = bare

    async def broken(_connector: CcxtConnector, _refs: Sequence[OrderRef]) -> Mapping[str, OrderReport]:
        raise ZeroDivisionError

    monkeypatch.setattr(Connector, "fetch_orders", broken)
    names = await place_many(world)
    await until(lambda: all(world.order(name).state is OrderState.FILLED for name in names[:_MANY]), world.clock)


async def test_who_looks_meanwhile_asks_about_none_of_them(bare: tuple[World, Habits]) -> None:
    """A poll shows that they are not on the book; they are being asked about already."""
    world, habits = bare
    names = await place_many(world)
    await world.recovery.reconcile(AccountKey(ACCOUNT, "paper"))
    before = habits.requests
    await until(lambda: all(world.order(name).state is OrderState.FILLED for name in names[:_MANY]), world.clock)
    await world.rest()
    assert habits.requests - before == 3


async def test_a_pending_order_whose_answer_is_awaited_here_is_not_asked_about(bare: tuple[World, Habits]) -> None:
    """Its call will tell; a question would cost the exchange's limits what the answer says."""
    world, _ = bare
    await world.orders.place(market(client_order_id="known"))
    await until(lambda: world.order("known").state is OrderState.FILLED, world.clock)
    world.faults.plan("submit", "slow")
    placing = asyncio.create_task(world.orders.place(market(client_order_id="slow")))
    await until(lambda: world.journal.find_order(key("slow")) is not None)
    await world.recovery.wake_unsettled(AccountKey(ACCOUNT, "paper"))
    assert not world.settling._pursuits._running
    await until(placing.done, world.clock)
    await placing
    await until(lambda: world.order("slow").state is OrderState.FILLED, world.clock)


async def test_what_was_not_told_when_the_process_ended_is_in_the_journal(bare: tuple[World, Habits]) -> None:
    """Closing ends the questions; the next process finds the orders open, and asks."""
    world, habits = bare
    names = await place_many(world)
    await world.settling.close()
    before = habits.requests
    await world.pass_time(2)
    assert habits.requests == before
    assert {world.order(name).state for name in names} == {OrderState.OPEN}

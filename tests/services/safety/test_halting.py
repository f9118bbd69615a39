"""Halting over the services: what is under way does not leave, what is to be cancelled is, and quiet is said with evidence only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import HaltCancel, HaltMode, OrderState, OrderType, TimeInForce, TradeType
from app.domain.errors import (
    ExchangeReadError,
    Halted,
    LimitExceeded,
    LimitsNotSet,
    PriceOutsideCollar,
    ReferencePriceMissing,
)
from app.domain.safety.limits import Collar
from app.domain.safety.scope import Scope
from app.services.safety.halting import HaltStatus
from tests.clock import START, FakeClock
from tests.paper.hand_path import HandPath
from tests.services.world import World, key, market, request, running_world

RECORD = AuditRecord(at=START, actor=Actor(name="risk"), operation="safety.halt")
WHOLE = Scope()


async def halted(world: World, scope: Scope = WHOLE, **wanted: Any) -> HaltStatus:
    """Halt, moving the clock on until it is answered."""
    values: dict[str, Any] = {"mode": HaltMode.HALT, "cancel": HaltCancel.NONE, "reason": "a test", **wanted}
    task = asyncio.create_task(world.safety.halting.halt(scope, record=RECORD, **values))
    while not task.done():
        world.clock.advance(0.1)
        await asyncio.sleep(0.002)
    return await task


async def resume(world: World) -> None:
    """End the halt of the whole gateway."""
    await world.safety.halting.resume(WHOLE, reason="over", record=RECORD)


async def limit(world: World, unlimited_reason: str | None = None, **limits: Any) -> None:
    """Set limits of the whole gateway."""
    await world.safety.limiting.set(WHOLE, limits, unlimited_reason=unlimited_reason, versions=None, record=RECORD)


@pytest.fixture
async def worlds(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[tuple[World, World]]:
    """Two processes on one journal and one exchange."""
    path = HandPath()
    async with (
        running_world(database_url, tmp_path, clock, path=path) as one,
        running_world(database_url, tmp_path, clock, path=path, seed=2) as other,
    ):
        yield one, other


async def test_an_order_that_has_not_left_does_not_leave_after_the_halt(worlds: tuple[World, World]) -> None:
    """It stands between its intent and its first byte while another process halts. It ends rejected, and its key may come again."""
    one, other = worlds
    asked = request(idempotency_key="k", client_order_id="o1")
    whole = one.recorder.begin
    seen: list[HaltStatus] = []

    async def stalled(*arguments: Any, **named: Any) -> Any:
        opened = await whole(*arguments, **named)
        if not seen:
            seen.append(await halted(other))
        return opened

    one.recorder.begin = stalled  # type: ignore[method-assign]
    with pytest.raises(Halted) as caught:
        await one.orders.place(asked)
    assert caught.value.order_id == "o1"
    [found] = seen
    assert (found.alive.in_flight, found.alive.is_quiet) == (1, False)
    assert one.at_exchange("o1") == []
    order = one.order("o1")
    assert (order.state, order.error_code, order.is_retryable) == (OrderState.REJECTED, "halted", True)
    with pytest.raises(Halted):
        await one.orders.place(asked)
    await resume(other)
    assert (await one.orders.place(asked)).order.state is OrderState.OPEN
    assert len(one.at_exchange("o1")) == 1
    assert one.kinds("o1") == ["intended", "rejected", "retried", "accepted"]


async def test_knowledge_that_grows_old_at_the_first_byte_is_renewed(world: World) -> None:
    """The call is kept back, the halts are looked at again, and it is sent once."""
    connector = await world.connector()
    whole, calls = connector.submit_order, []

    async def slow(order: Any) -> Any:
        calls.append(order.order_id)
        if len(calls) == 1:
            world.clock.advance(2)
        return await whole(order)

    connector.submit_order = slow  # type: ignore[method-assign]
    placed = await world.orders.place(request(client_order_id="o1"))
    assert placed.order.state is OrderState.OPEN
    assert len(calls) == 2
    assert len(world.at_exchange("o1")) == 1


async def test_a_halt_cancels_what_it_names_and_is_quiet_with_evidence(world: World) -> None:
    """An order whose answer was lost is found out about, and cancelled."""
    world.faults.plan("submit", None, "lost")
    await world.orders.place(request(client_order_id="known"))
    doubtful = await world.orders.place(request(client_order_id="unknown"))
    assert doubtful.order.state is OrderState.UNKNOWN
    found = await halted(world, cancel=HaltCancel.ALL)
    assert found.alive.is_quiet
    assert (found.alive.still_open, found.alive.unknown) == (0, ())
    assert [world.order(name).state for name in ("known", "unknown")] == [OrderState.CANCELED] * 2


async def test_quiet_is_not_said_while_an_order_may_live(world: World) -> None:
    """Neither while one is unknown, nor while the exchange lists one that the journal has as ended, nor if it does not answer."""
    world.faults.plan("submit", "lost")
    world.faults.plan("ask", *["unanswered"] * 40)
    world.faults.plan("query", *["unanswered"] * 40)
    await world.orders.place(request(client_order_id="o1"))
    found = await halted(world)
    assert [order.order_id for order in found.alive.unknown] == ["o1"]
    assert not found.alive.is_quiet
    world.faults.forget()
    await world.settling.ask_now(key("o1"))
    assert not (await world.safety.halting.status())[1][0].alive.is_quiet
    await world.orders.cancel(key("o1"))
    connector = await world.connector()
    whole = connector.fetch_open_orders
    shown = await connector.fetch_order(world.order("o1").ref)

    async def fail(trading_pair: str | None = None) -> Any:
        raise ExchangeReadError("no answer")

    async def show(trading_pair: str | None = None) -> Any:
        return [shown]

    for lists in (fail, show):
        connector.fetch_open_orders = lists  # type: ignore[method-assign]
        assert not (await world.safety.halting.status())[1][0].alive.is_quiet
    connector.fetch_open_orders = whole  # type: ignore[method-assign]
    assert (await world.safety.halting.status())[1][0].alive.is_quiet


async def test_entries_are_cancelled_and_exits_stay(world: World) -> None:
    """With a position: what sells it stays, what buys more goes."""
    await world.orders.place(market(client_order_id="bought"))
    sell = {"trade_type": TradeType.SELL, "price": Decimal(90_000)}
    await world.orders.place(request(client_order_id="exit", **sell))
    await world.orders.place(request(client_order_id="entry"))
    found = await halted(world, mode=HaltMode.REDUCE_ONLY, cancel=HaltCancel.ENTRIES)
    assert world.order("entry").state is OrderState.CANCELED
    assert world.order("exit").state is OrderState.OPEN
    assert (found.alive.still_open, found.alive.is_quiet) == (1, False)
    await world.orders.cancel(key("exit"))
    assert world.order("exit").state is OrderState.CANCELED


async def test_another_process_takes_up_the_cancels_of_a_halt(worlds: tuple[World, World]) -> None:
    """The one that halted died before it could cancel: what is to be cancelled is in the journal."""
    one, other = worlds
    await one.orders.place(request(client_order_id="o1"))
    one.safety.halting._finish = lambda halt: asyncio.sleep(0)  # type: ignore[method-assign, assignment]
    await halted(one, cancel=HaltCancel.ALL)
    other.safety.sweeps.start()
    while other.order("o1").state is not OrderState.CANCELED:
        other.clock.advance(0.5)
        await asyncio.sleep(0.002)
    await other.safety.sweeps.close()


# -- limits -------------------------------------------------------------------------------------------------------------


async def test_a_market_order_is_sent_as_a_limit_order_at_the_collar(world: World) -> None:
    """It takes what it can and never rests; a repeated call is answered by it."""
    await limit(world, price_collar=Collar(max_deviation_bps=Decimal(100), max_age_seconds=Decimal(60)))
    asked = market(client_order_id="o1", idempotency_key="k")
    order = (await world.orders.place(asked)).order
    assert (order.order_type, order.time_in_force, order.state) == (OrderType.LIMIT, TimeInForce.IOC, OrderState.FILLED)
    assert order.price is not None
    assert order.average_fill_price is not None
    assert order.average_fill_price <= order.price <= order.average_fill_price * Decimal("1.02")
    assert (await world.orders.place(asked)).replayed


async def test_prices_outside_the_collar_are_refused_and_without_a_reference_all(world: World) -> None:
    """On the side on which they would pay more than the market."""
    await limit(world, price_collar=Collar(max_deviation_bps=Decimal(100), max_age_seconds=Decimal(60)))
    with pytest.raises(PriceOutsideCollar) as caught:
        await world.orders.place(request(price=Decimal(90_000), amount=Decimal("0.001")))
    [breach] = caught.value.breaches
    assert breach["would_be"] == "90000"
    await world.orders.place(request())
    await limit(world, price_collar=Collar(reference="mark", max_deviation_bps=Decimal(100)))
    with pytest.raises(ReferencePriceMissing, match="mark"):
        await world.orders.place(request())


async def test_a_market_order_reserves_what_it_may_cost(world: World) -> None:
    """At the worst price that it would reach; by quote amount what it may spend."""
    await limit(world, max_order_notional=Decimal(100), max_position=Decimal("0.01"))
    with pytest.raises(LimitExceeded, match="max_order_notional"):
        await world.orders.place(market())
    order = (await world.orders.place(market(amount=Decimal("0.001")))).order
    assert order.reserved_price is not None
    with pytest.raises(LimitExceeded):
        await world.orders.place(market(amount=None, quote_amount=Decimal(101)))
    await world.orders.place(market(amount=None, quote_amount=Decimal(50)))
    assert (await world.safety.limiting.usage()).used[0][1]["max_position"] < Decimal("0.002")


async def test_limits_may_be_demanded_of_live_accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paper accounts need none. A reason for having none is a decision, too."""
    admissions = world.safety.limiting._admissions
    monkeypatch.setattr(admissions, "_needs_limits", True)
    await world.orders.place(request())
    assert await world.safety.limiting.undecided() == []
    monkeypatch.setattr(admissions, "_environments", {})
    assert await world.safety.limiting.undecided() == [("master_account", "paper")]
    with pytest.raises(LimitsNotSet):
        await world.orders.place(request())
    await limit(world, unlimited_reason="a test")
    await world.orders.place(request())
    assert await world.safety.limiting.undecided() == []

"""Dead-man's switches over the services, in the test's time: who fires them, what goes, and what may not leave before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import DeadManKeep, DeadManRequire, DeadManThen, OrderState, TradeType
from app.domain.errors import DeadManDue, Halted, NoExchangeCountdown, OrderRefused
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DeadManTerms
from app.domain.safety.events import SafetyKind
from app.journal.units.dead_man import ReadDeadMan
from app.journal.units.guard import UNGUARDED
from app.services.safety.dead_man import DeadManStatus
from tests.clock import START, FakeClock
from tests.paper.hand_path import HandPath
from tests.services.world import ACCOUNT, World, market, request, running_world

RECORD = AuditRecord(at=START, actor=Actor(name="bot"), operation="safety.arm_dead_man")
THE_ACCOUNT = AccountKey(ACCOUNT, "paper")


async def arm(world: World, **terms: Any) -> DeadManStatus:
    """Arm the account's switch for ten seconds."""
    wanted = DeadManTerms(**{"account": THE_ACCOUNT, "timeout_seconds": 10, **terms})
    return await world.safety.dead_men.arm(wanted, RECORD)


async def pass_time(world: World, seconds: float) -> None:
    """Move the clock on, each time until what woke up has come to rest."""
    await world.pass_time(seconds, step=0.5)


async def is_clear(world: World) -> None:
    """Move the clock on in small steps until the account's switch has fired and nothing of it is left, or it was not armed."""
    for _ in range(3000):
        [found] = (await world.journal.decide(ReadDeadMan())).values()
        if found.fired_seq is not None and (found.clearing, found.ending) == (None, ()):
            return
        world.clock.advance(0.1)
        await world.rest()
    raise AssertionError(f"not clear: {found}")


def kinds(world: World) -> list[str]:
    """What happened to switches and halts, in words."""
    return [str(entry.safety.kind) for entry in world.journal.tail(0, limit=1000) if entry.safety is not None]


async def switch(world: World) -> DeadManStatus:
    [found] = await world.safety.dead_men.status()
    return found


@pytest.fixture
async def worlds(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[tuple[World, World]]:
    """Two processes on one journal and one exchange."""
    path = HandPath()
    async with (
        running_world(database_url, tmp_path, clock, path=path) as one,
        running_world(database_url, tmp_path, clock, path=path, seed=2) as other,
    ):
        yield one, other
        await one.safety.close()
        await other.safety.close()


async def test_it_fires_when_nobody_renews_it(worlds: tuple[World, World]) -> None:
    """Not while it is renewed, in whichever process; then once, in one of two, and everything is canceled."""
    one, other = worlds
    for name in ("o1", "o2"):
        await one.orders.place(request(client_order_id=name))
    status = await arm(one)
    assert status.switch.armed_until == one.clock.now() + timedelta(seconds=10)
    for world in worlds:
        world.safety.dead_men.start()
    for _ in range(3):
        await pass_time(one, 8)
        await arm(other)
    assert kinds(one) == ["dead_man_armed"]
    assert one.order("o1").state is OrderState.OPEN
    await pass_time(one, 9)
    assert one.order("o1").state is OrderState.OPEN
    await is_clear(one)
    assert kinds(one) == ["dead_man_armed", "dead_man_fired"]
    assert [one.order(name).state for name in ("o1", "o2")] == [OrderState.CANCELED] * 2
    found = (await switch(one)).switch
    assert (found.armed_until, found.clearing, found.is_fired) == (None, None, True)
    assert (await one.orders.place(request(client_order_id="o3"))).order.state is OrderState.OPEN
    await pass_time(one, 15)
    assert one.order("o3").state is OrderState.OPEN


async def test_the_first_order_after_the_deadline_finds_it_fired(world: World) -> None:
    """Nobody has looked, as after a restart: its own transaction fires, and no order leaves until those of before are gone."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    world.clock.advance(11)
    with pytest.raises(DeadManDue, match="being canceled"):
        await world.orders.place(request(client_order_id="o2", idempotency_key="k"))
    assert kinds(world) == ["dead_man_armed", "dead_man_fired"]
    assert world.at_exchange("o2") == []
    assert world.order("o1").state is OrderState.OPEN
    world.safety.dead_men.start()
    await is_clear(world)
    assert world.order("o1").state is OrderState.CANCELED
    assert (await world.orders.place(request(client_order_id="o2", idempotency_key="k"))).order.state is OrderState.OPEN
    await world.safety.close()


async def test_a_preview_tells_of_a_switch_and_fires_nothing(worlds: tuple[World, World]) -> None:
    """What another process has renewed is no objection; what is over is one, and stays to be fired."""
    one, other = worlds
    await arm(one)
    await one.previews.preview(request(), UNGUARDED, asks_exchange=False)
    one.clock.advance(8)
    await arm(other)
    one.clock.advance(8)
    assert (await one.previews.preview(request(), UNGUARDED, asks_exchange=False)).refusals == ()
    one.clock.advance(8)
    [refusal] = (await one.previews.preview(request(), UNGUARDED, asks_exchange=False)).refusals
    assert refusal.code == "dead_man_due"
    assert kinds(one) == ["dead_man_armed"]


async def test_what_was_intended_before_the_deadline_does_not_leave_after_it(world: World) -> None:
    """It stands between its intent and its first byte. It ends rejected, and its key may come again."""
    await arm(world)
    whole = world.recorder.begin

    async def stalled(*arguments: Any, **named: Any) -> Any:
        opened = await whole(*arguments, **named)
        world.clock.advance(11)
        return opened

    world.recorder.begin = stalled  # type: ignore[method-assign]
    with pytest.raises(DeadManDue):
        await world.orders.place(request(client_order_id="o1"))
    assert world.at_exchange("o1") == []
    order = world.order("o1")
    assert (order.state, order.error_code, order.is_retryable) == (OrderState.REJECTED, "dead_man_due", True)


async def test_the_deadline_is_looked_at_up_to_the_first_byte(world: World) -> None:
    """Just before it the order was let go, and its connection took its time."""
    await arm(world)
    connector = await world.connector()
    whole = connector.submit_order

    async def slow(order: Any) -> Any:
        world.clock.advance(0.5)
        return await whole(order)

    connector.submit_order = slow  # type: ignore[method-assign]
    world.clock.advance(9.6)
    with pytest.raises(DeadManDue):
        await world.orders.place(request(client_order_id="o1"))
    assert world.at_exchange("o1") == []


async def test_then_halt_is_set_by_the_same_transaction(world: World) -> None:
    """Orders are refused as under any halt, until the resume."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world, then=DeadManThen.HALT)
    world.clock.advance(10)
    with pytest.raises(Halted, match="not renewed within 10 seconds"):
        await world.orders.place(request(client_order_id="o2"))
    assert kinds(world) == ["dead_man_armed", "dead_man_fired", "halted"]
    [halt] = (await world.journal.safety()).halts
    assert (halt.by, halt.cancel, halt.scope.parts()) == (
        "dead_man",
        "all",
        {"account_name": ACCOUNT, "connector_name": "paper"},
    )
    world.safety.start()
    await is_clear(world)
    assert world.order("o1").state is OrderState.CANCELED
    await world.safety.halting.resume(halt.scope, reason="over", record=RECORD)
    await world.orders.place(request(client_order_id="o2"))
    await world.safety.close()


async def test_protective_orders_are_kept(world: World) -> None:
    """With a position: what sells it stays, what buys more goes, and the account takes orders again."""
    await world.orders.place(market(client_order_id="bought"))
    await world.orders.place(request(client_order_id="exit", trade_type=TradeType.SELL, price=Decimal(90_000)))
    await world.orders.place(request(client_order_id="entry"))
    await arm(world, keep=DeadManKeep.PROTECTIVE)
    world.safety.dead_men.start()
    await is_clear(world)
    assert world.order("entry").state is OrderState.CANCELED
    assert world.order("exit").state is OrderState.OPEN
    assert (await switch(world)).switch.clearing is None
    await world.orders.place(request(client_order_id="next"))
    await world.safety.close()


async def test_an_order_in_doubt_is_found_out_about_first(world: World) -> None:
    """Until then nothing is over, and no order is taken."""
    world.faults.plan("submit", "lost")
    doubtful = await world.orders.place(request(client_order_id="o1"))
    assert doubtful.order.state is OrderState.UNKNOWN
    world.faults.plan("ask", *["unanswered"] * 400)
    world.faults.plan("query", *["unanswered"] * 400)
    await arm(world)
    world.safety.dead_men.start()
    while kinds(world)[-1] != "dead_man_fired":
        await pass_time(world, 1)
    await pass_time(world, 3)
    with pytest.raises(DeadManDue):
        await world.orders.place(request(client_order_id="o2"))
    world.faults.forget()
    await is_clear(world)
    assert world.order("o1").state is OrderState.CANCELED
    await world.orders.place(request(client_order_id="o2"))
    await world.safety.close()


async def test_an_order_that_never_arrived_is_proven_so(world: World) -> None:
    """Nothing is asked to be canceled of which nobody knows: each such request would put off the proof, for ever."""
    await arm(world)
    world.clock.advance(9.8)
    world.faults.plan("submit", "down")
    assert (await world.orders.place(request(client_order_id="o1"))).order.state is OrderState.UNKNOWN
    world.safety.dead_men.start()
    await is_clear(world)
    assert world.order("o1").error_code == "never_arrived"
    assert "cancel_requested" not in world.kinds("o1")
    await world.safety.close()


async def test_refused_cancels_come_ever_more_seldom(world: World) -> None:
    """Each is news of the order, and that the exchange does not have it any more is proven only without any for long enough."""
    await world.orders.place(request(client_order_id="o1"))
    connector = await world.connector()

    async def refuse(ref: Any) -> Any:
        raise OrderRefused("no such order")

    connector.cancel_order = refuse  # type: ignore[method-assign]
    await arm(world)
    world.safety.dead_men.start()
    await world.pass_time(140, step=1)
    assert 1 < world.kinds("o1").count("cancel_requested") <= 6
    await world.safety.close()


async def test_a_late_word_fires_and_arms_anew(world: World) -> None:
    """The caller was dead by its own word; what it had is canceled, whoever fired."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    world.clock.advance(10)
    found = (await arm(world, timeout_seconds=6000)).switch
    assert (found.armed_until, found.clearing) == (world.clock.now() + timedelta(seconds=6000), "all")
    assert kinds(world) == ["dead_man_armed", "dead_man_fired", "dead_man_armed"]
    world.safety.dead_men.start()
    await is_clear(world)
    assert world.order("o1").state is OrderState.CANCELED
    await world.orders.place(request(client_order_id="o2"))
    await world.safety.close()


async def test_a_disarmed_switch_does_not_fire_and_one_that_is_late_does(world: World) -> None:
    """Disarming is idempotent. After the deadline it is too late for it."""
    assert not (await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)).was_armed
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    assert (await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)).was_armed
    assert not (await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)).was_armed
    assert await world.safety.dead_men.status() == []
    world.safety.dead_men.start()
    await pass_time(world, 15)
    assert world.order("o1").state is OrderState.OPEN
    await world.safety.close()
    await arm(world)
    world.clock.advance(10)
    assert not (await world.safety.dead_men.disarm(THE_ACCOUNT, RECORD)).was_armed
    assert kinds(world)[-1] == str(SafetyKind.DEAD_MAN_FIRED)


async def test_a_wall_clock_that_is_set_back_does_not_keep_it(world: World) -> None:
    """The seconds since the caller's last word are counted by a clock that nobody sets."""
    await world.orders.place(request(client_order_id="o1"))
    await arm(world)
    world.safety.dead_men.start()
    await pass_time(world, 1)
    world.clock.jump(-3600)
    await pass_time(world, 8)
    assert world.order("o1").state is OrderState.OPEN
    await is_clear(world)
    assert world.order("o1").state is OrderState.CANCELED
    await world.safety.close()


async def test_other_terms_are_told_and_renewals_are_not(world: World) -> None:
    """A renewal moves the deadline and is in the audit log; the journal is told of what changes."""
    await arm(world)
    world.clock.advance(3)
    await arm(world)
    assert kinds(world) == ["dead_man_armed"]
    found = (await arm(world, timeout_seconds=5)).switch
    assert found.armed_until == world.clock.now() + timedelta(seconds=5)
    assert kinds(world) == ["dead_man_armed"] * 2
    assert found.beat == 3


async def test_an_exchange_without_a_countdown_does_not_hold_it(world: World) -> None:
    """Nothing is armed then."""
    with pytest.raises(NoExchangeCountdown):
        await arm(world, require=DeadManRequire.EXCHANGE)
    assert await world.safety.dead_men.status() == []
    status = await arm(world)
    assert not status.is_held_by_exchange


async def test_a_process_that_dies_after_firing_is_followed_by_another(worlds: tuple[World, World]) -> None:
    """What is to be canceled is in the journal."""
    one, other = worlds
    await one.orders.place(request(client_order_id="o1"))
    await arm(one)
    one.safety.dead_men._clear = lambda account: asyncio.sleep(0)  # type: ignore[method-assign, assignment]
    one.safety.dead_men.start()
    while kinds(other)[-1] != "dead_man_fired":
        await pass_time(one, 1)
    await one.safety.close()
    other.safety.dead_men.start()
    await is_clear(other)
    assert other.order("o1").state is OrderState.CANCELED

"""Halts and limits in the journal's transaction: decided in the order of the commits, over all processes, on each database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from app.domain.decimals import ZERO
from app.domain.enums import EventKind, HaltCancel, HaltMode, TradeType
from app.domain.errors import ChangeConflict, Halted, LimitExceeded
from app.domain.order import Order
from app.domain.safety.admission import Admission
from app.domain.safety.events import SafetyKind
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Brake, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import BRAKE
from app.journal import permits
from app.journal.journal import Journal
from app.journal.permits import TRUSTED_SECONDS
from app.journal.reading.verifying import verify
from app.journal.store import Store
from app.journal.units.safety import HaltTrading, LookAgain, ReadUsage, ResumeTrading, SetLimits
from tests.clock import START, FakeClock
from tests.journal.orders import ACCOUNT, INTENDED, filled, happened, order_of_ours

WHOLE = Scope()

PERPETUAL = Admission(can_short=True)


@pytest.fixture
async def journals(build_journal: Callable[[], Journal]) -> AsyncIterator[tuple[Journal, Journal]]:
    """Two processes on one database."""
    pair = build_journal(), build_journal()
    for each in pair:
        await each.open()
    yield pair
    for each in pair:
        await each.close()


async def halt(journal: Journal, scope: Scope = WHOLE, **fields: Any) -> Halt:
    """Halt a scope."""
    values: dict[str, Any] = {
        "mode": HaltMode.HALT,
        "cancel": HaltCancel.NONE,
        "reason": "a test",
        "by": "admin",
        **fields,
    }
    return await journal.decide(HaltTrading(halt=Halt(scope=scope, at=START, **values), record=None))


async def resume(journal: Journal, scope: Scope = WHOLE, at: Any = START) -> Halt | None:
    """Resume a scope."""
    return await journal.decide(ResumeTrading(scope=scope, reason="over", at=at, record=None))


async def limit(journal: Journal, scope: Scope = WHOLE, at: datetime = START, **limits: Any) -> LimitSet:
    """Set limits of a scope."""
    return await journal.decide(SetLimits(scope=scope, changes=limits, unlimited_reason=None, at=at, record=None))


async def place(journal: Journal, order_id: str, **changes: Any) -> Order:
    """Record the intent of an order to buy 1 at 100."""
    order = order_of_ours(order_id, **changes)
    return (await journal.open_order(order, structs.replace(INTENDED, at=order.created_at), admission=PERPETUAL)).order


async def happen(journal: Journal, order: Order, kind: EventKind, **fields: Any) -> Order:
    """Record an event of an order."""
    return (await journal.record(order.key, lambda *_: (happened(kind, **fields),))).order


async def test_nothing_is_intended_after_a_halt(journals: tuple[Journal, Journal]) -> None:
    """In whichever process, until the resume. The halt is an event with a number, and the same again is the same halt."""
    one, other = journals
    await place(other, "o1")
    made = await halt(one)
    assert made.seq == 2
    for journal in journals:
        with pytest.raises(Halted, match=r"since event 2.*a test"):
            await place(journal, "o2")
    assert (await halt(other)).seq == 2
    assert await asyncio.to_thread(one.head) == 2, "what is refused writes nothing"
    entries = await asyncio.to_thread(one.tail, 0, limit=10)
    assert [entry.safety.kind for entry in entries if entry.safety is not None] == [SafetyKind.HALTED]
    assert await resume(one) == made
    assert await resume(other) is None
    assert (await place(other, "o2")).order_id == "o2"
    assert verify(one.database).problems == []


async def test_a_halt_holds_in_its_scope_and_a_stricter_one_takes_its_place(journal: Journal) -> None:
    """Others trade on."""
    scope = Scope(account_name=ACCOUNT, trading_pair="BTC-USDT")
    first = await halt(journal, scope, mode=HaltMode.REDUCE_ONLY)
    await place(journal, "o1", trading_pair="ETH-USDT")
    with pytest.raises(Halted, match="only what surely reduces"):
        await place(journal, "o2")
    second = await halt(journal, scope, cancel=HaltCancel.ALL)
    assert second.seq > first.seq
    assert await halt(journal, scope, mode=HaltMode.REDUCE_ONLY) == second
    await halt(journal)
    await resume(journal, scope)
    with pytest.raises(Halted, match="whole gateway"):
        await place(journal, "o2")


async def test_a_halt_survives_restarts(build_journal: Callable[[], Journal]) -> None:
    """It is in the journal."""
    for round in range(2):
        journal = build_journal()
        await journal.open()
        if round == 0:
            await halt(journal)
        with pytest.raises(Halted):
            await place(journal, "o1")
        await journal.close()


async def test_reduce_only_takes_what_reduces_and_no_more(journals: tuple[Journal, Journal]) -> None:
    """All orders of the side together are no larger than the position, whoever placed them."""
    one, other = journals
    bought = await place(one, "o1", amount=Decimal(3))
    await one.record(bought.key, lambda *_: (filled("f1", "3", full=True),))
    await halt(other, mode=HaltMode.REDUCE_ONLY)
    sell: dict[str, Any] = {"trade_type": TradeType.SELL, "amount": Decimal(2)}
    await place(one, "o2", **sell)
    with pytest.raises(Halted):
        await place(other, "o3", **sell)
    await place(other, "o4", **{**sell, "amount": Decimal(1)})
    with pytest.raises(Halted):
        await place(one, "o5")


async def test_limits_count_what_every_process_reserves(journals: tuple[Journal, Journal]) -> None:
    """In the order of the commits; an unknown order keeps its reservation, a refused one frees it in the same commit."""
    one, other = journals
    await limit(one, max_open_notional=Decimal(200))
    first, _ = await place(one, "o1"), await place(other, "o2")
    for journal in journals:
        with pytest.raises(LimitExceeded, match="200 US dollars are used, and this order would make it 300"):
            await place(journal, "o3")
    await happen(one, first, EventKind.UNCONFIRMED)
    with pytest.raises(LimitExceeded):
        await place(other, "o3")
    await happen(other, first, EventKind.REJECTED)
    await place(one, "o3")
    with pytest.raises(LimitExceeded):
        await place(other, "o4")


async def test_within_one_transaction_each_sees_those_before(journal: Journal) -> None:
    """Fifty at once share commits, and exactly as many pass as there is room for."""
    await limit(journal, max_open_orders=7)
    answers = await asyncio.gather(*(place(journal, f"o{number}") for number in range(50)), return_exceptions=True)
    assert sum(isinstance(each, Order) for each in answers) == 7
    assert sum(isinstance(each, LimitExceeded) for each in answers) == 43


async def test_orders_behind_the_first_limits_are_counted(journal: Journal) -> None:
    """They wait for the writer together with the limits, at a moment at which nobody has counted anything."""
    await place(journal, "o1")
    await place(journal, "o2")
    answers = await asyncio.gather(
        limit(journal, max_open_orders=2), place(journal, "o3"), place(journal, "o4"), return_exceptions=True
    )
    assert [type(each) for each in answers] == [LimitSet, LimitExceeded, LimitExceeded]


async def test_what_reduces_passes_behind_a_halt_for_the_rest(journal: Journal) -> None:
    """Also where both wait for the writer together, and nobody has counted positions so far."""
    bought = await place(journal, "o1")
    await journal.record(bought.key, lambda *_: (filled("f1", "1", full=True),))
    _, sold = await asyncio.gather(
        halt(journal, mode=HaltMode.REDUCE_ONLY), place(journal, "o2", trade_type=TradeType.SELL)
    )
    assert sold.order_id == "o2"


async def test_a_rollback_leaves_no_reservation(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not committed holds nothing."""
    await limit(journal, max_open_orders=1)
    broken = [True]
    whole = permits.Permits.note_seen

    def break_once(self: permits.Permits) -> None:
        if broken.pop() if broken else False:
            raise OSError("the disk is gone")
        whole(self)

    monkeypatch.setattr(permits.Permits, "note_seen", break_once)
    with pytest.raises(OSError, match="gone"):
        await place(journal, "o1")
    await place(journal, "o2")


async def test_limits_are_changed_by_version(journal: Journal) -> None:
    """None lifts one, the others stay; whoever has not seen the last change changes nothing."""
    first = await limit(journal, max_open_orders=1, max_position=Decimal(5))
    assert await limit(journal, max_open_orders=1) == first, "the same again is no change"
    second = await limit(journal, max_open_orders=None)
    assert second.limits.given == {"max_position": Decimal(5)}
    assert second.seq > first.seq
    stale = SetLimits(scope=WHOLE, changes={}, unlimited_reason=None, at=START, record=None, versions=[str(first.seq)])
    with pytest.raises(ChangeConflict):
        await journal.decide(stale)
    usage = await journal.decide(ReadUsage(rates={}, at=START))
    assert [dict(used) for _, used in usage.used] == [{"max_position": ZERO}]


async def test_a_long_journal_is_read_before_its_limits_are_counted(
    build_journal: Callable[[], Journal], monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """Page by page: old fills make the position, active orders the reservations, and the last minute the rates."""
    monkeypatch.setattr(permits, "_PAGE", 5)
    journal = build_journal()
    await journal.open()
    for number in range(6):
        old = await place(journal, f"old{number}")
        await journal.record(old.key, lambda *_, n=number: (filled(f"f{n}", "0.5"),))
        await happen(journal, old, EventKind.CANCELED)
    resting = await place(journal, "resting", amount=Decimal(2))
    clock.advance(180)
    await place(journal, "young", at=clock.now())
    await limit(journal, at=clock.now(), max_position=Decimal(7), orders_per_minute=3)
    usage = await journal.decide(ReadUsage(rates={}, at=clock.now()))
    [(_, used)] = usage.used
    assert used == {"max_position": Decimal(6), "orders_per_minute": Decimal(1)}
    await journal.record(resting.key, lambda *_: (happened(EventKind.CANCELED, clock.now()),))
    await journal.close()
    again = build_journal()
    await again.open()
    [(_, used)] = (await again.decide(ReadUsage(rates={}, at=clock.now()))).used
    assert used == {"max_position": Decimal(4), "orders_per_minute": Decimal(1)}
    await again.close()


async def test_the_brake_halts_in_the_transaction_of_the_last_straw(journals: tuple[Journal, Journal]) -> None:
    """Refusals of the exchange and of limits, unknown outcomes and fills; after a resume it counts anew."""
    one, other = journals
    await limit(one, anomaly_brake=Brake(window_seconds=60, refusals=2))
    first, second = await place(one, "o1"), await place(other, "o2")
    await happen(one, first, EventKind.REJECTED)
    await place(other, "o3")
    refused = await happen(other, second, EventKind.REJECTED)
    assert refused.state == "rejected"
    [braked] = other.known_safety.halts
    assert (braked.mode, braked.by, braked.reason) == (HaltMode.REDUCE_ONLY, BRAKE, "2 refusals within 60 seconds")
    with pytest.raises(Halted):
        await place(one, "o4")
    await resume(one, at=START + timedelta(seconds=1))
    await place(one, "o4")


async def test_refusals_by_limits_count_for_the_brake(journal: Journal) -> None:
    """Although they write nothing themselves."""
    await limit(journal, max_order_amount=Decimal("0.5"), anomaly_brake=Brake(window_seconds=60, refusals=2))
    for _ in range(2):
        with pytest.raises(LimitExceeded):
            await place(journal, "o1")
    with pytest.raises(Halted):
        await place(journal, "o1", amount=Decimal("0.1"))


async def test_what_was_intended_before_a_halt_must_not_leave_after_it(journals: tuple[Journal, Journal]) -> None:
    """The look before sending sees the halt of another process, at the latest when what is known has grown old."""
    one, other = journals
    order = await place(one, "o1")
    assert one.permits_sending()
    await halt(other)
    one._clock.monotonic = lambda: 1e9  # type: ignore[method-assign]
    assert not one.permits_sending()
    [seen] = (await one.safety()).halts
    assert seen.seq == 2
    with pytest.raises(Halted):
        await one.decide(LookAgain(order=order, admission=PERPETUAL, at=START))
    assert TRUSTED_SECONDS <= 1


@pytest.mark.parametrize("limits", [{}, {"max_open_notional": Decimal(10**9), "max_position": Decimal(10**6)}])
async def test_an_order_costs_no_further_statement(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    """Neither with nothing set nor, in one process, with limits."""
    if limits:
        await limit(journal, **limits)
    await place(journal, "o0")
    statements: list[str] = []
    for kind in Store.__subclasses__():
        for name in ("find", "write"):
            whole = getattr(kind, name)

            def counted(self: Any, statement: Any, rows: Any, whole: Any = whole, name: str = name) -> Any:
                statements.append(name)
                return whole(self, statement, rows)

            monkeypatch.setattr(kind, name, counted)
    order = await place(journal, "o1")
    assert statements == ["write", "write"], "the order and its event"
    await happen(journal, order, EventKind.ACCEPTED)
    assert statements == ["write"] * 4

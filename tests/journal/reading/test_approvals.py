"""Approvals in the journal's transaction: one order at most, whoever decides at once, on each database and over processes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import ApprovalState, EventKind
from app.domain.errors import ApprovalExpired, ApprovalRefused, ApprovalUsed, Halted, IdempotencyConflict
from app.domain.order import Order
from app.domain.safety.admission import Admission
from app.domain.safety.approvals import Approval
from app.domain.safety.events import SafetyKind
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.reading.approvals import Approvals
from app.journal.reading.verifying import verify
from app.journal.records import Opened
from app.journal.units.approvals import ExpireApprovals, RefuseApproval
from app.journal.units.guard import Decision, Guard
from app.storage.tables import APPROVALS, AUDIT, ORDERS
from tests.clock import START
from tests.journal.orders import INTENDED, happened, order, order_of_ours
from tests.journal.test_permits import halt, limit, resume

BOT = Guard(actor=Actor(name="bot", key_id="k"), operation="trading.place_order")
ADMIN = Guard(actor=Actor(name="admin"), operation="approvals.decide")
ADMISSION = Admission(can_short=True)
LATE = START + timedelta(seconds=60)


async def ask(journal: Journal, of: Order, at: datetime = START, admission: Admission = ADMISSION) -> Opened:
    """Place an order of the bot."""
    event = structs.replace(INTENDED, at=at)
    return await journal.open_order(of, event, guard=BOT, admission=admission)


async def approve(journal: Journal, approval: Approval, order_id: str, at: datetime = START) -> Opened:
    """Approve what waits, under that id."""
    opened = order(order_id, terms=approval.terms, idempotency_key=approval.idempotency_key, key_id="k", created_at=at)
    event = structs.replace(INTENDED, at=at)
    return await journal.open_order(opened, event, guard=given(approval), admission=ADMISSION)


def given(approval: Approval) -> Guard:
    """The bot's guard, with the approval of the admin."""
    return dataclasses.replace(BOT, decision=Decision(number=approval.number, guard=ADMIN, reason=None))


def is_given(told: Any) -> bool:
    """Whether it is by this very decision that an order was opened."""
    return isinstance(told, Opened) and told.is_new and told.approval is not None


async def refuse(journal: Journal, approval: Approval, at: datetime = START) -> Approval:
    """Refuse what waits."""
    record = AuditRecord(at=at, actor=Actor(name="risk"), operation="approvals.decide")
    return await journal.decide(RefuseApproval(number=approval.number, record=record, reason="no", at=at))


async def waiting(journal: Journal, key: str | None = "i1") -> Approval:
    """An approval that waits for an order worth 100, where 50 are free."""
    await limit(journal, approval_above_notional=Decimal(50))
    opened = await ask(journal, order_of_ours("o1", idempotency_key=key, key_id="k"))
    assert opened.approval is not None
    return opened.approval


def orders_of(journal: Journal) -> list[str]:
    """The ids of all orders."""
    return [row.order_id for row in journal.database.rows(select(ORDERS.c.order_id).order_by(ORDERS.c.id))]


def kinds(journal: Journal) -> list[str]:
    """The kinds of all events."""
    found = [entry.event or entry.safety for entry in journal.tail(0, limit=100)]
    return [each.kind.value for each in found if each is not None]


async def test_asking_writes_no_order_and_approving_writes_both_or_neither(journal: Journal) -> None:
    """Events, approval, order and audit rows are one commit each; what a halt keeps back leaves no trace, and waits on."""
    approval = await waiting(journal)
    assert (approval.state, approval.notional, approval.above) == (ApprovalState.AWAITING, 100, 50)
    assert (approval.request.idempotency_key, approval.request.amount) == ("i1", 1)
    assert orders_of(journal) == []
    await halt(journal)
    with pytest.raises(Halted):
        await approve(journal, approval, "o9")
    await resume(journal)
    decided = await approve(journal, approval, "o9")
    assert decided.approval is not None
    assert (decided.is_new, decided.approval.state, decided.approval.order_id) == (True, ApprovalState.APPROVED, "o9")
    assert kinds(journal)[-2:] == ["intended", SafetyKind.APPROVED]
    assert decided.approval.seq == journal.head()
    assert Approvals(journal.database).get(approval.number) == decided.approval
    again = await ask(journal, order_of_ours("o2", idempotency_key="i1", key_id="k"))
    assert (again.is_new, again.order.order_id, again.approval) == (False, "o9", None)
    outcomes = [row.outcome for row in journal.database.rows(select(AUDIT.c.outcome).order_by(AUDIT.c.number))]
    assert outcomes == ["awaiting_approval", "done", "done"]
    assert verify(journal.database).problem_count == 0


async def test_of_many_who_decide_at_once_one_does(journal: Journal, build_journal: Callable[[], Journal]) -> None:
    """Approvers, refusers and the expiry, in several processes and in one group: at most one order, and each hears the same."""
    others = [build_journal() for _ in range(3)]
    for each in others:
        await each.open()
    try:
        journals = [journal, *others]
        await limit(journal, approval_above_notional=Decimal(50))
        for number in range(6):
            key = f"i{number}"
            opened = await ask(journal, order_of_ours(f"o{number}", idempotency_key=key, key_id="k"))
            approval = opened.approval
            assert approval is not None
            deciding: list[Any] = []
            for index, each in enumerate((*journals, *journals)):
                deciding.append(approve(each, approval, f"a{number}-{index}"))
                if number % 3 == 1:
                    deciding.insert(index, refuse(each, approval))
                if number % 3 == 2:
                    deciding.insert(index, each.decide(ExpireApprovals(at=LATE)))
            told = await asyncio.gather(*deciding, return_exceptions=True)
            assert not any(isinstance(each, BaseException) for each in told), told
            new = [each for each in told if is_given(each)]
            states = {each.approval.state for each in told if isinstance(each, Opened) and each.approval is not None}
            assert len(states) == 1
            assert len(new) == (1 if states == {ApprovalState.APPROVED} else 0)
            made = [each for each in orders_of(journal) if each.startswith(f"a{number}-")]
            assert len(made) == len(new)
    finally:
        for each in others:
            await each.close()
    assert verify(journal.database).problem_count == 0


async def test_an_expiry_that_was_told_stands(journal: Journal, build_journal: Callable[[], Journal]) -> None:
    """Whoever heard of it may place anew: no later approval counts, even by a clock that is behind."""
    approval = await waiting(journal)
    other = build_journal()
    await other.open()
    try:
        with pytest.raises(ApprovalExpired):
            await ask(other, order_of_ours("o2", idempotency_key="i1", key_id="k"), at=LATE)
        late = await approve(journal, approval, "o3", at=START)
        assert late.approval is not None
        assert (late.approval.state, late.is_new) == (ApprovalState.EXPIRED, False)
        with pytest.raises(ApprovalExpired):
            await ask(journal, order_of_ours("o4", idempotency_key="i1", key_id="k"), at=START)
    finally:
        await other.close()
    assert (orders_of(journal), kinds(journal)[-1]) == ([], SafetyKind.APPROVAL_EXPIRED)


async def test_an_approver_who_is_late_finds_it_expired(journal: Journal) -> None:
    """By its own look, with nobody else's; what waits without a key expires as well."""
    approval = await waiting(journal, key=None)
    late = await approve(journal, approval, "o3", at=LATE)
    assert late.approval is not None
    assert (late.approval.state, late.is_new, orders_of(journal)) == (ApprovalState.EXPIRED, False, [])


async def test_a_key_is_held_for_its_terms(journal: Journal) -> None:
    """Also within one group; other terms are a conflict, and after a refusal the key is used up."""
    await limit(journal, approval_above_notional=Decimal(50))
    same = partial(order, terms=order_of_ours().terms, idempotency_key="i1", key_id="k")
    one, two, other = await asyncio.gather(
        ask(journal, same("o1")),
        ask(journal, same("o2")),
        ask(journal, same("o3", terms="BTC-USDT|BUY|LIMIT|2|100||OPEN|||", amount=Decimal(2))),
        return_exceptions=True,
    )
    assert isinstance(one, Opened)
    assert isinstance(two, Opened)
    assert one.approval is not None
    assert (one.is_asked, two.is_asked, two.approval) == (True, False, one.approval)
    assert (one.is_new, two.is_new) == (False, False)
    assert isinstance(other, IdempotencyConflict)
    await refuse(journal, one.approval)
    with pytest.raises(ApprovalRefused, match="by risk: no"):
        await ask(journal, same("o4"))
    assert len(journal.database.rows(select(APPROVALS.c.number))) == 1


async def test_an_order_that_took_the_key_or_the_id_meanwhile_is_not_placed_twice(journal: Journal) -> None:
    """The limit was lifted, and the order placed without an approval: what waits can't be placed any more."""
    approval = await waiting(journal)
    named = await ask(journal, order("mine", key_id="k"))
    assert named.approval is not None
    await limit(journal, approval_above_notional=None)
    await ask(journal, order_of_ours("o2", idempotency_key="i1", key_id="k"))
    await ask(journal, order("mine", key_id="k"))
    with pytest.raises(ApprovalUsed):
        await approve(journal, approval, "o3")
    with pytest.raises(ApprovalUsed):
        await journal.open_order(order("mine", key_id="k"), INTENDED, guard=given(named.approval))
    assert orders_of(journal) == ["o2", "mine"]


async def test_another_attempt_is_covered_for_as_long_as_the_wait_was(journal: Journal) -> None:
    """An approved order that the exchange could not take is sent again within a minute of the approval, and not an hour later."""
    approval = await waiting(journal)
    decided = await approve(journal, approval, "o9")
    placed = decided.order
    for after, is_covered in ((30, True), (3600, False)):
        at = START + timedelta(seconds=after)
        refused = happened(EventKind.REJECTED, at=at, reason_code="exchange_down", reason="away")
        await journal.record(placed.key, lambda *_, event=refused: (event,))
        retried = happened(EventKind.RETRIED, at=at)
        retry = journal.record(placed.key, lambda *_, event=retried: (event,), guard=BOT, admission=ADMISSION)
        if is_covered:
            assert (await retry).order.retried_at == at
        else:
            with pytest.raises(ApprovalExpired):
                await retry


async def test_approvals_count_nothing_until_they_are_given(journal: Journal) -> None:
    """What waits reserves nothing; once it is approved it is held to the limits like any order."""
    approval = await waiting(journal)
    await limit(journal, max_open_orders=1)
    await limit(journal, Scope(account_name="other"), max_open_orders=0)
    small = order_of_ours("o2", key_id="k", amount=Decimal("0.1"))
    assert (await ask(journal, small)).is_new
    with pytest.raises(Exception, match="max_open_orders"):
        await approve(journal, approval, "o3")

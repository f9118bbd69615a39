"""The clauses on halts, limits and approvals: each finds a journal in which it is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import structs

from app.domain.caller import Actor
from app.domain.decimals import ZERO
from app.domain.enums import ApprovalState, EventKind, HaltCancel, HaltMode, OrderState, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.order import Order, OrderRequest
from app.domain.safety.approvals import Approval
from app.domain.safety.events import SafetyEvent, SafetyKind, approval_event
from app.domain.safety.limits import Limits
from app.domain.safety.scope import Scope
from app.journal.records import JournalEntry
from app.services.orders.preparing import intended
from tests.chaos.journal_view import JournalView
from tests.clock import START
from tests.simulation.safety import check_safety

PAIR = "BTC-USDT"
D = Decimal
ONE = D(1)


def order(order_id: str) -> Order:
    """A purchase of one."""
    request = OrderRequest(
        account_name="a",
        connector_name="binance",
        trading_pair=PAIR,
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=ONE,
        price=ONE,
    )
    return intended(request, order_id=order_id, at=START, terms=request.terms())


def happens(order_id: str, kind: EventKind, state: OrderState, filled: Decimal = ZERO) -> JournalEntry:
    """Something happens to an order."""
    return JournalEntry(
        seq=0,
        at=START,
        account_name="a",
        connector_name="binance",
        trading_pair=PAIR,
        order_id=order_id,
        event=OrderEvent(kind=kind, at=START, source="exchange"),
        state=state,
        filled_amount=filled,
    )


def change(kind: SafetyKind, limits: Limits | None = None) -> JournalEntry:
    """Halts or limits change."""
    event = SafetyEvent(
        kind=kind,
        at=START,
        scope=Scope(trading_pair=PAIR),
        mode=HaltMode.HALT,
        cancel=HaltCancel.NONE,
        limits=limits,
    )
    return JournalEntry(seq=0, at=START, account_name="", connector_name="", trading_pair=PAIR, safety=event)


INTENT = happens("o1", EventKind.INTENDED, OrderState.PENDING)
NEXT = happens("o2", EventKind.INTENDED, OrderState.PENDING)
BOUGHT = happens("o1", EventKind.FILLED, OrderState.OPEN, D("0.5"))
HALTED, RESUMED = change(SafetyKind.HALTED), change(SafetyKind.RESUMED)


APPROVED = JournalEntry(
    seq=0,
    at=START,
    account_name="a",
    connector_name="binance",
    trading_pair=PAIR,
    safety=approval_event(
        Approval(
            number=1,
            account_name="a",
            connector_name="binance",
            trading_pair=PAIR,
            terms=order("o2").terms,
            idempotency_key=None,
            order_id="o2",
            notional=ONE,
            above=D("0.5"),
            scope=Scope(trading_pair=PAIR),
            asked_by=Actor(name="ann"),
            asked_at=START,
            expires_at=START,
            state=ApprovalState.APPROVED,
        ),
        START,
        Actor(name="bob"),
    ),
)


def limited(**limits: object) -> JournalEntry:
    """Limits are set."""
    return change(SafetyKind.LIMITS_SET, Limits().changed(limits))


@pytest.mark.parametrize(
    ("entries", "broken"),
    [
        ([HALTED, RESUMED, INTENT], []),
        ([HALTED, INTENT], ["nothing_is_intended_while_halted"]),
        ([HALTED, RESUMED, HALTED, RESUMED], ["halts_last"]),
        ([limited(max_open_orders=1), INTENT, BOUGHT, NEXT], ["limits_hold"]),
        ([limited(max_open_orders=2), INTENT, BOUGHT, NEXT], []),
        ([INTENT, BOUGHT, limited(max_order_amount=D("0.9")), NEXT], ["limits_hold"]),
        ([limited(allowed_order_types=(OrderType.MARKET,)), INTENT], ["limits_hold"]),
        ([limited(allowed_order_types=(OrderType.MARKET,)), limited(), INTENT], []),
        ([INTENT, BOUGHT, limited(approval_above_notional=D("0.5")), NEXT], ["large_orders_wait"]),
        ([INTENT, BOUGHT, limited(approval_above_notional=D("0.5")), NEXT, APPROVED], []),
        ([INTENT, BOUGHT, limited(approval_above_notional=D("0.5")), NEXT, NEXT, APPROVED], ["large_orders_wait"]),
    ],
)
def test_clauses_find_what_is_broken(entries: Sequence[JournalEntry], broken: Sequence[str]) -> None:
    """An intent under a halt, beyond a limit or without its approval, and a halt that ended though nobody has asked for it."""
    entries = [structs.replace(entry, seq=seq) for seq, entry in enumerate(entries, start=1)]
    journal = JournalView(
        orders=(order("o1"), order("o2")), entries=tuple(entries), fills={}, replayed={}, head=len(entries)
    )
    assert [each.clause for each in check_safety(journal, Counter({PAIR: 1}))] == broken

"""Halts, limits and approvals as clauses over the journal: each event is looked at in the journal's own order, which every process
shares.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from app.domain.enums import EventKind, HaltMode, TradeType
from app.domain.lifecycle import ACTIVE
from app.domain.order import Order
from app.domain.safety.events import SafetyEvent, SafetyKind
from app.domain.safety.limits import Limits
from app.journal.records import JournalEntry
from tests.chaos.checker import Violation
from tests.chaos.journal_view import JournalView

#: What an order may leave after.
_INTENTS = frozenset({EventKind.INTENDED, EventKind.RETRIED})
_NONE = Decimal(0)


class _Pair:
    """What holds on a pair, what is alive there, and what was bought and sold."""

    def __init__(self) -> None:
        self.is_halted = False
        self.limits = Limits()
        self.active: set[str] = set()
        self.filled: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.position = _NONE

    def change(self, event: SafetyEvent) -> None:
        """A halt begins or ends, or limits are set."""
        if event.kind is SafetyKind.LIMITS_SET:
            self.limits = event.limits or Limits()
        elif event.kind in (SafetyKind.HALTED, SafetyKind.RESUMED):
            self.is_halted = event.kind is SafetyKind.HALTED and event.mode is HaltMode.HALT

    def move(self, entry: JournalEntry, order: Order) -> None:
        """Something happens to an order."""
        (self.active.add if entry.state in ACTIVE else self.active.discard)(order.order_id)
        more = (entry.filled_amount or _NONE) - self.filled[order.order_id]
        self.filled[order.order_id] += more
        self.position += more if order.trade_type is TradeType.BUY else -more

    def broken_by(self, order: Order, *, is_approved: bool) -> Iterator[tuple[str, str]]:
        """The clauses that the intent of ``order`` breaks."""
        limits = self.limits
        if self.is_halted:
            yield "nothing_is_intended_while_halted", "is intended under a halt"
        if limits.allowed_order_types is not None and order.order_type not in limits.allowed_order_types:
            yield "limits_hold", f"is {order.order_type}, and {limits.allowed_order_types} are allowed"
        # What only reduces passes the others. A purchase does not where more was bought than sold.
        if order.trade_type is not TradeType.BUY or self.position <= 0:
            return
        if limits.approval_above_notional is not None and not is_approved:
            # Every order is worth more than the limits of the simulation are.
            yield "large_orders_wait", "is intended without an approval"
        if limits.max_open_orders is not None and len(self.active) > limits.max_open_orders:
            yield "limits_hold", f"is one of {len(self.active)} orders, and {limits.max_open_orders} may be"
        # An amendment only makes an order smaller here, so what was intended was not smaller than what is stored.
        if limits.max_order_amount is not None and order.amount is not None and order.amount > limits.max_order_amount:
            yield "limits_hold", f"is of {order.amount}, and {limits.max_order_amount} is allowed"


def _approvals_of(journal: JournalView) -> Mapping[str, int]:
    """The number of the entry by which each order was approved."""
    return {
        entry.safety.approval.order_id: entry.seq
        for entry in journal.entries
        if entry.safety is not None
        and entry.safety.kind is SafetyKind.APPROVED
        and entry.safety.approval is not None
        and entry.safety.approval.order_id is not None
    }


def check_safety(journal: JournalView, resumes: Counter[str]) -> Iterator[Violation]:
    """Nothing is intended under a halt, no intent exceeds a limit or lacks an approval that it needs, and no halt ends by itself:
    ``resumes`` are how often callers have asked for the end of each pair's halts.
    """
    pairs: defaultdict[str, _Pair] = defaultdict(_Pair)
    ended: Counter[str] = Counter()
    orders = {order.order_id: order for order in journal.orders}
    approvals = _approvals_of(journal)
    for entry in journal.entries:
        name = entry.trading_pair or ""
        pair = pairs[name]
        if entry.safety is not None:
            pair.change(entry.safety)
            ended[name] += entry.safety.kind is SafetyKind.RESUMED
        elif entry.event is not None and entry.order_id is not None:
            order = orders[entry.order_id]
            pair.move(entry, order)
            if entry.event.kind in _INTENTS:
                # An approval is given in the commit of its order's intent, right after it.
                is_approved = approvals.get(entry.order_id, entry.seq + 2) <= entry.seq + 1
                for clause, text in pair.broken_by(order, is_approved=is_approved):
                    yield Violation(clause=clause, text=f"{entry.order_id} at {entry.seq} {text}")
    for name, count in ended.items():
        if count > resumes[name]:
            yield Violation(clause="halts_last", text=f"{name}: {count} halts have ended, and {resumes[name]} were to")

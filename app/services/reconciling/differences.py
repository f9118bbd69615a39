"""What a comparison found to differ, for those who ask what the last one came to. Nothing is decided by it."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import datetime

from app.domain.enums import OrderState
from app.domain.reconciliation import Difference, Reconciliation
from app.domain.reports import OrderReport
from app.journal.records import StoredOrder
from app.services.reconciling.comparing import Comparison

#: The differences that are told one by one.
_TOLD = 50


def summary(
    found: Comparison,
    compared: Collection[StoredOrder],
    shown: Container[str],
    at: datetime,
    *,
    is_whole: bool,
    unasked: Iterable[str] = (),
) -> Reconciliation:
    """``found`` as a summary. ``shown`` are the ids of the orders that the book showed: open ones beside them differ, too."""
    missing = (each for each in compared if each.order.state is OrderState.OPEN and each.order.order_id not in shown)
    differences = [
        *(_difference(stored, report) for stored, report in found.news),
        *(_difference(stored, None) for stored in missing),
    ]
    return Reconciliation(
        at=at,
        is_whole=is_whole,
        orders=len(compared),
        difference_count=len(differences),
        differences=tuple(differences[:_TOLD]),
        foreign_orders=len(found.unmatched),
        unasked_pairs=tuple(sorted(unasked)),
    )


def _difference(stored: StoredOrder, report: OrderReport | None) -> Difference:
    order = stored.order
    return Difference(
        order_id=order.order_id,
        trading_pair=order.trading_pair,
        state=order.state,
        filled_amount=order.filled_amount,
        exchange_state=None if report is None else report.state,
        exchange_filled_amount=None if report is None else report.filled_amount,
    )

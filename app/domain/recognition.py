"""Whether what an exchange shows is the order that we mean, whichever of its names it was found by.

Neither name is enough alone. A client id may be used again by another program on the same account once the order is done, and may
change when an order is amended. An exchange's number is given again after a test network was reset.
"""

from __future__ import annotations

from datetime import timedelta

from app.domain.order import OrderRef
from app.domain.reports import OrderReport, ReportedTerms

#: An order reaches the exchange within this time of its creation by our clock, in either direction for clocks that differ.
_PLACED_WITHIN = timedelta(minutes=2)


def is_same_order(ref: OrderRef, report: OrderReport) -> bool:
    """Whether ``report`` is about the order that ``ref`` names.

    What contradicts ``ref`` is not. Under another client id than ours it is our order only if the number is ours and the terms
    agree.
    """
    if ref.is_contradicted_by(report):
        return False
    if report.order_id in (ref.order_id, ref.client_order_id):
        return True
    return ref.exchange_order_id is not None and report.exchange_order_id is not None and _agrees(ref, report.terms)


def _agrees(ref: OrderRef, terms: ReportedTerms | None) -> bool:
    """Whether the time is that of the order, whose other terms are not known to differ; without a time the price must agree."""
    if terms is None or None in (ref.trade_type, ref.order_type):
        return False
    if terms.created_at is None or ref.created_at is None:
        return terms.price == ref.price
    return abs(terms.created_at - ref.created_at) <= _PLACED_WITHIN

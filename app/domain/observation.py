"""From what an exchange says to what we record: the one place where a report becomes events.

``observe`` compares an order as the journal has it with a report and returns the events that bring the journal up to date. It is
pure and runs inside the journal's transaction, on the order as it is at that moment, so that an answer, a stream event and an
answer to recovery may arrive in any order, late or twice, and the totals are right all the same:

* fills come first, each once, and a fill is applied whatever the state;
* a final state is recorded only when the fills that the exchange counts are all here (``missing_fills`` says when they are not);
* a report that is older than what we know changes nothing, nor does one about another order that has been given our id;
* terms that differ from ours were amended at the exchange, if the report is as new as the last amendment that we know of. They
  come before the fills, because whether an order is full depends on its amount;
* an order that we had concluded to be gone, or refused, and that the exchange shows open has reappeared.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import EventKind, OrderState, OrderType
from app.domain.errors import DuplicateOrderId
from app.domain.events import OrderEvent, Source
from app.domain.fill import Fill
from app.domain.lifecycle import FINAL, TRANSITIONS, UNSETTLED
from app.domain.order import Anomaly, Order
from app.domain.reports import OrderReport

_FINAL_KINDS = {
    "filled": EventKind.FILLED,
    "canceled": EventKind.CANCELED,
    "expired": EventKind.EXPIRED,
    "rejected": EventKind.REJECTED,
}


class Observation(Struct, frozen=True, kw_only=True):
    """The events to record, the order after them, and whether fills must be fetched before the final state may be recorded."""

    events: tuple[OrderEvent, ...]
    order: Order
    missing_fills: bool


def observe(
    order: Order, report: OrderReport, *, known_fills: AbstractSet[str], at: datetime, source: Source, evidence: str
) -> Observation:
    """What ``report`` adds to ``order``. ``known_fills`` are the exchange fill ids that the journal holds of this order."""
    build = _Builder(order, report, at, source, evidence)
    if order.ref.is_contradicted_by(report) or _is_of_the_id_s_owner(order):
        return build.done(missing_fills=False)
    if report.state == "rejected" and not report.fills and report.filled_amount == ZERO:
        if _is_of_earlier_attempt(order, report):
            return build.done(missing_fills=False)
        if order.is_resolved:
            build.add(EventKind.REAPPEARED)
        if build.order.state not in FINAL:
            build.add(EventKind.REJECTED)
        return build.done(missing_fills=False)
    if order.is_presumed_gone or _contradicts_refusal(order, report):
        build.add(EventKind.REAPPEARED)
    elif order.state in UNSETTLED or build.brings_id_or_amount():
        build.add(EventKind.ACCEPTED)
    build.add_amendment()
    build.add_fills(known_fills)
    if report.filled_amount > build.order.filled_amount or report.is_partial:
        return build.done(missing_fills=True)
    if report.state != "open" and build.order.state not in FINAL:
        build.add(_FINAL_KINDS[report.state])
    return build.done(missing_fills=False)


def _is_of_earlier_attempt(order: Order, report: OrderReport) -> bool:
    """Whether a rejection was reported before the present attempt began; it says nothing of that one."""
    return order.retried_at is not None and report.reported_at is not None and report.reported_at < order.retried_at


def _is_of_the_id_s_owner(order: Order) -> bool:
    """Whether reports under the order's id are about another program's order, which had the id first: ours was refused for it."""
    is_taken = order.state is OrderState.REJECTED and order.error_code == DuplicateOrderId.code
    return is_taken and not order.owns_id


def _contradicts_refusal(order: Order, report: OrderReport) -> bool:
    """Whether the exchange shows open, or executed, what we took to be refused. Such an order was never open: no report is old."""
    was_executed = report.state != "rejected" and (bool(report.fills) or report.filled_amount > ZERO)
    return order.state is OrderState.REJECTED and (report.state == "open" or was_executed)


def _changed_terms(order: Order, report: OrderReport) -> dict[str, Any]:
    """The terms in ``report`` that differ from those of ``order``, as fields of an event; none if the report may be the older one.

    The amount of an order in quote units is what these bought, so it is not a term. A client id is a new one only if the
    exchange's own id shows that the report is about the same order.
    """
    is_timed = report.reported_at is not None
    is_older = order.amended_at is not None and (report.reported_at is None or report.reported_at < order.amended_at)
    if is_older or EventKind.AMENDED not in TRANSITIONS[order.state] or not (is_timed or _tells_terms(order, report)):
        return {}
    price = None if report.terms is None else report.terms.price
    changes: dict[str, Any] = {}
    if order.quote_amount is None and None not in (order.amount, report.amount) and report.amount != order.amount:
        changes["amount"] = report.amount
    # Of an order that is done, some say the price at which it was filled.
    if None not in (order.price, price) and price != order.price and (is_timed or report.state == "open"):
        changes["price"] = price
    client_order_id = report.new_client_order_id or report.order_id
    is_same = order.exchange_order_id is not None and report.exchange_order_id == order.exchange_order_id
    # Exchanges that tell no time rename no orders, but some spell ids in two ways.
    if is_timed and is_same and client_order_id and client_order_id != order.ref.client_order_id:
        changes["exchange_client_order_id"] = client_order_id
    return changes


def _tells_terms(order: Order, report: OrderReport) -> bool:
    """Whether a report of an exchange that tells no time of changes counts for the terms, as it comes.

    An acknowledgement repeats the request, and a MARKET order does not rest, so nobody amends it. Of an order that was ended early
    some exchanges may call what was filled its amount.
    """
    if not report.tells_terms or report.is_partial or order.order_type is OrderType.MARKET:
        return False
    return report.state in ("open", "filled") or report.amount is None or report.amount > report.filled_amount


class _Builder:
    """Collects events and applies each to the order as it goes."""

    def __init__(self, order: Order, report: OrderReport, at: datetime, source: Source, evidence: str) -> None:
        self.order = order
        self._report = report
        self._at = at
        self._source: Source = source
        self._evidence = evidence
        self._events: list[OrderEvent] = []

    def brings_id_or_amount(self) -> bool:
        """Whether the report brings the exchange's id or the amount to an order that lacks it."""
        order, report = self.order, self._report
        if order.state is OrderState.REJECTED:
            return False
        return (order.exchange_order_id is None and report.exchange_order_id is not None) or (
            order.amount is None and report.amount is not None
        )

    def add(self, kind: EventKind) -> None:
        report = self._report
        self._append(
            OrderEvent(
                kind=kind,
                at=self._at,
                source=self._source,
                exchange_at=report.reported_at,
                exchange_order_id=report.exchange_order_id,
                amount=report.amount,
                reason_code=report.reason_code,
                reason=report.reason,
                evidence=self._evidence,
            )
        )

    def add_fills(self, known_fills: AbstractSet[str]) -> None:
        seen = set(known_fills)
        for fill in sorted(self._report.fills, key=lambda fill: fill.filled_at):
            if fill.exchange_fill_id in seen:
                continue
            seen.add(fill.exchange_fill_id)
            self._append(
                OrderEvent(
                    kind=self._kind_of_fill(fill),
                    at=self._at,
                    source=self._source,
                    exchange_at=fill.filled_at,
                    exchange_order_id=self._report.exchange_order_id,
                    fill=fill,
                    evidence=self._evidence,
                )
            )

    def add_amendment(self) -> None:
        """Record terms that the exchange has changed."""
        changes = _changed_terms(self.order, self._report)
        if not changes:
            return
        report = self._report
        self._append(
            OrderEvent(
                kind=EventKind.AMENDED,
                at=self._at,
                source=self._source,
                exchange_at=report.reported_at,
                exchange_order_id=report.exchange_order_id,
                evidence=self._evidence,
                **changes,
            )
        )

    def _kind_of_fill(self, fill: Fill) -> EventKind:
        """Full if the amount says so, unless the report counts this fill and still calls the order not filled. A report that calls
        an order open which is done is old, and says nothing.
        """
        order, report = self.order, self._report
        is_old = report.state == "open" and order.state in FINAL
        is_counted = report.filled_amount >= EXACT.add(order.filled_amount, fill.amount)
        if report.state != "filled" and is_counted and not is_old:
            return EventKind.PARTIALLY_FILLED
        return order.kind_of_fill(fill)

    def done(self, *, missing_fills: bool) -> Observation:
        return Observation(events=tuple(self._events), order=self.order, missing_fills=missing_fills)

    def _append(self, event: OrderEvent) -> None:
        # What the lifecycle does not allow is recorded all the same: the journal turns it into an anomaly that somebody sees.
        with suppress(Anomaly):
            self.order = self.order.apply(event)
        self._events.append(event)

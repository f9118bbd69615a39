"""The only writer of orders: everything that is learned of an order is recorded in the journal here, and logged in one line.

Intents are not logged, since their outcome is. No other module calls the journal's writing verbs for orders. Each verb returns the
order as the journal now has it, which may be more than the caller recorded, because others write too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from msgspec import Struct

from app.clock import Clock
from app.domain.decimals import plain
from app.domain.enums import EventKind, OrderState
from app.domain.errors import Halted, Refused
from app.domain.events import OrderEvent, Source
from app.domain.lifecycle import FINAL, UNSETTLED
from app.domain.observation import Observation, observe
from app.domain.order import Order, OrderKey
from app.domain.reports import OrderReport
from app.domain.safety.admission import NOTHING_KNOWN, Admission
from app.journal.journal import Journal
from app.journal.records import JournalEntry, Opened, Recorded, Weighed
from app.journal.units.guard import UNGUARDED, Guard
from app.journal.units.orders import Decide
from app.services.orders.awaited import Awaited

log = structlog.get_logger(__name__)

_MICROSECOND = timedelta(microseconds=1)

#: Events which show that something we believed was wrong. They are logged as errors for an operator.
_ALARMS = frozenset({EventKind.REAPPEARED, EventKind.ADOPTED, EventKind.ANOMALY})


class Observed(Struct, frozen=True, kw_only=True):
    """The order after a report was recorded. ``missing_fills``: the exchange counts fills that the journal does not have."""

    order: Order
    missing_fills: bool


class Recorder:
    """Records what happens to orders."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        #: The orders about which an answer is on its way, for whoever hears of them earlier.
        self.awaited = Awaited()

    async def begin(
        self,
        order: Order,
        kind: EventKind,
        source: Source,
        *,
        evidence: str | None = None,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
        admission: Admission = NOTHING_KNOWN,
    ) -> Opened:
        """Record the start of an order's life. If its id or key is taken, the stored order is returned.

        With ``credentials_version`` raises ``CredentialsChanged`` unless these are still the account's credentials. Raises what
        ``guard``, halts and limits refuse a new order with, and ``Missing`` where ``admission`` lacks what limits must know.
        """
        event = OrderEvent(
            kind=kind,
            at=self._clock.now(),
            source=source,
            exchange_order_id=order.exchange_order_id,
            evidence=evidence,
            actor=guard.actor,
        )
        opened = await self._journal.open_order(
            order, event, credentials_version=credentials_version, guard=guard, admission=admission
        )
        if opened.is_new and kind is not EventKind.INTENDED:
            _log(order, [event])
        return opened

    async def intend(
        self, order: Order, *, credentials_version: int | None, guard: Guard, admission: Admission
    ) -> Opened:
        """Record the intent of a caller's order, as ``begin`` does."""
        return await self.begin(
            order,
            EventKind.INTENDED,
            "caller",
            credentials_version=credentials_version,
            guard=guard,
            admission=admission,
        )

    async def weigh(
        self, order: Order, *, credentials_version: int | None, guard: Guard, admission: Admission
    ) -> Weighed:
        """What ``intend`` would find at this moment. Records nothing."""
        event = OrderEvent(kind=EventKind.INTENDED, at=self._clock.now(), source="caller", actor=guard.actor)
        return await self._journal.weigh_order(
            order, event, credentials_version=credentials_version, guard=guard, admission=admission
        )

    async def observe(self, key: OrderKey, report: OrderReport, source: Source, evidence: str) -> Observed:
        """Bring the order up to date with what the exchange says."""
        seen: list[Observation] = []

        def decide(order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
            # The journal may run this again when it repeats a transaction; the last run counts.
            seen.append(
                observe(order, report, known_fills=known_fills, at=self._clock.now(), source=source, evidence=evidence)
            )
            return seen[-1].events

        recorded, is_behind = await self._record_with_said(key, decide)
        return Observed(order=recorded.order, missing_fills=seen[-1].missing_fills or is_behind)

    async def refuse(self, order: Order, refusal: Refused) -> Order:
        """Record that the call of ``order`` was refused, and return the order as it then is.

        Nothing is recorded of an order that the exchange has shown meanwhile: it exists, whatever the answer said. Nor is anything
        if the order has been retried since: the answer speaks of an attempt that is over.
        """

        def decide(stored: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
            if stored.state not in UNSETTLED or stored.was_seen or stored.retried_at != order.retried_at:
                return ()
            now = self._clock.now()
            return (
                OrderEvent(
                    kind=EventKind.REJECTED,
                    at=now,
                    source="answer",
                    reason_code=refusal.code,
                    reason=refusal.detail,
                    evidence=_evidence_of(refusal),
                    held_until=None if refusal.retry_after is None else now + refusal.retry_after,
                ),
            )

        recorded, _ = await self._record_with_said(order.key, decide)
        return recorded.order

    async def retry(
        self,
        order: Order,
        source: Source,
        evidence: str,
        *,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
        admission: Admission = NOTHING_KNOWN,
    ) -> Opened:
        """Record that ``order``, which surely is not at the exchange, is about to be sent again: by ``source`` because its caller
        repeated the request, or because the exchange refused no more than the timestamp.

        It is decided in the journal's transaction, so that of several callers in several processes one sends: its result is new.
        Raises ``CredentialsChanged`` unless these are still the account's credentials, what ``guard``, halts and limits refuse it
        with, ``Missing``, ``JournalUnavailable`` and ``JournalInDoubt``; after any of them, the order must not be sent.
        """

        def decide(stored: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
            if not stored.is_retryable or stored.retried_at != order.retried_at:
                return ()
            # The time names the attempt, so that no two have the same.
            at = max(self._clock.now(), stored.attempted_at + _MICROSECOND)
            return (OrderEvent(kind=EventKind.RETRIED, at=at, source=source, evidence=evidence, actor=guard.actor),)

        recorded = await self._journal.record(
            order.key, decide, is_intent=True, credentials_version=credentials_version, guard=guard, admission=admission
        )
        _log_entries(recorded.order, recorded.entries)
        return Opened(order=recorded.order, is_new=bool(recorded.entries))

    async def note(
        self,
        key: OrderKey,
        kind: EventKind,
        source: Source,
        *,
        reason_code: str | None = None,
        reason: str | None = None,
        evidence: str | None = None,
        pending_as: Order | None = None,
        as_seen: Order | None = None,
        credentials_version: int | None = None,
        guard: Guard = UNGUARDED,
    ) -> Order:
        """Record one plain event and return the order as it then is.

        With ``pending_as``, the event is recorded only while that attempt of the order is pending; with ``as_seen``, only if it has
        not changed since; with ``credentials_version``, ``CredentialsChanged`` is raised unless these are still the account's
        credentials. Raises what ``guard`` refuses it with.
        """

        def decide(order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
            if order.state in FINAL and kind is EventKind.UNCONFIRMED:
                return ()
            attempt = None if pending_as is None else (OrderState.PENDING, pending_as.retried_at)
            if attempt is not None and attempt != (order.state, order.retried_at):
                return ()
            if as_seen is not None and order != as_seen:
                return ()
            return (
                OrderEvent(
                    kind=kind,
                    at=self._clock.now(),
                    source=source,
                    reason_code=reason_code,
                    reason=reason,
                    evidence=evidence,
                    actor=guard.actor,
                ),
            )

        if source == "answer":
            recorded, _ = await self._record_with_said(key, decide)
            return recorded.order
        recorded = await self._journal.record(key, decide, credentials_version=credentials_version, guard=guard)
        _log_entries(recorded.order, recorded.entries)
        return recorded.order

    async def _record_with_said(self, key: OrderKey, decide: Decide) -> tuple[Recorded, bool]:
        """Record what ``decide`` makes of the order, and in the same commit what streams have said while an answer was awaited.
        Also returns whether they count fills that the journal does not have.
        """
        with self.awaited.said(key) as said:
            recorded = await self._journal.record(key, said.before_and_after(decide, self._clock) if said else decide)
        _log_entries(recorded.order, recorded.entries)
        return recorded, said.is_ahead_of(recorded.order)


def _evidence_of(refusal: Refused) -> str:
    if isinstance(refusal, Halted):
        return "it was not sent: trading was halted after its intent and before it could leave"
    return f"the exchange's answer means that it has no such order: {refusal.code}"


def _log_entries(order: Order, entries: Sequence[JournalEntry]) -> None:
    events = [entry.event for entry in entries if entry.event is not None]
    if events:
        _log(order, events)


def _log(order: Order, events: Sequence[OrderEvent]) -> None:
    write = log.error if any(event.kind in _ALARMS for event in events) else log.info
    last = events[-1]
    write(
        f"order {last.kind.value}",
        order_id=order.order_id,
        account_name=order.account_name,
        connector_name=order.connector_name,
        trading_pair=order.trading_pair,
        events=[event.kind.value for event in events],
        source=last.source,
        state=order.state.value,
        filled_amount=plain(order.filled_amount),
        reason=last.reason,
    )

"""The things that can be written, each as a unit that is staged on a batch and is written whole or not at all.

A unit names the orders and keys that it must read, so that those of a whole group are read together. ``stage`` decides and changes
the batch. What else it must know (credentials, balances, users, keys, approvals, switches) the batch reads when it is asked, mostly
from memory. It may be called again after a rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import structs

from app.domain.audit import AuditRecord
from app.domain.enums import EventKind, OrderState
from app.domain.errors import CredentialsChanged, OrderNotFound
from app.domain.events import OrderEvent
from app.domain.lifecycle import FIRST_STATE
from app.domain.order import AccountKey, Anomaly, Order, OrderKey
from app.domain.safety.admission import NOTHING_KNOWN, Admission, Measured
from app.journal.batch import Batch, IdempotencyKey, idempotency_name
from app.journal.records import JournalEntry, Opened, Recorded, StoredOrder
from app.journal.units.asking import ask, check_retry, find_asked, find_waiting, give
from app.journal.units.firing import account_of, check_countdown, fire_if_over
from app.journal.units.guard import UNGUARDED, Decision, Guard

#: Given an order as it is at this moment and the exchange fill ids known of it: what to record. Must be pure.
Decide = Callable[[Order, frozenset[str]], Sequence[OrderEvent]]


class Unit(Protocol):
    """One indivisible write."""

    @property
    def is_intent(self) -> bool:
        """Whether an order is sent after this. Such a unit is refused where too many wait, and has its own failpoints."""

    @property
    def keys(self) -> tuple[OrderKey, ...]:
        """The orders to read."""

    @property
    def idempotency_keys(self) -> tuple[IdempotencyKey, ...]:
        """The idempotency keys to look up."""

    @property
    def asked(self) -> AuditRecord | None:
        """The request whose caller must still hold, as the writer looks; None where a guard looks, or nobody asks."""

    def stage(self, batch: Batch) -> Any:
        """Decide on ``batch``, change it, and return the answer for after the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """Begin an order's life, unless its id or its idempotency key is taken.

    With ``credentials_version``, only if these are still the account's credentials. The order is on the account at the exchange
    that they open. Only if ``guard``, and the halts and limits that hold, let it pass, which are not asked about an order that is
    there already; ``admission`` is what limits must know of it. An order that needs an approval waits as one instead, unless the
    guard has the decision that gives it: then both are written, or neither.
    """

    order: Order
    event: OrderEvent
    credentials_version: int | None = None
    guard: Guard = UNGUARDED
    admission: Admission = NOTHING_KNOWN
    is_intent: bool = True
    asked: None = None

    def __post_init__(self) -> None:
        if FIRST_STATE.get(self.event.kind) is not self.order.state:
            raise ValueError(f"an order that is {self.order.state} does not begin with {self.event.kind}")

    @property
    def keys(self) -> tuple[OrderKey, ...]:
        # An id that the gateway has just made names no earlier order. The caller's may, and so may the id of an adopted order.
        is_new = self.event.kind is EventKind.INTENDED and not self.order.has_callers_id
        return () if is_new else (self.order.key,)

    @property
    def idempotency_keys(self) -> tuple[IdempotencyKey, ...]:
        name = idempotency_name(self.order)
        return () if name is None else (name,)

    def stage(self, batch: Batch) -> Opened:
        stored, decision = self.find_earlier(batch), self.guard.decision
        return self._open(batch, stored) if decision is None else self._open_approved(batch, stored, decision)

    def _open(self, batch: Batch, stored: Order | None) -> Opened:
        if stored is not None:
            return Opened(order=stored)
        order = self.on_account(batch)
        is_intended = self.event.kind is EventKind.INTENDED
        if is_intended and batch.permits.asks_approvals(order):
            waiting = find_asked(batch, order, self.event.at)
            if waiting is not None:
                return Opened(order=order, approval=waiting)
        self.guard.check(batch, order, self.event)
        if is_intended and (above := _check_permitted(batch, order, self.admission, self.event)):
            return Opened(order=order, approval=ask(batch, order, self.event, above, self.guard), is_asked=True)
        self._add(batch, order)
        return Opened(order=order, is_new=True)

    def _open_approved(self, batch: Batch, stored: Order | None, decision: Decision) -> Opened:
        waiting = find_waiting(batch, decision, self.order, self.event, stored)
        if not waiting.is_awaiting:
            return Opened(order=self.order, approval=waiting)
        order = self.on_account(batch)
        self.guard.check(batch, order, self.event)
        _check_permitted(batch, order, self.admission, self.event)
        self._add(batch, order)
        return Opened(order=order, approval=give(batch, decision, waiting, order, self.event), is_new=True)

    def _add(self, batch: Batch, order: Order) -> None:
        batch.add_order(order, _entry(batch.head + 1, order, self.event))
        self.guard.passed(batch, order, self.event)

    def find_earlier(self, batch: Batch) -> Order | None:
        """The order that has the id or the idempotency key."""
        stored = batch.find_by_idempotency_key(self.order) or batch.find(self.order.key)
        return None if stored is None else stored.order

    def on_account(self, batch: Batch) -> Order:
        """The order with the account at the exchange that its credentials open. Raises ``CredentialsChanged``."""
        account = AccountKey(self.order.account_name, self.order.connector_name)
        _check_credentials(batch, account, self.credentials_version)
        credentials = batch.credentials(account)
        exchange_account = None if credentials is None else credentials.exchange_account
        return structs.replace(self.order, exchange_account=exchange_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvents:
    """Record what ``decide`` makes of an order; with ``credentials_version``, only if these are still its account's credentials.
    ``guard`` is asked about the first event, if there is one; before another attempt to send the order, halts and limits as well.
    """

    key: OrderKey
    decide: Decide
    credentials_version: int | None = None
    guard: Guard = UNGUARDED
    admission: Admission = NOTHING_KNOWN
    is_intent: bool = False
    asked: None = None
    idempotency_keys: tuple[IdempotencyKey, ...] = ()

    @property
    def keys(self) -> tuple[OrderKey, ...]:
        return (self.key,)

    def stage(self, batch: Batch) -> Recorded:
        stored = batch.find(self.key)
        if stored is None:
            raise OrderNotFound(f"Order '{self.key.order_id}' not found", order_id=self.key.order_id)
        _check_credentials(batch, self.key.account, self.credentials_version)
        events = _without_known_fills(stored, self.decide(stored.order, stored.fill_ids))
        if not events:
            return Recorded(order=stored.order)
        self.guard.check(batch, stored.order, events[0])
        if events[0].kind is EventKind.RETRIED and stored.order.state is OrderState.REJECTED:
            retried = stored.order.apply(events[0])
            if _check_permitted(batch, retried, self.admission, events[0]):
                check_retry(batch, retried, events[0].at)
        recorded = _apply(batch, stored, events)
        self.guard.passed(batch, stored.order, events[0])
        return recorded


def _check_permitted(batch: Batch, order: Order, admission: Admission, event: OrderEvent) -> Sequence[Measured]:
    """Raise what keeps ``order`` from being sent by ``event``: a halt, limits, or a dead-man's switch, which fires first if its
    time is over. Return the limits above which the order needs an approval.
    """
    if not batch.permits.state.switches:
        return batch.check_permitted(order, admission, event.at)
    fire_if_over(batch, account_of(order), event.at)
    above = batch.check_permitted(order, admission, event.at)
    check_countdown(batch, order)
    return above


def _check_credentials(batch: Batch, account: AccountKey, version: int | None) -> None:
    """Raise ``CredentialsChanged`` unless the account's credentials are those of ``version``; None accepts any."""
    if version is None:
        return
    credentials = batch.credentials(account)
    if credentials is None or credentials.version != version:
        raise CredentialsChanged(account.account_name, account.connector_name)


def _without_known_fills(stored: StoredOrder, events: Sequence[OrderEvent]) -> list[OrderEvent]:
    """``events`` without those whose fill the journal has of this order, or that name a fill twice."""
    known = set(stored.fill_ids)
    new = []
    for event in events:
        if event.fill is not None:
            if event.fill.exchange_fill_id in known:
                continue
            known.add(event.fill.exchange_fill_id)
        new.append(event)
    return new


def _apply(batch: Batch, stored: StoredOrder, events: Sequence[OrderEvent]) -> Recorded:
    order = stored.order
    entries: list[JournalEntry] = []
    new_fills: set[str] = set()
    for event in events:
        try:
            order = order.apply(event)
        except Anomaly as anomaly:
            event = _note(event, anomaly)
            order = order.apply(event)
        if event.fill is not None:
            new_fills.add(event.fill.exchange_fill_id)
        entries.append(_entry(batch.head + 1 + len(entries), order, event))
    batch.change_order(structs.replace(stored, order=order, fill_ids=stored.fill_ids | new_fills), entries)
    return Recorded(order=order, entries=tuple(entries))


def _note(event: OrderEvent, anomaly: Anomaly) -> OrderEvent:
    """What is recorded of an event that the lifecycle does not allow: a note that changes nothing but the time."""
    evidence = "" if event.evidence is None else f": {event.evidence}"
    return OrderEvent(
        kind=EventKind.ANOMALY,
        at=event.at,
        source=event.source,
        exchange_at=event.exchange_at,
        evidence=f"{anomaly}{evidence}",
    )


def _entry(seq: int, order: Order, event: OrderEvent) -> JournalEntry:
    return JournalEntry(
        seq=seq,
        at=event.at,
        account_name=order.account_name,
        connector_name=order.connector_name,
        trading_pair=order.trading_pair,
        order_id=order.order_id,
        event=event,
        state=order.state,
        status=order.status,
        filled_amount=order.filled_amount,
    )

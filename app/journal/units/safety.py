"""The units that change halts and limits, and those that ask what they allow. They see what the units before them have decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

from msgspec import Struct, structs

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import HaltMode
from app.domain.errors import ChangeConflict, DeadManDue
from app.domain.order import Order, OrderKey
from app.domain.safety.admission import Admission
from app.domain.safety.events import SafetyEvent, SafetyKind, halted_event
from app.domain.safety.halts import Halt, strictest
from app.domain.safety.ledger import Ledger, place_of
from app.domain.safety.limits import Limits, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import SafetyState, halted
from app.domain.safety.usage import used_of
from app.journal.batch import Batch, IdempotencyKey
from app.journal.units.firing import account_of, fire_if_over
from app.journal.units.lines import check_lifts

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyUnit(Generic[T]):
    """A unit that reads no order, and answers with a ``T``."""

    is_intent: bool = field(default=False, init=False)
    keys: tuple[OrderKey, ...] = field(default=(), init=False)
    idempotency_keys: tuple[IdempotencyKey, ...] = field(default=(), init=False)

    @property
    def asked(self) -> AuditRecord | None:
        """By what request it is asked for, None where the gateway does it by itself."""
        return None

    def stage(self, batch: Batch) -> T:
        """Decide on ``batch``, and return the answer for after the commit."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedUnit(SafetyUnit[T]):
    """A unit that somebody asks for by the request that ``record`` is of. The writer looks, before it is staged, whether who asks
    still is what it was.
    """

    record: AuditRecord | None

    @property
    def asked(self) -> AuditRecord | None:
        return self.record


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltTrading(AskedUnit[Halt]):
    """Let ``halt`` hold, and what its scope's halt of before holds back beyond it, unless that one is as strict."""

    halt: Halt

    def stage(self, batch: Batch) -> Halt:
        there, halt = batch.permits.state.halt_of(self.halt.scope), self.halt
        if there is not None:
            if there.is_as_strict_as(halt):
                return there
            halt = halt.beside(there)
        _audit(batch, self.record)
        return batch.put_halt(halt, halted_event(halt, _actor(self.record)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeTrading(AskedUnit[Halt | None]):
    """End the halt of exactly ``scope``; None, and nothing written, if it has none. Raises ``OwnHold``."""

    scope: Scope
    reason: str
    at: datetime

    def stage(self, batch: Batch) -> Halt | None:
        there = batch.permits.state.halt_of(self.scope)
        if there is None:
            return None
        check_lifts(batch, self.record, self.scope, "This halt holds", set_by_key=there.by_key)
        _audit(batch, self.record)
        batch.end_halt(
            there,
            SafetyEvent(
                kind=SafetyKind.RESUMED, at=self.at, scope=self.scope, reason=self.reason, actor=_actor(self.record)
            ),
        )
        return there


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimits(AskedUnit[LimitSet]):
    """Change limits of ``scope``: those in ``changes``, where None lifts one. ``unlimited_reason`` says why there are none.

    With ``versions``, only if the limits as a whole are still one of these. Raises ``OwnHold`` and ``ChangeConflict``.
    """

    scope: Scope
    changes: Mapping[str, object]
    unlimited_reason: str | None
    at: datetime
    versions: Collection[str] | None = None

    def stage(self, batch: Batch) -> LimitSet:
        state = batch.permits.state
        check_lifts(batch, self.record, self.scope, "The limits of this scope hold")
        if self.versions is not None and str(state.version) not in self.versions:
            raise ChangeConflict.of_version("the limits have", self.versions, "/safety/limits")
        there = state.set_of(self.scope) or LimitSet(scope=self.scope, limits=Limits())
        if self.unlimited_reason is not None:
            wanted = structs.replace(there, limits=Limits(), unlimited_reason=self.unlimited_reason)
        else:
            wanted = structs.replace(there, limits=there.limits.changed(self.changes))
            if wanted.limits.given:
                wanted = structs.replace(wanted, unlimited_reason=None)
        if wanted == there:
            return there
        _audit(batch, self.record)
        return batch.put_limits(
            wanted,
            SafetyEvent(
                kind=SafetyKind.LIMITS_SET,
                at=self.at,
                scope=self.scope,
                limits=wanted.limits,
                is_unlimited=wanted.unlimited_reason is not None,
                reason=wanted.unlimited_reason,
                actor=_actor(self.record),
            ),
        )


class Usage(Struct, frozen=True, kw_only=True):
    """The halts and limits at one number of the journal, and what is used of each set of limits, by limit."""

    seq: int
    state: SafetyState
    used: Sequence[tuple[LimitSet, Mapping[str, Decimal]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUsage(SafetyUnit[Usage]):
    """Read what is used of the limits. Raises ``Missing`` without the ``rates`` that it needs."""

    rates: Mapping[str, Decimal]
    at: datetime

    def stage(self, batch: Batch) -> Usage:
        state, ledger = batch.permits.state, batch.permits.ledger or Ledger()
        used = [(each, used_of(each, ledger, self.at, self.rates)) for each in state.sets]
        return Usage(seq=batch.head, state=state, used=used)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain(SafetyUnit[datetime | None]):
    """Raise ``Halted`` or ``DeadManDue`` if ``order``, whose intent is recorded and which has not left yet, must not leave any
    more. Return the moment from which on it must not leave.
    """

    order: Order
    admission: Admission
    at: datetime

    def stage(self, batch: Batch) -> datetime | None:
        self._check_halts(batch)
        switch = fire_if_over(batch, account_of(self.order), self.at)
        if switch is None:
            return None
        why = switch.objection(self.at)
        if why is not None:
            raise DeadManDue(f"{why}; nothing was sent")
        return switch.sends_until

    def _check_halts(self, batch: Batch) -> None:
        place = place_of(self.order)
        halts = [halt for halt in batch.permits.state.halts if halt.scope.covers(place)]
        if not halts:
            return
        halt, held = strictest(halts), partial(batch.held, self.order)
        if halt.mode is HaltMode.HALT or not batch.permits.only_reduces(self.order, self.admission, held):
            raise halted(halt)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHalts(SafetyUnit[tuple[int, tuple[Halt, ...]]]):
    """Read the number of the last event and the halts that hold at it."""

    def stage(self, batch: Batch) -> tuple[int, tuple[Halt, ...]]:
        return batch.head, batch.permits.state.halts


@dataclass(frozen=True, slots=True, kw_only=True)
class FindEntries(SafetyUnit[frozenset[OrderKey]]):
    """Find those of active ``orders`` that don't only reduce a position."""

    orders: tuple[tuple[Order, Admission], ...]

    def stage(self, batch: Batch) -> frozenset[OrderKey]:
        return frozenset(
            order.key
            for order, admission in self.orders
            if not batch.permits.only_reduces(order, admission, partial(batch.held, order))
        )


def _actor(record: AuditRecord | None) -> Actor | None:
    return None if record is None else record.actor


def _audit(batch: Batch, record: AuditRecord | None) -> None:
    """Let the audit log have ``record`` by the same transaction."""
    if record is not None:
        batch.audit(record)

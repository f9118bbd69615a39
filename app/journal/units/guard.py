"""What decides, inside the journal's transaction, whether something that a caller asks for may be written.

A guard is a list of checks. Each is given a ``View`` of the transaction and returns what speaks against it, as errors for the
caller. It runs on the writer's thread, while no other process can write; so what a check reads (users, keys, who set what) can't
change between its answer and the commit, and what another process changed before is seen. It must not wait, and may run again
after a rollback. Halts and limits hold whoever asks, so no guard has them: ``units.orders`` asks ``permits`` about every order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from app.domain.audit import AWAITING, DONE, AuditRecord
from app.domain.caller import Actor, Caller, Standing
from app.domain.errors import OrdergateError, OwnApproval, OwnHold
from app.domain.events import OrderEvent
from app.domain.order import Order
from app.domain.safety.scope import Scope
from app.journal.batch import Batch
from app.journal.rows import Row
from app.journal.statements import FIND_ENDED_SESSION, FIND_USER, Statement
from app.journal.units.lines import holds, is_own


@dataclass(frozen=True, slots=True)
class View:
    """What a check sees: ``event`` is about to be recorded about ``order``, which is new (with its first event) or as it stands.

    ``batch`` has what earlier units of the same transaction have decided. A check reads it and changes nothing.
    """

    batch: Batch
    order: Order
    event: OrderEvent

    @property
    def seq(self) -> int:
        """The number that the event gets in the journal."""
        return self.batch.head + 1

    def find(self, statement: Statement, key: Row = ()) -> Sequence[Row]:
        """What ``statement`` finds for ``key`` in a table of users, keys, halts or limits; no query where nothing has changed."""
        return self.batch.safety(statement, key)


#: Returns everything that speaks against what is about to be written.
Check = Callable[[View], Sequence[OrdergateError]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """That the approval of that number is given, by whom ``guard`` names and checks."""

    number: int
    guard: Guard
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``checks`` for something that ``actor`` causes by ``operation``. With an actor, what is written and what is refused stands in
    the audit log by the same transaction, and ``on_audit`` is called on the writer's thread.
    """

    actor: Actor | None = None
    operation: str = ""
    checks: tuple[Check, ...] = ()
    on_audit: Callable[[], None] | None = None
    #: For an order that has waited: the approval that it is given with its intent.
    decision: Decision | None = None

    def check(self, batch: Batch, order: Order, event: OrderEvent) -> None:
        """Raise the first of what speaks against ``event``; its ``violations`` are all of them."""
        if not self.checks:
            return
        found = self.objections(batch, order, event)
        if found:
            found[0].violations = tuple(found)
            self._audit(batch, order, event, found[0].code)
            raise found[0]

    def objections(self, batch: Batch, order: Order, event: OrderEvent) -> list[OrdergateError]:
        """Everything that speaks against ``event``; nothing is noted of it."""
        view = View(batch, order, event)
        return [violation for check in self.checks for violation in check(view)]

    def passed(self, batch: Batch, order: Order, event: OrderEvent) -> None:
        """Note that ``event`` is written; ``batch`` has it."""
        self._audit(batch, order, event, DONE)

    def waits(self, batch: Batch, order: Order, event: OrderEvent) -> None:
        """Note that an approval of ``order`` is asked for; ``batch`` has it."""
        self._audit(batch, order, event, AWAITING)

    def _audit(self, batch: Batch, order: Order, event: OrderEvent, outcome: str) -> None:
        if self.actor is None:
            return
        about = f"{order.account_name}/{order.connector_name}/{order.order_id}"
        batch.audit(AuditRecord(at=event.at, actor=self.actor, operation=self.operation, object=about, outcome=outcome))
        if self.on_audit is not None:
            self.on_audit()


#: For what no caller causes: answers of the exchange, and what is concluded from them.
UNGUARDED = Guard()


def check_caller(caller: Caller, view: View) -> Sequence[OrdergateError]:
    """Whether the user or key of ``caller`` is what it was when the edge looked."""
    objection = _objection(view.batch, caller)
    return () if objection is None else [objection]


def check_asker(batch: Batch, record: AuditRecord | None) -> None:
    """Raise ``KeyRevoked`` or ``CallerChanged`` unless who asks for what ``record`` is of is what it was when the edge looked."""
    if record is None or record.caller is None:
        return
    objection = _objection(batch, record.caller)
    if objection is not None:
        raise objection


def _objection(batch: Batch, caller: Caller) -> OrdergateError | None:
    now = batch.permits.now()
    has_signed_out = caller.session_id is not None and bool(batch.safety(FIND_ENDED_SESSION, (caller.session_id,)))
    return caller.objection(_standing(batch, caller, now), now, has_signed_out=has_signed_out)


def _standing(batch: Batch, caller: Caller, now: datetime) -> Standing | None:
    if caller.version is None:
        return None
    if caller.key_id is not None:
        key = batch.keys.get(caller.key_id)
        return None if key is None else key.standing_of(caller, now)
    rows = batch.safety(FIND_USER, (caller.name,))
    return Standing(version=rows[0][0], is_valid=rows[0][1] is None) if rows else None


def check_other(asked_by: Actor, decider: Actor, view: View) -> Sequence[OrdergateError]:
    """Whether another than who asked decides."""
    return [OwnApproval()] if is_own(view.batch, asked_by, decider) else ()


def check_lifter(caller: Caller, view: View) -> Sequence[OrdergateError]:
    """Whether ``caller`` may say how an order ended, which frees what it reserves."""
    order = view.order
    scope = Scope(account_name=order.account_name, connector_name=order.connector_name, trading_pair=order.trading_pair)
    return [OwnHold("What the order reserves of limits holds")] if holds(view.batch, caller, scope) else ()


class Guards:
    """Makes guards."""

    def placing(self, caller: Caller, actor: Actor, on_audit: Callable[[], None]) -> Guard:
        """For an order that ``caller`` places, and each attempt to send it again."""
        return Guard(actor=actor, operation="trading.place_order", checks=_of(caller), on_audit=on_audit)

    def resolving(self, caller: Caller, actor: Actor, on_audit: Callable[[], None]) -> Guard:
        """For an operator's word about an order."""
        checks: tuple[Check, ...] = (*_of(caller), partial(check_lifter, caller))
        return Guard(actor=actor, operation="trading.resolve_order", checks=checks, on_audit=on_audit)

    def ending(self, caller: Caller, actor: Actor, operation: str, on_audit: Callable[[], None]) -> Guard:
        """For what only ends orders: no halt and no limit speaks against it."""
        return Guard(actor=actor, operation=operation, checks=_of(caller), on_audit=on_audit)


def _of(caller: Caller) -> tuple[Check, ...]:
    """The check of ``caller``; none of the user of the environment, who can't be disabled, unless a session may end."""
    return () if (caller.version, caller.expires_at) == (None, None) else (partial(check_caller, caller),)

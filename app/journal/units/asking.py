"""What a transaction does with an order that needs an approval: it asks for one, finds what was asked for before, or gives it.

An idempotency key that asked for an approval is held by it, as one that placed an order is, while a limit asks for approvals of
such orders. That an approval has expired is an event like its decision, so whoever was told of it can rely on it, whatever the
clocks of other processes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from app.domain.decimals import normal
from app.domain.enums import ApprovalState
from app.domain.errors import (
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalRefused,
    ApprovalUsed,
    IdempotencyConflict,
    TooManyApprovals,
)
from app.domain.events import OrderEvent
from app.domain.order import Order, differing_terms
from app.domain.safety.admission import Measured
from app.domain.safety.approvals import Approval
from app.journal.batch import Batch
from app.journal.units.guard import Decision, Guard

#: The most that one user or key may let wait: a person looks at each.
MOST_AWAITING = 100


def find_asked(batch: Batch, order: Order, at: datetime) -> Approval | None:
    """The approval that ``order`` waits for already; None if it was never asked for.

    Raises ``ApprovalRefused`` or ``ApprovalExpired`` for what became of it, ``IdempotencyConflict`` if its key, or while it waits
    its id, was used for other terms.
    """
    asked = [
        each
        for each in batch.approvals.of(order)
        if each.is_awaiting or (order.idempotency_key is not None and each.idempotency_key == order.idempotency_key)
    ]
    if not asked:
        return None
    # The key's own first: it holds after the approval is over, too.
    found = min(asked, key=lambda each: (each.idempotency_key != order.idempotency_key, each.number))
    if found.terms != order.terms or found.has_other_key(order.idempotency_key):
        differing = differing_terms(found.terms, order.terms)
        was = f"with other terms: what differs is {differing}" if differing else "with another Idempotency-Key"
        raise IdempotencyConflict(
            f"The Idempotency-Key or client_order_id was used {was}, and approval {found.approval_id} belongs to it. To ask about"
            " that order, repeat its request unchanged; for another order take a new key and a new client_order_id"
        )
    if found.is_due(at):
        found = expire(batch, found, at)
    if found.state is ApprovalState.EXPIRED:
        raise ApprovalExpired(found.approval_id)
    if found.state is ApprovalState.REFUSED:
        raise ApprovalRefused(found.approval_id, found.decided_by, found.reason)
    return found


def ask(batch: Batch, order: Order, event: OrderEvent, above: Sequence[Measured], guard: Guard) -> Approval:
    """Ask for an approval of ``order``, which is above some limits. Raises ``TooManyApprovals``."""
    assert guard.actor is not None, "what nobody asks for needs nobody's approval"
    asker = (guard.actor.name, guard.actor.key_id)
    waiting = [each for each in batch.approvals.awaiting() if not each.is_due(event.at)]
    if sum((each.asked_by.name, each.asked_by.key_id) == asker for each in waiting) >= MOST_AWAITING:
        raise TooManyApprovals(MOST_AWAITING, batch.permits.approval_lifetime)
    lowest = min(above, key=lambda each: each.maximum)
    asked = Approval(
        number=0,
        account_name=order.account_name,
        connector_name=order.connector_name,
        trading_pair=order.trading_pair,
        terms=order.terms,
        idempotency_key=order.idempotency_key,
        order_id=order.order_id if order.has_callers_id else None,
        notional=normal(lowest.would_be),
        above=lowest.maximum,
        scope=lowest.scope,
        asked_by=guard.actor,
        asked_at=event.at,
        expires_at=event.at + batch.permits.approval_lifetime,
    )
    made = batch.put_approval(asked, event.at, guard.actor)
    guard.waits(batch, order, event)
    return made


def current(batch: Batch, number: int, at: datetime) -> Approval:
    """The approval of that number, expired if it is due. Raises ``ApprovalNotFound``."""
    there = batch.approvals.get(number)
    if there is None:
        raise ApprovalNotFound
    return expire(batch, there, at) if there.is_due(at) else there


def find_waiting(batch: Batch, decision: Decision, order: Order, event: OrderEvent, earlier: Order | None) -> Approval:
    """What ``decision`` is about, as it is: one that is not awaiting any more can't be given. Raises what speaks against the
    decider, and ``ApprovalUsed`` if an ``earlier`` order has taken the key or the id meanwhile.
    """
    there = current(batch, decision.number, event.at)
    if there.is_awaiting:
        decision.guard.check(batch, order, event)
        if earlier is not None:
            raise ApprovalUsed(there.approval_id, earlier.order_id)
    return there


def give(batch: Batch, decision: Decision, approval: Approval, order: Order, event: OrderEvent) -> Approval:
    """Let ``approval`` be given by ``decision``, for ``order``, which the batch has."""
    by = decision.guard
    assert by.actor is not None, "a decision is somebody's"
    given = structs.replace(
        approval,
        state=ApprovalState.APPROVED,
        order_id=order.order_id,
        decided_by=by.actor.name,
        decided_at=event.at,
        reason=decision.reason,
    )
    made = batch.put_approval(given, event.at, by.actor)
    by.passed(batch, order, event)
    return made


def expire(batch: Batch, approval: Approval, at: datetime) -> Approval:
    """Let ``approval``, which is due, be over."""
    return batch.put_approval(structs.replace(approval, state=ApprovalState.EXPIRED, decided_at=at), at, None)


def check_retry(batch: Batch, order: Order, at: datetime) -> None:
    """Raise ``ApprovalExpired`` unless ``order``, which needs an approval, has one that covers another attempt."""
    approved = [each for each in batch.approvals.of(order) if each.state is ApprovalState.APPROVED]
    if not any(each.order_id == order.order_id and each.covers_retry(at) for each in approved):
        raise ApprovalExpired(approved[-1].approval_id if approved else None, order_id=order.order_id)

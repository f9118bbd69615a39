"""What happened to halts and limits, in the past tense. The journal appends these beside the events of orders."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from app.domain.caller import Actor
from app.domain.enums import ApprovalState, DeadManThen, HaltCancel, HaltMode
from app.domain.safety.approvals import Approval
from app.domain.safety.dead_man import DeadManTerms
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Limits
from app.domain.safety.scope import Scope


class SafetyKind(StrEnum):
    """The kinds of events, as they stand in the journal."""

    HALTED = "halted"
    RESUMED = "resumed"
    LIMITS_SET = "limits_set"
    DEAD_MAN_ARMED = "dead_man_armed"
    DEAD_MAN_DISARMED = "dead_man_disarmed"
    DEAD_MAN_FIRED = "dead_man_fired"
    APPROVAL_ASKED = "approval_asked"
    APPROVED = "approved"
    APPROVAL_REFUSED = "approval_refused"
    APPROVAL_EXPIRED = "approval_expired"


class SafetyEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. ``mode`` and ``cancel`` are those of a halt; ``limits`` all that the scope has from then on; ``approval`` is as
    it is after the event. Of a dead-man's switch, ``cancel`` says what goes when it fires, ``timeout_seconds`` and ``then`` are its
    terms. ``actor`` is who caused it, None where the gateway did by itself.
    """

    kind: SafetyKind
    at: datetime
    scope: Scope
    mode: HaltMode | None = None
    cancel: HaltCancel | None = None
    limits: Limits | None = None
    is_unlimited: bool = False
    reason: str | None = None
    timeout_seconds: int | None = None
    then: DeadManThen | None = None
    approval: Approval | None = None
    actor: Actor | None = None


#: What an approval's state is called as an event.
_KIND_OF = MappingProxyType(
    {
        ApprovalState.AWAITING: SafetyKind.APPROVAL_ASKED,
        ApprovalState.APPROVED: SafetyKind.APPROVED,
        ApprovalState.REFUSED: SafetyKind.APPROVAL_REFUSED,
        ApprovalState.EXPIRED: SafetyKind.APPROVAL_EXPIRED,
    }
)


def dead_man_event(
    kind: SafetyKind, terms: DeadManTerms, at: datetime, *, reason: str | None = None, actor: Actor | None = None
) -> SafetyEvent:
    """What happened to a dead-man's switch."""
    return SafetyEvent(
        kind=kind,
        at=at,
        scope=terms.scope,
        cancel=terms.cancels,
        timeout_seconds=terms.timeout_seconds,
        then=terms.then,
        reason=reason,
        actor=actor,
    )


def approval_event(approval: Approval, at: datetime, actor: Actor | None) -> SafetyEvent:
    """That ``approval`` is as it is from ``at`` on."""
    account_name, connector_name, trading_pair, key_id = approval.place
    return SafetyEvent(
        kind=_KIND_OF[approval.state],
        at=at,
        scope=Scope(account_name=account_name, connector_name=connector_name, trading_pair=trading_pair, key_id=key_id),
        reason=approval.reason,
        approval=approval,
        actor=actor,
    )


def halted_event(halt: Halt, actor: Actor | None = None) -> SafetyEvent:
    """That ``halt`` begins."""
    return SafetyEvent(
        kind=SafetyKind.HALTED,
        at=halt.at,
        scope=halt.scope,
        mode=halt.mode,
        cancel=halt.cancel,
        reason=halt.reason,
        actor=actor,
    )

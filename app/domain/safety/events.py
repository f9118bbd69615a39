"""What happened to halts and limits, in the past tense. The journal appends these beside the events of orders."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from app.domain.caller import Actor
from app.domain.enums import HaltCancel, HaltMode
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Limits
from app.domain.safety.scope import Scope


class SafetyKind(StrEnum):
    """The kinds of events, as they stand in the journal."""

    HALTED = "halted"
    RESUMED = "resumed"
    LIMITS_SET = "limits_set"


class SafetyEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. ``mode`` and ``cancel`` are those of a halt; ``limits`` all that the scope has from then on. ``actor`` is who
    caused it, None where the anomaly brake did.
    """

    kind: SafetyKind
    at: datetime
    scope: Scope
    mode: HaltMode | None = None
    cancel: HaltCancel | None = None
    limits: Limits | None = None
    is_unlimited: bool = False
    reason: str | None = None
    actor: Actor | None = None


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

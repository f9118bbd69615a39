"""Halts: from one event of the journal on, nothing new is taken in a scope, or only what reduces a position."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, structs

from app.domain.enums import HaltCancel, HaltMode
from app.domain.safety.scope import Scope


class Halt(Struct, frozen=True, kw_only=True):
    """A halt that holds. ``seq`` is its event's number: no intent in the scope has a greater one. ``by`` is the key or user that
    asked for it, ``anomaly_brake`` where the gateway did it by itself. ``by_key`` is the id of the key that asked for all of it.
    """

    scope: Scope
    mode: HaltMode
    cancel: HaltCancel
    reason: str
    at: datetime
    by: str
    by_key: str | None = None
    seq: int = 0

    def is_as_strict_as(self, other: Halt) -> bool:
        """Whether ``other`` would add nothing to this halt."""
        return (other.mode is self.mode or self.mode is HaltMode.HALT) and _STRICTNESS[other.cancel] <= _STRICTNESS[
            self.cancel
        ]

    def beside(self, other: Halt) -> Halt:
        """This halt, with what ``other`` of the same scope holds back or cancels beyond it."""
        return structs.replace(
            self,
            mode=HaltMode.HALT if HaltMode.HALT in (self.mode, other.mode) else self.mode,
            cancel=stricter(self.cancel, other.cancel),
            by_key=self.by_key if self.by_key == other.by_key else None,
        )


def stricter(one: HaltCancel, other: HaltCancel) -> HaltCancel:
    """The one of two that cancels more."""
    return max(one, other, key=_STRICTNESS.__getitem__)


_STRICTNESS = {HaltCancel.NONE: 0, HaltCancel.ENTRIES: 1, HaltCancel.ALL: 2}


def strictest(halts: Iterable[Halt]) -> Halt:
    """The halt of ``halts``, of which there is at least one, that leaves the least: a full one first, then the oldest."""
    return min(halts, key=lambda halt: (halt.mode is not HaltMode.HALT, halt.seq))

"""The guards of what callers ask for: which checks run in the journal's transaction before it is written."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.caller import Actor
from app.journal.guard import Check, Guard


class Guards:
    """Makes guards. ``placing`` are the checks of every attempt to send an order, besides those of its caller."""

    def __init__(self, placing: Sequence[Check] = ()) -> None:
        self._placing = tuple(placing)

    def placing(self, actor: Actor) -> Guard:
        """For an order that ``actor`` places, and each attempt to send it again."""
        return Guard(actor=actor, checks=self._placing)

    def cancelling(self, actor: Actor) -> Guard:
        """For what only ends orders: no halt and no limit speaks against it."""
        return Guard(actor=actor)

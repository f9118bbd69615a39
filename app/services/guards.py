"""The guards of what callers ask for: which checks run in the journal's transaction before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from app.domain.caller import Actor, Caller
from app.journal.guard import Check, Guard, check_caller


class Guards:
    """Makes guards. ``placing`` are the checks of every attempt to send an order, after that of its caller."""

    def __init__(self, placing: Sequence[Check] = ()) -> None:
        self._placing = tuple(placing)

    def placing(self, caller: Caller, actor: Actor, on_audit: Callable[[], None]) -> Guard:
        """For an order that ``caller`` places, and each attempt to send it again."""
        checks = (*_of(caller), *self._placing)
        return Guard(actor=actor, operation="trading.place_order", checks=checks, on_audit=on_audit)

    def ending(self, caller: Caller, actor: Actor, operation: str, on_audit: Callable[[], None]) -> Guard:
        """For what only ends orders: no halt and no limit speaks against it."""
        return Guard(actor=actor, operation=operation, checks=_of(caller), on_audit=on_audit)


def _of(caller: Caller) -> tuple[Check, ...]:
    """The check of ``caller``; none of the user of the environment, who can't be disabled."""
    return () if caller.version is None else (partial(check_caller, caller),)

"""What of a request the audit log must have, though no transaction of the request wrote it: refusals, and changes that are no rows.

What is written with its effect is written there (``app.journal.units.guard``, ``app.storage``); here is only the rest.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from app.clock import Clock
from app.domain.acting import Acting
from app.domain.audit import DONE, AuditRecord
from app.domain.enums import Scope
from app.domain.errors import Forbidden, OrdergateError

log = structlog.get_logger(__name__)

#: What only reads leaves no row, unless it was refused; looking at the audit log does.
_READING = (Scope.READ, Scope.SAFETY_READ)

#: The outcome of a request that ended with an error which nobody classified.
_FAULT = "internal"


class Log(Protocol):
    """Where the audit log is written."""

    async def audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""


class Auditor:
    """Appends to ``log``."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def note(self, acting: Acting, operation: str, scope: Scope, error: Exception | None) -> None:
        """Note how a request of ``operation`` ended, if that is to be in the log and is not yet. A log that can't be written is
        reported, and does not take back what was done.
        """
        if acting.is_audited or (scope in _READING and not isinstance(error, Forbidden)):
            return
        outcome = DONE if error is None else error.code if isinstance(error, OrdergateError) else _FAULT
        try:
            await self._log.audit(acting.record(self._clock.now(), operation, None, outcome))
        except OrdergateError as problem:
            log.error("not in the audit log", operation=operation, outcome=outcome, reason=problem.detail)

"""What of a request the audit log must have, though no transaction of the request wrote it: refusals, and changes that are no rows.

What is written with its effect is written there (``app.journal.guard``, ``app.storage``); here is only the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from app.clock import Clock
from app.domain.acting import Acting
from app.domain.audit import DONE, AuditRecord
from app.domain.enums import Scope
from app.domain.errors import Forbidden, OrdergateError

log = structlog.get_logger(__name__)

#: The outcome of a request that ended with an error which nobody classified.
_FAULT = "internal"


class Auditor:
    """Appends by ``audit``."""

    def __init__(self, audit: Callable[[AuditRecord], Awaitable[None]], clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def note(self, acting: Acting, operation: str, scope: Scope, error: Exception | None) -> None:
        """Note how a request of ``operation`` ended, if that is to be in the log and is not yet. A log that can't be written is
        reported, and does not take back what was done.
        """
        if acting.is_audited or (scope is Scope.READ and not isinstance(error, Forbidden)):
            return
        outcome = DONE if error is None else error.code if isinstance(error, OrdergateError) else _FAULT
        try:
            await self._audit(acting.record(self._clock.now(), operation, None, outcome))
        except OrdergateError as problem:
            log.error("not in the audit log", operation=operation, outcome=outcome, reason=problem.detail)

"""Who acts in one request, and whether the audit log has already what came of it."""

from __future__ import annotations

from datetime import datetime

from app.domain.audit import DONE, AuditRecord
from app.domain.caller import Actor, Caller


class Acting:
    """One request's caller. The layers of the request share it: the edge makes it, and looks in the end whether the audit log has
    what came of the request.
    """

    __slots__ = ("actor", "caller", "is_audited", "is_encrypted")

    def __init__(self, caller: Caller, actor: Actor, *, is_encrypted: bool = False) -> None:
        self.caller = caller
        self.actor = actor
        #: Whether the request came over TLS, to us or to a proxy that we trust.
        self.is_encrypted = is_encrypted
        self.is_audited = False

    def note_audited(self) -> None:
        """What this request did, or was refused, stands in the audit log by the same transaction."""
        self.is_audited = True

    def record(self, at: datetime, operation: str, about: str | None = None, outcome: str = DONE) -> AuditRecord:
        """What the audit log is to hold of it, with who must still hold when it is done."""
        return AuditRecord(
            at=at, actor=self.actor, operation=operation, object=about, outcome=outcome, caller=self.caller
        )

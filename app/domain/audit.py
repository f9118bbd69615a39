"""What the audit log holds: who did what, from where, to what, and what came of it. Never a secret."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from app.domain.caller import Actor, Caller

#: The outcome of what was done; every other outcome but ``AWAITING`` is the code of the error that it ended with.
DONE = "done"
#: The outcome of what waits for another person's word.
AWAITING = "awaiting_approval"


class AuditRecord(Struct, frozen=True, kw_only=True):
    """One thing that somebody did, or was refused. ``operation`` is an operation of the contract, ``sign_in``, or a command's name;
    ``object`` names what it was about.

    ``caller`` is who asks for it by a request: the transaction that does it and writes the record looks whether that still holds.
    None for commands on the host, and for what the gateway does by itself.
    """

    at: datetime
    actor: Actor
    operation: str
    object: str | None = None
    outcome: str = DONE
    caller: Caller | None = None

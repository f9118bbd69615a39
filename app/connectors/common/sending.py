"""What a call and its caller tell each other: whether the call may have left, and until when it may leave.

``common.http`` marks the running task's call when it gets its connection, from which moment it may have been written. What ends the
work before that proves that nothing was sent, as ``common.connector`` concludes. This module imports no HTTP library, so that a
connector class may import it.

That moment is the last at which a call that is late can be kept back, so its deadline is looked at there once more.
"""

from __future__ import annotations

from contextvars import ContextVar

from msgspec import Struct

from app.connectors.base import SendingCheck


class Sending(Struct, kw_only=True):
    """A call on its way, unless ``check`` raises. From the moment that it has a connection it may have been written."""

    check: SendingCheck | None
    has_connection: bool = False


#: The last call of the running task. aiohttp's tracing would tell the same, and takes a tenth of a call's time for its ten signals.
SENDING: ContextVar[Sending | None] = ContextVar("sending", default=None)
#: What may keep back the calls that the running task begins.
CHECK: ContextVar[SendingCheck | None] = ContextVar("check", default=None)

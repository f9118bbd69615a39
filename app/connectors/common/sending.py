"""Whether a call may have left: what ends the work before that proves that nothing was sent.

``common.http`` marks the running task's call when it gets its connection, from which moment it may have been written. This module
imports no HTTP library, so that a connector class may import it.

That moment is the last at which a call that is late can be kept back, so its deadline is looked at there once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from app.connectors.base import SendingCheck


class Sending:
    """A call on its way, unless ``check`` raises. From the moment that it has a connection it may have been written."""

    __slots__ = ("check", "has_connection")

    def __init__(self, check: SendingCheck | None) -> None:
        self.check = check
        self.has_connection = False


#: The last call of the running task. aiohttp's tracing would tell the same, and takes a tenth of a call's time for its ten signals.
_SENDING: ContextVar[Sending | None] = ContextVar("sending", default=None)
#: What may keep back the calls that the running task begins.
_CHECK: ContextVar[SendingCheck | None] = ContextVar("check", default=None)


@contextmanager
def one_call(check: SendingCheck | None) -> Iterator[None]:
    """Within it ``is_proven_unsent`` speaks of the one call that is made, which leaves only if ``check`` does not raise."""
    _SENDING.set(None)
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def begin() -> Sending:
    """The running task makes a call from now on, which has no connection yet."""
    sending = Sending(_CHECK.get())
    _SENDING.set(sending)
    return sending


def mark_connected() -> None:
    """The running task's call has a connection. Raises what its check raises: then it must not be written."""
    sending = _SENDING.get()
    if sending is None:
        return
    # A call that got a connection before may have been written on that one; nobody may say then that it was not sent.
    if sending.check is not None and not sending.has_connection:
        sending.check()
    sending.has_connection = True


def is_proven_unsent() -> bool:
    """Whether a call has begun and never got a connection. What nobody marked may have been written."""
    sending = _SENDING.get()
    return sending is not None and not sending.has_connection

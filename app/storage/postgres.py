"""Connections to PostgreSQL that give up: no wait for the server is without end, whatever the server or the network does.

A server's own time limits do not help against one that stands still or is gone from the network, so the limit is on our side.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from sqlalchemy import URL

#: How the driver connects and notices that the other side is gone; what a URL says of these is kept. Seconds, milliseconds for the
#: last.
_LIMITS = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}

#: SQLSTATEs after which a connection is of no use although the server keeps it open: it leads to a server that has become
#: read-only, or began while the server was.
_USELESS = frozenset({"25006"})


class ServerSilent(psycopg.OperationalError):
    """The server has not answered in time. The connection is closed; what it was asked may still happen."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits for each answer ``answer_seconds`` at most, and not at all past ``until``."""

    answer_seconds = 10.0
    #: The monotonic time after which nothing is waited for any more; None for no such time.
    until: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **named: Any) -> Any:
        """Wait for an answer. Raises ``ServerSilent``."""
        until = time.monotonic() + self.answer_seconds
        if self.until is not None:
            until = min(until, self.until)
        try:
            return super().wait(_bounded(gen, until), *arguments, **named)
        except ServerSilent:
            self.pgconn.finish()
            raise


def _bounded(gen: Generator[Any, Any, Any], until: float) -> Generator[Any, Any, Any]:
    """``gen``, which asks for the readiness of its socket and is told, until ``until``."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            # The driver tells ten times a second that nothing has come. What has come counts, however late it is looked at.
            if not ready and time.monotonic() >= until:
                gen.close()
                raise ServerSilent("the server does not answer")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


def connect_arguments(url: URL) -> dict[str, Any]:
    """The driver's own arguments for ``url``, with time limits."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return {**_LIMITS, **arguments}


def is_read_only(connection: psycopg.Connection[Any]) -> bool:
    """Whether the session was read-only or on a standby when it began, as PostgreSQL 14 and later report without being asked."""
    told = (connection.info.parameter_status(name) for name in ("default_transaction_read_only", "in_hot_standby"))
    return "on" in told


def is_useless(error: BaseException | None) -> bool:
    """Whether no connection that was open at the time of ``error`` should be used again."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _USELESS

"""What connections may cost: how many there may be, and how long each may keep us waiting.

How many fit is read from the process: every connection takes a file descriptor, and so do the journal and the exchanges. A server
that runs out of them can't place an order, so connections never get the last ones.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

import structlog

from app.settings import Settings

log = structlog.get_logger(__name__)

#: Bytes of request line and headers together. The longest credentials and the longest list of pairs take a quarter of it.
MAX_HEAD = 64 * 1024
#: Headers of one request. Browsers and proxies send some dozens.
MAX_HEADERS = 128
#: Descriptors that the gateway may open later, where there are so many: connections to its database, sockets to exchanges, files.
_OWN = 160
#: Of the free descriptors, the part that is the gateway's where there are few.
_OWN_PART = 3
#: Connections that the kernel may hand over before one that was refused has given its descriptor back.
_BACKLOG = 512
_BACKLOG_PART = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one process. Times are in seconds."""

    #: Connections at once, where there are descriptors for so many.
    connections: int = 1000
    #: Event streams and WebSockets that one user may have open.
    streams: int = 250
    #: In which the head of a request must have come, and after it its body. A program sends them at once, and one may type them.
    receiving: float = 30.0
    #: After which a caller that does not read what it is sent is let go of.
    sending: float = 30.0


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings hold."""
    seconds = settings.request_timeout.total_seconds()
    return Limits(
        connections=settings.max_connections, streams=settings.max_streams, receiving=seconds, sending=seconds
    )


def backlog(limits: Limits) -> int:
    """How many connections the kernel may queue, after raising the process's own limit of descriptors as far as they need it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OWN + 2 * _BACKLOG
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(_BACKLOG, soft // (2 * _BACKLOG_PART)))


def room(limits: Limits) -> int:
    """How many connections there may be, by the descriptors that are free now. Logs where they are fewer than the settings want."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = soft - len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))
    spared = min(_OWN, free // _OWN_PART) + min(_BACKLOG, free // _BACKLOG_PART)
    fitting = max(2, min(limits.connections, free - spared))
    if fitting < limits.connections:
        log.warning("fewer connections than wanted", connections=fitting, wanted=limits.connections, descriptors=soft)
    return fitting

"""The connections of one process: as a transport that always ends, and how many there may be at once.

Anybody may connect. So a connection costs little and lasts only while something comes of it; and where there are too many, a
stranger's goes: one on which nobody has signed in, of the address that has the most of them, the one that waits longest. Who is
signed in is not let go of for a stranger, except where a connection is idle, which its caller opens again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from app.domain.errors import TooManyStreams
from app.web.addresses import party
from app.web.server.limits import Limits, room
from app.web.server.turns import Acquaintance, Turns

#: Seconds that a connection which we end stays open, for its caller to read the last answer.
LINGER_SECONDS = 5.0
#: Bytes that a slow reader must take in the time of ``Limits.sending``.
_LEAST = 16 * 1024
#: The part of all connections that streams and sockets leave to others.
_OTHERS_PART = 8
#: Statuses after which a connection's next request takes a turn, whoever has signed in on it.
_DOUBTFUL = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    }
)


class Connection:
    """A connection in place of the transport, for the protocols of uvicorn: what closes it also ends it.

    Reading is paused while anybody holds it. After ``refuse`` or ``close`` nothing that comes is read any more.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
        self._transport = transport
        self._loop = loop
        self._connections = connections
        self._holds: set[str] = set()
        self._ending: asyncio.TimerHandle | None = None
        self._draining: asyncio.TimerHandle | None = None
        self._unsent = 0
        peer = transport.get_extra_info("peername")
        #: Who has connected.
        self.party = party(str(peer[0])) if isinstance(peer, tuple) and peer else ""
        #: The user who has signed in on it, None for a stranger.
        self.username: str | None = None
        self.is_streaming = False
        #: Whether the last answer was a refusal of a request that made no sense, or of its credentials.
        self.is_doubtful = False
        self._is_busy = False
        #: Whether a body is on its way that has not been read: to close would tear down the answer, too.
        self.has_unread = False
        self.is_ending = False
        # Everything that is sent passes here.
        self.write = transport.write
        self.get_extra_info = transport.get_extra_info
        self.set_protocol = transport.set_protocol
        #: Whether it is being closed.
        self.is_closing: Callable[[], bool] = transport.is_closing

    # -- what a transport has -------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Hold reading, for uvicorn."""
        self.hold("flow")

    def resume_reading(self) -> None:
        """Let go of reading, for uvicorn."""
        self.release("flow")

    def close(self) -> None:
        """Close, once what was written has been sent, and soon even if nobody reads it."""
        if self.has_unread:
            self._linger()
            return
        self.is_ending = True
        self._end_soon()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.is_ending = True
        self._transport.abort()

    # -- what it has beyond ---------------------------------------------------------------------------------------------

    def refuse(self, answer: bytes) -> None:
        """Send the last answer, read nothing more, and close."""
        self.write(answer)
        self._linger()

    @property
    def is_held(self) -> bool:
        """Whether nothing is read."""
        return bool(self._holds)

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._is_busy

    @is_busy.setter
    def is_busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy
        self._connections.note_busy(self)

    @property
    def waits(self) -> bool:
        """Whether its requests take turns."""
        return self.username is None or self.is_doubtful

    def charge(self, seconds: float) -> None:
        """Its requests have kept the loop for so long."""
        if self.waits:
            self._connections.turns.charge(seconds)

    def take_turn(self, work: Callable[[], None]) -> None:
        """Do ``work`` when it is this connection's turn; not at all if it is closed before."""
        self._connections.turns.take(self, self.username or self.party, work, self._loop)

    def hold(self, reason: str) -> None:
        """Read nothing until the reason is released."""
        if not self._holds and not self.is_closing():
            self._transport.pause_reading()
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """Read again, unless there is another reason not to."""
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds and not self._transport.is_closing():
                self._transport.resume_reading()

    def writing_paused(self) -> None:
        """The caller is slow to read: nothing more is read of it meanwhile, and it is let go of if it reads next to nothing."""
        self.hold("writing")
        self._unsent = self._transport.get_write_buffer_size()
        self._draining = self._loop.call_later(self._connections.limits.sending, self._check_drain)

    def writing_resumed(self) -> None:
        """The caller has read what it was sent."""
        self._stop_draining()
        self.release("writing")

    def signed_in(self, username: str) -> None:
        """A request on it had the right credentials."""
        if self.username is None:
            self._connections.know(self, username)
        self.username = username

    def answered(self, status: int) -> None:
        """A request is answered."""
        self.is_doubtful = status in _DOUBTFUL

    def begin_stream(self) -> None:
        """It is used for a stream that may never end. Raises ``TooManyStreams`` if its user has too many of them."""
        self._connections.begin_stream(self)

    def end_stream(self) -> None:
        """The stream has ended."""
        self._connections.end_stream(self)

    def lost(self) -> None:
        """It is closed."""
        self.is_ending = True
        self._stop_draining()
        if self._ending is not None:
            self._ending.cancel()
        self._connections.remove(self)

    def _linger(self) -> None:
        """Say that there is no more to come, and swallow what the caller still sends: closing before would reset the connection,
        and the caller might never see the answer.
        """
        if self.is_ending or self._transport.is_closing():
            return
        self.is_ending = True
        self.is_closing = lambda: True
        self._end_soon()
        self._holds.clear()
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _end_soon(self) -> None:
        if self._ending is None:
            self._ending = self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def _check_drain(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if self._unsent - unsent < _LEAST:
            self.abort()
            return
        self._unsent = unsent
        self._draining = self._loop.call_later(self._connections.limits.sending, self._check_drain)

    def _stop_draining(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None


_Group = dict[Connection, None]


def _size(groups: tuple[_Group, _Group]) -> int:
    return len(groups[0]) + len(groups[1])


class Connections:
    """All connections of one process."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.turns = Turns()
        self.acquaintance = Acquaintance()
        self._room: int | None = None
        #: By party: those that wait, and those that are being answered; in each the oldest first.
        self._strangers: dict[str, tuple[_Group, _Group]] = {}
        self._strangers_count = 0
        self._known: dict[Connection, None] = {}
        #: The number of streams by user.
        self._streams: dict[str, int] = {}

    def __len__(self) -> int:
        return self._strangers_count + len(self._known)

    def admit(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """The connection on ``transport``; where there are too many, another goes for it. None if no other may go."""
        if self._room is None:
            # Not sooner: everything that the gateway keeps open is open by now.
            self._room = room(self.limits)
        while len(self) >= self._room:
            victim = self._stranger() or self._idle()
            if victim is None:
                return None
            victim.abort()
            self.remove(victim)
        connection = Connection(transport, loop, self)
        waiting, _ = self._strangers.setdefault(connection.party, ({}, {}))
        waiting[connection] = None
        self._strangers_count += 1
        return connection

    def know(self, connection: Connection, username: str) -> None:
        """Somebody has signed in on it."""
        if self._forget_stranger(connection):
            self._known[connection] = None

    def note_busy(self, connection: Connection) -> None:
        """A request on it is being answered, or no longer."""
        groups = self._strangers.get(connection.party)
        if groups is not None:
            before, after = groups if connection.is_busy else groups[::-1]
            if connection in before:
                del before[connection]
                after[connection] = None

    def remove(self, connection: Connection) -> None:
        """It is closed, or about to be."""
        self.turns.forget(connection)
        self.end_stream(connection)
        self._known.pop(connection, None)
        self._forget_stranger(connection)

    def begin_stream(self, connection: Connection) -> None:
        """Count one stream of a user. Raises ``TooManyStreams``."""
        username = connection.username or ""
        count = self._streams.get(username, 0)
        room = self._room or self.limits.connections
        if count >= self.limits.streams or sum(self._streams.values()) >= room - max(2, room // _OTHERS_PART):
            raise TooManyStreams(count)
        self._streams[username] = count + 1
        connection.is_streaming = True

    def end_stream(self, connection: Connection) -> None:
        """Count one stream less, if it is one."""
        if connection.is_streaming:
            connection.is_streaming = False
            username = connection.username or ""
            self._streams[username] -= 1
            if not self._streams[username]:
                del self._streams[username]

    def _stranger(self) -> Connection | None:
        """The stranger that goes first: one of the party with the most, that waits; else the oldest of that party."""
        if not self._strangers_count:
            return None
        waiting, busy = max(self._strangers.values(), key=_size)
        return next(iter(waiting or busy))

    def _idle(self) -> Connection | None:
        return next((each for each in self._known if not each.is_busy), None)

    def _forget_stranger(self, connection: Connection) -> bool:
        """Whether it was a stranger's."""
        groups = self._strangers.get(connection.party, ())
        for group in groups:
            if connection in group:
                del group[connection]
                self._strangers_count -= 1
                if not any(groups):
                    del self._strangers[connection.party]
                return True
        return False

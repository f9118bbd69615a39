"""HTTP: uvicorn's own protocol, with bounds on what a caller can make it hold, and every request answered.

uvicorn's fast parser has no limit for the request line and the headers, and no time limit before a request is complete. It takes
forms that a proxy may read in another way than we do. Both are here, and nothing else: the size of bodies is limited where they are
read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.web.messages import CONNECTION
from app.web.server import refusals
from app.web.server.connections import Connection, Connections
from app.web.server.limits import MAX_HEAD, MAX_HEADERS
from app.web.server.turns import Charged

#: Requests that wait on a connection behind the one that is being answered. Programs that send orders so do not wait for answers.
MAX_PIPELINED = 16
#: Bytes of a body that are read after a request was refused without it, so that the connection can be used again.
_SWALLOWED = 64 * 1024
#: Bytes that are parsed at once. Nearly every request is shorter; each six of a body may be a chunk that costs us time.
SLICE = 8 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection, among ``connections``."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = connections
        self._connection: Connection | None = None
        #: Ends the connection unless the head, or the body, has come by then.
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head = self._is_in_body = False
        #: Bytes of the head, as far as the parser has told of it, and as far as it has come.
        self._head_size = self._head_received = 0
        self._has_completed = False
        self._swallowed = 0
        #: Whether the connection goes on after a request whose long body has not come yet.
        self._keeps_alive: bool | None = None
        #: Whether the request asks for a WebSocket, and may.
        self._upgrades = False
        #: Whether it offers another protocol, which is not taken.
        self._is_offer = False
        #: What is answered to a request that the parser was stopped at.
        self._refusal = refusals.MALFORMED
        #: Nothing more is taken: the connection ends with the answers to the requests before.
        self._is_last = False
        #: The request that is being answered; ``cycle`` is the last one that came.
        self._answered: RequestResponseCycle | None = None
        #: What has been read and not parsed.
        self._pending = bytearray()
        #: What is done in the connection's next turn, for a stranger.
        self._due: Callable[[], None] | None = None
        #: Whether the request that is being answered came before anybody had signed in on the connection.
        self._is_first = False

    # -- the connection -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        connection = self._connection = self._all.admit(transport, self.loop)
        if connection is None:
            transport.write(refusals.FULL)
            transport.close()
            return
        super().connection_made(cast(asyncio.Transport, connection))
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._connection is None:
            return
        self._stop_waiting()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._connection.lost()

    def eof_received(self) -> None:
        """The caller sends nothing more; who does that does not wait for an answer."""
        if self._connection is not None:
            self._connection.has_unread = False
            self.transport.close()
        super().eof_received()

    def pause_writing(self) -> None:
        """The caller is slow to read."""
        super().pause_writing()
        if self._connection is not None:
            self._connection.writing_paused()

    def resume_writing(self) -> None:
        """The caller has read."""
        super().resume_writing()
        if self._connection is not None:
            self._connection.writing_resumed()

    def data_received(self, data: bytes) -> None:
        """Parse ``data``, a long piece in slices."""
        if self._connection is None or self._connection.is_ending or self._is_last:
            return
        if self._pending or len(data) > SLICE:
            self._pending += data
            self._parse_later()
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        was_in_head, self._has_completed = self._is_in_head, False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse()
            return
        if self._is_in_head and (was_in_head or not self._has_completed):
            # The parser does not tell of a header before its end. Behind another request it is counted from the next read on.
            self._head_received += len(data)
            if self._head_received > MAX_HEAD:
                self._refusal = refusals.TOO_LARGE
                self._refuse()
                return
        if self._is_in_head:
            # Only now: nearly every request comes in one piece and needs no timer.
            self._wait_for_head()
        elif self._is_in_body and self._deadline is None:
            self._deadline = self.loop.call_later(self._all.limits.receiving, self._body_is_late)

    # -- what the parser says -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_last or (self.cycle is not None and self._is_final(self.cycle)):
            self._end_with_the_last()
        # Not when anything comes: a line break between requests is nothing, and must keep no connection open.
        self._unset_keepalive_if_required()
        self._is_in_head = True
        self._head_size = self._head_received = self._swallowed = 0
        super().on_message_begin()
        self.scope[CONNECTION] = self._connection  # type: ignore[literal-required]  # a key of our own

    def on_url(self, url: bytes) -> None:
        """Take a part of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Trailers, which come after the body, are dropped: nothing reads them."""
        if self._is_in_head:
            self._count(len(name) + len(value) + 4)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is here."""
        names = [name for name, _ in self.headers]
        refusal = refusals.of_head(self.parser.get_http_version(), self.parser.get_method(), self.headers, names)
        if refusal is not None:
            self._stop(refusal)
        is_chunked = b"transfer-encoding" in names
        has_body = is_chunked or b"content-length" in names
        is_waiting = self.cycle is not None and not self.cycle.response_complete
        self._upgrades = bool(
            self.parser.should_upgrade()
            and super()._should_upgrade()
            and self.parser.get_method() == b"GET"
            and not has_body
            and not is_waiting
        )
        self._is_offer = self.parser.should_upgrade() and not self._upgrades
        if self._is_offer:
            # The parser leaves the body to the other protocol. The request is parsed anew without the offer.
            return
        super().on_headers_complete()
        self._is_in_head = False
        self._stop_waiting()
        if self._upgrades:
            return
        assert self._connection is not None
        self._connection.is_busy = True
        self._connection.has_unread = self._is_in_body = has_body
        if is_chunked or (has_body and self._declared_length() > _SWALLOWED):
            # Who is refused before the body has come is not waited for: each byte of it may be a chunk that costs us time.
            self._keeps_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self.cycle is not None and self.cycle.response_complete:
            self._swallowed += len(body)
            if self._swallowed > _SWALLOWED:
                self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        if self._is_offer:
            return
        self._has_completed = True
        if not self._upgrades:
            assert self._connection is not None
            if self._keeps_alive is not None and not self.cycle.response_started:
                self.cycle.keep_alive = self._keeps_alive
            self._keeps_alive = None
            self._connection.has_unread = self._is_in_body = False
            self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request is answered; begin the next one."""
        assert self._connection is not None
        if self._is_first and self._connection.username is not None and self._answered is not None:
            self._all.acquaintance.remember(self._answered.scope["headers"])
        self._answered = None
        self._connection.is_busy = False
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on."""
        assert self._connection is not None
        self._stop_waiting()
        self._connection.release("upgrade")
        super().handle_websocket_upgrade()

    # -- bounds ---------------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        assert self._connection is not None
        self._answered = cycle
        self._connection.is_busy = True
        self._is_first = self._connection.username is None
        self._begin(partial(super()._start_asgi_task, cycle, partial(self._serve, app)), cycle.scope)

    async def _serve(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
        assert self._connection is not None
        if self._connection.waits:
            await Charged(app(scope, receive, send), self._connection.charge)
        else:
            await app(scope, receive, send)

    def _begin(self, work: Callable[[], None], scope: Any) -> None:
        """Work on a request: at once for a known caller, for a stranger in a turn, unless it hangs up before."""
        assert self._connection is not None
        is_known = not self._connection.waits
        if is_known or (not self._connection.is_doubtful and self._all.acquaintance.recognizes(scope["headers"])):
            work()
            return
        self._due = work
        self._connection.take_turn(self._use_turn)

    def _parse_later(self) -> None:
        """Parse what is pending, a slice in each turn, and read nothing meanwhile."""
        assert self._connection is not None
        if self._pending and not self._is_last and not self._connection.is_closing():
            self._connection.hold("slices")
            self._connection.take_turn(self._use_turn)
        else:
            self._pending.clear()
            self._connection.release("slices")

    def _use_turn(self) -> None:
        assert self._connection is not None
        if self._connection.is_closing():
            return
        if self._due is not None:
            work, self._due = self._due, None
            work()
        elif self._pending:
            part = bytes(self._pending[:SLICE])
            del self._pending[:SLICE]
            self._parse(part)
        if self._due is None:
            self._parse_later()

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def _is_final(self, cycle: RequestResponseCycle) -> bool:
        """Whether the connection ends with this request: by its own word, or because too many wait behind it."""
        return not cycle.keep_alive or len(self.pipeline) >= MAX_PIPELINED

    def _end_with_the_last(self) -> None:
        """Take no further request: those that have come are answered, and the caller sends the others anew elsewhere."""
        self._is_last = True
        self.cycle.keep_alive = False
        raise _Stopped

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD or len(self.headers) >= MAX_HEADERS:
            self._stop(refusals.TOO_LARGE)

    def _declared_length(self) -> int:
        return next((int(value) for name, value in self.headers if name == b"content-length"), 0)

    def _stop(self, refusal: bytes) -> None:
        self._refusal = refusal
        raise _Stopped

    def _refuse(self) -> None:
        """Answer what can't be parsed, behind the answers to what came before."""
        if self._is_last:
            return
        self._stop_waiting()
        if self._is_in_head or self.cycle is None or not self._is_in_body:
            # The request that is refused has not got so far that anybody works on it.
            if self._answered is not None:
                self._is_last = True
                self.cycle.keep_alive = False
                return
            self.transport.refuse(self._refusal)  # type: ignore[attr-defined]  # a Connection
            return
        self._refuse_body(self._refusal)

    def _refuse_body(self, refusal: bytes) -> None:
        """Refuse the last request, whose body can't be had."""
        cycle = self.cycle
        if cycle is not self._answered and not cycle.response_complete:
            # It waits behind others, which are answered; nobody has seen it yet.
            self._is_last = True
            self.pipeline.popleft()
            before = self.pipeline[0][0] if self.pipeline else self._answered
            if before is not None:
                before.keep_alive = False
            return
        is_answered = cycle.response_started
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.refuse(b"" if is_answered else refusal)  # type: ignore[attr-defined]  # a Connection

    def _upgrade(self, rest: bytes) -> None:
        """What comes after the head of a request that offered another protocol, by WebSocket or by nothing that we speak."""
        if self._upgrades:
            self._pending.clear()
            assert self._connection is not None
            self._connection.is_busy = True
            # What comes behind is the other protocol's.
            self._connection.hold("upgrade")
            self._begin(self.handle_websocket_upgrade, self.scope)
            return
        # The offer is not taken, and the connection goes on as it was (RFC 9110, 7.8), which this parser does not.
        head = [
            b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode("ascii"))
        ]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(each for each in value.split(b",") if each.strip().lower() != b"upgrade")
            if name != b"upgrade":
                head.append(b"%b: %b\r\n" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._parse(b"".join([*head, b"\r\n", rest]))

    def _wait_for_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._all.limits.receiving, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        self._deadline = None
        if self._is_in_head:
            self._refusal = refusals.TOO_SLOW
            self._refuse()
        elif self._answered is None:
            self.transport.close()

    def _body_is_late(self) -> None:
        self._deadline = None
        if self._connection is not None and self._connection.is_held:
            # It is we who do not read.
            self._deadline = self.loop.call_later(self._all.limits.receiving, self._body_is_late)
            return
        self._refuse_body(refusals.TOO_SLOW)


class _Stopped(Exception):
    """Makes the parser stop."""

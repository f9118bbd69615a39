"""WebSockets: uvicorn's own protocol, with bounds on what a caller can make it hold, and on how long one may keep the loop busy.

Nothing is read before the handshake is accepted, nor while the caller does not read what it is sent. What has been read is parsed
in slices, one in each turn of the connection: a frame is six bytes, and a read may hold forty thousand. Addresses are never logged,
because existing clients send credentials in them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from app.web.messages import CONNECTION
from app.web.server.connections import Connection

#: Bytes of one message, unpacked; a subscription is under three hundred.
MAX_MESSAGE = 64 * 1024
#: Frames of one message.
MAX_FRAGMENTS = 64
#: Bytes that are parsed at once.
SLICE = 512
#: Bytes that are read after the close was sent, among which its echo must be.
_AFTER_CLOSE = 16 * 1024
_MALFORMED = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 32\r\nconnection: close\r\n\r\n"
    b"The handshake is not WebSocket's"
)

#: The close codes of a text that is none, and of a message that is too big (RFC 6455, 7.4.1).
_NO_TEXT = 1007
_TOO_BIG = 1009

#: Has the level of all logs, whatever that of the server's own is: at lower ones it would show credentials.
_LOG = logging.getLogger("ordergate.sockets")


class BoundedSocket(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _LOG
        self.conn.logger = _LOG
        self.conn.debug = False
        self.conn.max_message_size = MAX_MESSAGE
        #: What has been read and not parsed.
        self._pending = bytearray()
        self._is_open = False
        self._after_close = 0

    @property
    def _connection(self) -> Connection:
        return cast(Connection, self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        super().connection_lost(exc)
        self._connection.lost()

    def eof_received(self) -> None:
        """The caller sends nothing more."""
        self.transport.close()
        super().eof_received()

    def pause_writing(self) -> None:
        """The caller is slow to read."""
        super().pause_writing()
        self._connection.writing_paused()

    def resume_writing(self) -> None:
        """The caller has read."""
        super().resume_writing()
        self._connection.writing_resumed()
        self._parse_later()

    def data_received(self, data: bytes) -> None:
        """Parse ``data``, perhaps later."""
        if self.transport.is_closing():
            return
        if not self.handshake_initiated:
            self._connection.hold("handshake")
            super().data_received(data)
            if not self.handshake_initiated and not self.transport.is_closing():
                # Its lines are longer than the handshake's parser takes them.
                self._connection.refuse(_MALFORMED)
            return
        self._pending += data
        self._parse_later()

    def handle_connect(self, event: Any) -> None:
        """Take the handshake."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope[CONNECTION] = self._connection  # type: ignore[literal-required]  # a key of our own

    def handle_text(self, event: Any) -> None:
        """Take the first frame of a text."""
        if not self.close_sent:
            super().handle_text(event)

    def handle_bytes(self, event: Any) -> None:
        """Take the first frame of bytes."""
        if not self.close_sent:
            super().handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        """Take another frame of a message."""
        if self.close_sent:
            return
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(_TOO_BIG, f"a message may have {MAX_FRAGMENTS} frames")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message on. What is no text is not logged: anybody could fill the log with it."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(_NO_TEXT, "a text must be UTF-8")
                return
        super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; reading begins when the handshake is accepted."""
        await super().send(message)
        if not self._is_open and message["type"] == "websocket.accept":
            self._is_open = True
            self._connection.release("handshake")

    async def receive(self) -> ASGIReceiveEvent:
        """The next message."""
        message = await super().receive()
        self._parse_later()
        return message

    def _is_held(self) -> bool:
        return not self._is_open or self.read_paused or not self.writable.is_set() or self.transport.is_closing()

    def _parse_later(self) -> None:
        """Parse what is pending, a slice in each turn, unless something holds it. Nothing is read meanwhile."""
        if not self._pending:
            self._connection.release("slices")
            return
        self._connection.hold("slices")
        if not self._is_held():
            self._connection.take_turn(self._parse)

    def _parse(self) -> None:
        if self._is_held():
            return
        part = bytes(self._pending[:SLICE])
        del self._pending[:SLICE]
        if self.close_sent:
            self._after_close += len(part)
            if self._after_close > _AFTER_CLOSE:
                self.transport.close()
                return
        super().data_received(part)
        self._parse_later()

    def _fail(self, code: int, reason: str) -> None:
        self.conn.fail(code, reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

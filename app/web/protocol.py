"""How bytes become requests: uvicorn's own protocol, with bounds on what an unauthenticated client can make it buffer.

uvicorn's fast parser has no limit for the request line and the headers, and no time limit before the first request is complete.
Both are here, and nothing else: bodies are limited where they are read.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of request line and headers together. The longest credentials and the longest list of pairs take a quarter of it.
MAX_HEAD = 64 * 1024
#: Seconds in which they must have come. A program sends them at once; there is time to type them by hand.
HEAD_SECONDS = 30.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\nconnection: close\r\n\r\n"
    b"The request head is too large."
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_size = 0
    _is_in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse ``data``; a head that grows beyond the limit ends the connection."""
        super().data_received(data)
        if self._is_in_head:
            # Only now: nearly every head comes in one piece and needs no timer.
            self._expect_head()
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head, self._head_size = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Trailers, which come after the body, are dropped: nothing reads them."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        cast(Any, self.transport).close()

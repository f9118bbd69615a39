"""The first look at a request's path: pages that need no contract, and the streams that Connexion can't carry.

Pages are open. A stream, a WebSocket or a long HTTP answer, asks for the same credentials as every operation, and its endpoint is
only called with a known user. Everything else passes on untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import MethodNotAllowed, NotAuthenticated, NotNow
from app.web.authentication import Authenticator
from app.web.credentials import websocket_authorization
from app.web.scope import USERNAME, headers_of

#: The close code that existing clients know for wrong credentials.
_AUTHENTICATION_FAILED = 4001
#: Policy violation (RFC 6455): before the handshake is accepted a server turns it into 403.
_NO_SUCH_STREAM = 1008

_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRoute:
    """A stream at an exact path. ``endpoint`` is an ASGI app; it accepts a WebSocket itself."""

    kind: Literal["http", "websocket"]
    path: str
    endpoint: ASGIApp


class FrontRouter:
    """The layer before Connexion."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        pages: Mapping[str, ASGIApp],
        streams: Sequence[StreamRoute],
        authenticator: Authenticator,
    ) -> None:
        self._app = app
        self._pages = pages
        self._streams = {(stream.kind, stream.path): stream.endpoint for stream in streams}
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._serve_http(scope, receive, send)
        elif kind == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        page = self._pages.get(path)
        stream = self._streams.get(("http", path))
        endpoint = page or stream
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _READING:
            raise MethodNotAllowed(_READING)
        if page is None:
            scope[USERNAME] = await self._authenticator.authenticate(headers_of(scope).get(b"authorization"))
        await endpoint(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._streams.get(("websocket", scope["path"]))
        if endpoint is None:
            await send({"type": "websocket.close", "code": _NO_SUCH_STREAM})
            return
        try:
            scope[USERNAME] = await authenticate_websocket(scope, self._authenticator)
        except (NotAuthenticated, NotNow):
            await _refuse(receive, send)
            return
        await endpoint(scope, receive, send)


async def authenticate_websocket(scope: Scope, authenticator: Authenticator) -> str:
    """The user who opens a WebSocket. Raises ``NotAuthenticated`` or ``NotNow``."""
    return await authenticator.authenticate(websocket_authorization(scope))


async def _refuse(receive: Receive, send: Send) -> None:
    """Existing clients read the reason from a message, so the socket is accepted before it is closed."""
    await receive()
    await send({"type": "websocket.accept"})
    message = msgspec.json.encode({"type": "error", "message": "Authentication failed"}).decode("ascii")
    await send({"type": "websocket.send", "text": message})
    await send({"type": "websocket.close", "code": _AUTHENTICATION_FAILED})

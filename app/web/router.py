"""The first look at a request's path: pages that need no contract, and the WebSockets that Connexion can't carry.

Pages are open. A WebSocket asks for the same credentials as every operation, and its endpoint is only called with a known user.
Everything else passes on untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import MethodNotAllowed, NotAuthenticated, NotNow
from app.web.authentication import Authenticator, websocket_authorization
from app.web.scope import USERNAME

#: The close code that existing clients know for wrong credentials.
_AUTHENTICATION_FAILED = 4001
#: Policy violation (RFC 6455): before the handshake is accepted a server turns it into 403.
_NO_SUCH_SOCKET = 1008

_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """A WebSocket at an exact path. ``endpoint`` is an ASGI app that accepts the socket itself."""

    path: str
    endpoint: ASGIApp


class FrontRouter:
    """The layer before Connexion."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        pages: Mapping[str, ASGIApp],
        sockets: Sequence[SocketRoute],
        authenticator: Authenticator,
    ) -> None:
        self._app = app
        self._pages = pages
        self._sockets = {socket.path: socket.endpoint for socket in sockets}
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
        page = self._pages.get(scope["path"])
        if page is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _READING:
            raise MethodNotAllowed(_READING)
        await page(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._sockets.get(scope["path"])
        if endpoint is None:
            await send({"type": "websocket.close", "code": _NO_SUCH_SOCKET})
            return
        try:
            scope[USERNAME] = await self._authenticator.authenticate(websocket_authorization(scope))
        except (NotAuthenticated, NotNow):
            await _refuse(receive, send)
            return
        await endpoint(scope, receive, send)


async def _refuse(receive: Receive, send: Send) -> None:
    """Existing clients read the reason from a message, so the socket is accepted before it is closed."""
    await receive()
    await send({"type": "websocket.accept"})
    message = msgspec.json.encode({"type": "error", "message": "Authentication failed"}).decode("ascii")
    await send({"type": "websocket.send", "text": message})
    await send({"type": "websocket.close", "code": _AUTHENTICATION_FAILED})

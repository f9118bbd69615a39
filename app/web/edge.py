"""The layers before Connexion: ``Cors``, ``Edge`` and ``FrontRouter``.

``Edge`` gives every request an id and every answer the common headers, and makes every exception a problem document. It is the only
place that catches exceptions in general, and the only one that logs them: an exception of the error tree is an answer, any other is
a fault, logged once with its traceback and answered without any of it.

``FrontRouter`` serves pages and WebSockets by their exact path.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from app.clock import Clock
from app.domain.caller import Caller
from app.domain.enums import Scope as CallerScope
from app.domain.errors import (
    MethodNotAllowed,
    MissingScope,
    NotAuthenticated,
    NotNow,
    TooManyStreams,
    TotpRequired,
    UpgradeRequired,
)
from app.entropy import Entropy
from app.metrics import Metrics
from app.services.bounded.bounds import told
from app.web.access.authentication import Authenticator, address_of
from app.web.access.cookies import session_in
from app.web.access.handshakes import accepting, hide_credentials, websocket_authorization
from app.web.access.origins import LOCALHOST, Origins, Trust
from app.web.contract.names import header_value
from app.web.errors import ClientGone
from app.web.messages import CALLING, IGNORED, REQUEST_ID, headers_of, note_answer, path_of, sign_in, streaming
from app.web.problems import is_answer, problem_for

_LOG = structlog.get_logger("ordergate.web")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

#: 64 random bits: no two requests in the same log share an id.
_ID_BYTES = 8

#: Orders, balances and positions are nobody's to keep on the way.
_NO_STORE = (b"cache-control", b"no-store")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_IGNORED_FIELDS = b"ignored-fields"


#: The close code that existing clients know for wrong credentials.
_AUTHENTICATION_FAILED = 4001
#: The same for a caller who is known and may not have this; 403 in HTTP.
_FORBIDDEN = 4003
#: Try again later (IANA's registry of close codes).
_TRY_AGAIN_LATER = 1013
#: Policy violation (RFC 6455): before the handshake is accepted a server turns it into 403.
_NO_SUCH_SOCKET = 1008

#: What a page's script says of itself, by custom, in ``X-Requested-With``.
_SCRIPT = b"XMLHttpRequest"

_READING = ("GET", "HEAD")
_FIRST_ERROR = 400

_JSON, _HTML = "application/json", "text/html"

_METHODS = ("DELETE", "GET", "HEAD", "POST", "PUT")
#: What the contract reads, beside the headers that every page may send.
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Last-Event-ID",
    "Preview-Token",
    "X-Request-Id",
)
#: What a page may read of an answer beside its body.
_EXPOSED = (
    "ETag",
    "Ignored-Fields",
    "Idempotent-Replayed",
    "Ordergate-Bounds",
    "Portfolio-Missing",
    "Portfolio-Stale",
    "Retry-After",
    "Server-Timing",
    "Unknown-Names",
    "X-Request-Id",
)
#: Seconds for which a browser remembers a preflight: short enough that a changed setting is seen the same day.
_PREFLIGHT_AGE = 600


class Cors:
    """The ASGI layer that says which web pages may read answers. ``origins`` are exact ones, or ``*`` for any; without any, pages
    of this host are allowed. It comes first of all layers, so that errors carry its headers too, and answers a preflight before
    anybody is asked for credentials, because browsers send it without them.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        # Without leave for credentials that the browser adds by itself: a page must state them, so none can borrow a user's.
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_origin_regex=None if origins else LOCALHOST,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_EXPOSED,
            max_age=_PREFLIGHT_AGE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"origin" in headers_of(scope):
            await self._cors(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Edge:
    """The ASGI layer around everything else."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._entropy = Entropy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _without_traceback(send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hide_credentials(scope)
        request_id = scope[REQUEST_ID] = request_id_of(scope, self._entropy)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        common = ((b"x-request-id", request_id.encode("ascii")), _NOSNIFF)
        is_head = scope["method"] == "HEAD"
        started = 0
        began_at = self._clock.monotonic()

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message["status"]
                note_answer(scope, started)
                self._metrics.observe_request(operation_of(scope), started, self._clock.monotonic() - began_at)
                headers = [*message.get("headers", ()), *common, *_bounds(started)]
                if IGNORED in scope:
                    headers = _naming_ignored(headers, scope[IGNORED])
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append(_NO_STORE)
                message["headers"] = headers
            elif is_head:
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientGone:
            return
        # Whatever it is, the caller gets a problem document and the log the reason; after the first byte it can only escape.
        except Exception as error:
            _log(error, scope, request_id)
            if started:
                raise
            await _answer(error, scope, request_id, send_with_headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """A WebSocket at an exact path. ``endpoint`` is an ASGI app that accepts the socket itself."""

    path: str
    endpoint: ASGIApp


class FrontRouter:
    """The ASGI layer that looks at a request's path first: pages that need no contract, and the WebSockets that Connexion can't
    carry.

    Pages are open. A WebSocket asks for the same credentials as every operation, and its endpoint is only called with a known user.
    A foreign page's WebSocket is refused with 403 before that: never with a challenge, which a browser answers with the credentials
    that it remembers. Everything else passes on untouched.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        pages: Mapping[str, ASGIApp],
        sockets: Sequence[SocketRoute],
        authenticator: Authenticator,
        origins: Origins,
    ) -> None:
        self._app = app
        self._pages = pages
        self._sockets = {socket.path: socket.endpoint for socket in sockets}
        self._origins = origins
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
        path = path_of(scope)
        if path in self._sockets:
            raise UpgradeRequired("Open this path as a WebSocket")
        page = self._pages.get(path)
        # The root is a page for browsers only: programs read there what is running.
        if page is None or (path == "/" and not _asks_for_html(scope)):
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _READING:
            raise MethodNotAllowed(_READING, scope["method"], path_of(scope))
        await page(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._sockets.get(path_of(scope))
        trust = self._origins.trust(headers_of(scope))
        # A page can't set the header itself; what it states stands in the address or among the subprotocols.
        authorization = websocket_authorization(scope, with_header=trust is Trust.FULL)
        if authorization is None:
            authorization = session_in(scope, self._origins)
        hide_credentials(scope)
        send = accepting(scope, send)
        if endpoint is None or trust is Trust.NONE:
            await send({"type": "websocket.close", "code": _NO_SUCH_SOCKET})
            return
        try:
            caller = await self._authenticator.caller(authorization, address_of(scope))
        except TotpRequired as refusal:
            await _refuse(
                receive, send, _AUTHENTICATION_FAILED, f"Authentication failed: {refusal.detail}. {refusal.hint}"
            )
            return
        except (NotAuthenticated, NotNow):
            await _refuse(receive, send, _AUTHENTICATION_FAILED, "Authentication failed")
            return
        sign_in(scope, caller)
        if CallerScope.READ not in caller.scopes:
            await _refuse(receive, send, _FORBIDDEN, MissingScope(CallerScope.READ).detail)
            return
        try:
            with streaming(scope):
                if caller.version is None and caller.expires_at is None:
                    await endpoint(scope, receive, send)
                else:
                    await self._serve_until_ended(caller, endpoint, scope, receive, send)
        except TooManyStreams as refusal:
            await _refuse(receive, send, _TRY_AGAIN_LATER, refusal.detail)

    async def _serve_until_ended(
        self, caller: Caller, endpoint: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a socket until its caller may not have it any more."""
        serving = asyncio.ensure_future(endpoint(scope, receive, send))
        ending = asyncio.ensure_future(self._authenticator.ended(caller))
        try:
            await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
            is_ended = not serving.done()
        finally:
            for task in (serving, ending):
                task.cancel()
            fault, _ = await asyncio.gather(serving, ending, return_exceptions=True)
        if is_ended:
            await send({"type": "websocket.close", "code": _AUTHENTICATION_FAILED, "reason": "No longer valid"})
        elif isinstance(fault, Exception):
            raise fault


def _asks_for_html(scope: Scope) -> bool:
    """Whether the caller would rather have a page than JSON, as browsers do; who takes anything gets JSON."""
    accepted = parse_accept_header(headers_of(scope).get(b"accept", b"").decode("latin-1"), MIMEAccept)
    return accepted.best_match((_JSON, _HTML)) == _HTML


def _without_traceback(send: Send) -> Send:
    """``send`` for the server's start and stop. A start that fails has been logged by then; the framework would do it once more."""

    async def send_quietly(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            message = {**message, "message": ""}
        await send(message)

    return send_quietly


def _bounds(status: int) -> Sequence[tuple[bytes, bytes]]:
    """The header that says to whom an answer's lists were narrowed, so that they never look whole where they are not."""
    acting = CALLING.get()
    if acting is None or not acting.caller.is_bounded or status >= _FIRST_ERROR:
        return ()
    return ((b"ordergate-bounds", told(acting.caller).encode("latin-1", "replace")),)


def operation_of(scope: Scope) -> str:
    """The operation id that the routing found, or "none"."""
    context = scope.get("extensions", {}).get(ROUTING_CONTEXT, {})
    return str(context.get("operation_id") or "none")


def request_id_of(scope: Scope, entropy: Entropy) -> str:
    """The caller's ``X-Request-Id`` if it is a plain word, else a new one."""
    given = headers_of(scope).get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return entropy.token(_ID_BYTES)


def _naming_ignored(headers: Sequence[tuple[bytes, bytes]], names: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """``headers`` with the names in ``Ignored-Fields``, after those that the handler has put there."""
    said = [value for name, value in headers if name == _IGNORED_FIELDS]
    others = [header for header in headers if header[0] != _IGNORED_FIELDS]
    return [*others, (_IGNORED_FIELDS, b", ".join([*said, header_value(names)]))]


def _log(error: Exception, scope: Scope, request_id: str) -> None:
    if not is_answer(error):
        _LOG.error("request_failed", request_id=request_id, method=scope["method"], path=scope["path"], exc_info=error)


async def _answer(error: Exception, scope: Scope, request_id: str, send: Send) -> None:
    problem = problem_for(error, request_id, path_of(scope))
    headers = problem.headers
    if headers_of(scope).get(b"x-requested-with") == _SCRIPT:
        # A browser answers a challenge with a window of its own, before the page's script hears of it.
        headers = [(name, value) for name, value in headers if name != b"www-authenticate"]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.body})


async def _refuse(receive: Receive, send: Send, code: int, reason: str) -> None:
    """Existing clients read the reason from a message, so the socket is accepted before it is closed."""
    await receive()
    await send({"type": "websocket.accept"})
    message = msgspec.json.encode({"type": "error", "message": reason}).decode("ascii")
    await send({"type": "websocket.send", "text": message})
    await send({"type": "websocket.close", "code": code})

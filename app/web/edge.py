"""The outermost layers: which web pages may read answers (``Cors``), and what every request and answer has (``Edge``).

``Cors`` stands before ``Edge``, so that errors carry its headers too. It answers a preflight before anybody is asked for
credentials, because browsers send it without them. It decides what a browser shows to a page; it is no lock on the gateway.

``Edge`` gives every request an id and every answer the common headers, and makes every exception a problem document. It is the only
place that catches exceptions in general, and the only one that logs them: an exception of the error tree is an answer, any other is
a fault, logged once with its traceback and answered without any of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import structlog
from connexion.middleware.abstract import ROUTING_CONTEXT
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.clock import Clock
from app.entropy import Entropy
from app.metrics import Metrics
from app.web.errors import ClientGone
from app.web.problems import is_answer, problem_for
from app.web.scope import REQUEST_ID, headers_of, path_of

_LOG = structlog.get_logger("ordergate.web")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

#: 64 random bits: no two requests in the same log share an id.
_ID_BYTES = 8

_NOSNIFF = (b"x-content-type-options", b"nosniff")


#: Pages served from the host itself, any port: who develops a page there needs no setting.
_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"

_METHODS = ("GET", "HEAD", "POST", "PUT")
#: What the contract reads, beside the headers that every page may send.
_REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-Id")
#: What a page may read of an answer beside its body.
_EXPOSED = ("Idempotent-Replayed", "Portfolio-Stale", "Retry-After", "Server-Timing", "X-Request-Id")
#: Seconds for which a browser remembers a preflight: short enough that a changed setting is seen the same day.
_PREFLIGHT_AGE = 600


class Cors:
    """The ASGI layer. ``origins`` are exact ones, or ``*`` for any; without any, pages of this host are allowed."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        # Without leave for credentials that the browser adds by itself: a page must state them, so none can borrow a user's.
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_origin_regex=None if origins else _LOCALHOST,
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
                self._metrics.observe_request(operation_of(scope), started, self._clock.monotonic() - began_at)
                message["headers"] = [*message.get("headers", ()), *common]
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


def _without_traceback(send: Send) -> Send:
    """``send`` for the server's start and stop. A start that fails has been logged by then; the framework would do it once more."""

    async def send_quietly(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            message = {**message, "message": ""}
        await send(message)

    return send_quietly


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


def _log(error: Exception, scope: Scope, request_id: str) -> None:
    if not is_answer(error):
        _LOG.error("request_failed", request_id=request_id, method=scope["method"], path=scope["path"], exc_info=error)


async def _answer(error: Exception, scope: Scope, request_id: str, send: Send) -> None:
    problem = problem_for(error, request_id, path_of(scope))
    await send({"type": "http.response.start", "status": problem.status, "headers": problem.headers})
    await send({"type": "http.response.body", "body": problem.body})

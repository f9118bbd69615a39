"""The outermost layer: every request gets an id, every answer the common headers, every exception becomes a problem document.

It must be the only place that catches exceptions in general, and the only one that logs them: an exception of the error tree is an
answer, any other is a fault, logged once with its traceback and answered without any of it.
"""

from __future__ import annotations

import re

import structlog
from connexion.middleware.abstract import ROUTING_CONTEXT
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

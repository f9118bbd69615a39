"""Which web pages may read answers: the Cross-Origin Resource Sharing layer, outermost, so that errors carry its headers too.

A preflight is answered here, before anybody is asked for credentials: browsers send it without them. A request without ``Origin``
passes untouched. The layer decides what a browser shows to a page, nothing else; it must not be taken for a lock on the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.scope import headers_of

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

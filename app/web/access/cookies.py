"""The cookie of the console's session, and what a request states of its caller: its ``Authorization`` header, else that cookie.

A browser adds the cookie by itself, so it counts only for pages of our own (``origins``). ``SameSite=Strict`` says the same
to the browser; neither is relied on alone.
"""

from __future__ import annotations

from starlette.requests import cookie_parser
from starlette.types import Scope

from app.handlers.console import SESSION_COOKIE
from app.web.access.credentials import SESSION
from app.web.access.origins import Origins, Trust
from app.web.messages import headers_of


def authorization_of(scope: Scope, origins: Origins) -> bytes | None:
    """What the request states of its caller, as the value of an ``Authorization`` header; None if nothing."""
    headers = headers_of(scope)
    authorization = headers.get(b"authorization")
    return session_in(scope, origins) if authorization is None and b"cookie" in headers else authorization


def session_in(scope: Scope, origins: Origins) -> bytes | None:
    """The session of the request's cookie, as the value of an ``Authorization`` header; None without one, or if a foreign page
    makes the request.
    """
    headers = headers_of(scope)
    token = cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(SESSION_COOKIE)
    if token is None or origins.trust(headers) is not Trust.FULL:
        return None
    return SESSION + token.encode("latin-1", "replace")

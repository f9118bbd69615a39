"""The console's sign-in over HTTP. The token of a session is in a cookie that scripts can't read, and in no answer's body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.domain.caller import Caller
from app.handlers.schemas import ConsoleSessionSchema, ConsoleSignInSchema
from app.services.accounts.console_sessions import LIFETIME
from app.services.acting import ActingGateway

_SESSION = ConsoleSessionSchema()
_SIGN_IN = ConsoleSignInSchema()
#: The cookie that holds a session.
SESSION_COOKIE = "ordergate_session"


async def sign_in(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /console/session"""
    caller, token = await gateway.begin_console_session(_SIGN_IN.load(body).get("totp"))
    cookie = _cookie(gateway, token, LIFETIME)
    return _row(caller), 201, {"Set-Cookie": cookie}


async def get_session(gateway: ActingGateway) -> Any:
    """GET /console/session"""
    return _row(gateway.acting.caller)


async def sign_out(gateway: ActingGateway) -> Any:
    """DELETE /console/session"""
    await gateway.end_console_session()
    return {"message": "Signed out."}, 200, {"Set-Cookie": _cookie(gateway, "", timedelta(0))}


def _cookie(gateway: ActingGateway, token: str, lifetime: timedelta) -> str:
    secure = "; Secure" if gateway.acting.is_encrypted else ""
    return (
        f"{SESSION_COOKIE}={token}; Path=/; Max-Age={int(lifetime.total_seconds())}; HttpOnly; SameSite=Strict{secure}"
    )


def _row(caller: Caller) -> Any:
    return _SESSION.dump({"username": caller.name, "scopes": sorted(caller.scopes), "expires_at": caller.expires_at})

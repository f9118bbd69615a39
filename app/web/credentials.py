"""Where a caller's credentials stand: the Basic header, and the two query forms that WebSocket clients use.

It only reads; whether the credentials are right is decided by ``app.web.authentication``.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.types import Scope

from app.web.scope import headers_of

#: Bytes of base64 that any sane name and password fit into.
_LONGEST = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and a password as a caller gave them."""

    username: str
    password: str = field(repr=False)


def parse_basic(authorization: bytes) -> Credentials | None:
    """The credentials in the value of an ``Authorization`` header; None if it is not well-formed Basic."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > _LONGEST:
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    username, colon, password = _text(decoded).partition(":")
    # No database can hold a name with a NUL, so there is nobody to look for.
    if not colon or "\x00" in username:
        return None
    return Credentials(username=username, password=password)


def websocket_authorization(scope: Scope) -> bytes | None:
    """The credentials of a WebSocket's handshake as the value of an ``Authorization`` header.

    In this order: the header itself, ``?token=base64(user:password)``, ``?username=&password=``; None if there are none.
    """
    header: bytes | None = headers_of(scope).get(b"authorization")
    if header is not None:
        return header
    raw: bytes = scope.get("query_string", b"")
    query = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    if "token" in query:
        # Clients send the token without escaping it, so its plus signs arrive as spaces.
        return b"Basic " + query["token"].replace(" ", "+").encode("utf-8")
    if "username" in query and "password" in query:
        return basic_authorization(query["username"], query["password"])
    return None


def basic_authorization(username: str, password: str) -> bytes:
    """The value of an ``Authorization`` header as nearly every client writes it."""
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())


def _text(data: bytes) -> str:
    """UTF-8 as RFC 7617 wants it, else Latin-1 as older clients send it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")

"""Where the credentials of a WebSocket's handshake stand: a page of a browser can't set its ``Authorization`` header.

A page offers them as a subprotocol, after the name ``hummingbot-auth``, or writes them into the address. The name is accepted, as a
browser wants an answer to its offer; the credentials are never repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.types import Message, Scope, Send

from app.domain.api_key import PREFIX
from app.web.access.credentials import basic_authorization
from app.web.messages import headers_of

#: As callers of hummingbot-api write it: ``new WebSocket(url, ["hummingbot-auth", base64url("user:password")])``.
_SUBPROTOCOL = "hummingbot-auth"
#: The parameters of an address that hold credentials.
_SECRET = ("token", "username", "password")
#: Base64's two signs that no subprotocol may have, from those that stand for them in base64url (RFC 4648, 5).
_STANDARD = str.maketrans("-_", "+/")


def websocket_authorization(scope: Scope, *, with_header: bool = True) -> bytes | None:
    """The credentials of a WebSocket's handshake as the value of an ``Authorization`` header.

    In this order: the header itself, the subprotocol after ``hummingbot-auth``, ``?token=base64(user:password)`` or a key's
    secret, ``?username=&password=``; None if there are none.
    """
    header: bytes | None = headers_of(scope).get(b"authorization") if with_header else None
    if header is not None:
        return header
    if offers_credentials(scope):
        return _from_subprotocol(scope["subprotocols"][1])
    raw: bytes = scope.get("query_string", b"")
    query = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    if query.get("token", "").startswith(PREFIX):
        return b"Bearer " + query["token"].encode("utf-8")
    if "token" in query:
        # Clients send the token without escaping it, so its plus signs arrive as spaces.
        return b"Basic " + query["token"].replace(" ", "+").encode("utf-8")
    if "username" in query and "password" in query:
        return basic_authorization(query["username"], query["password"])
    return None


def hide_credentials(scope: Scope) -> None:
    """Take credentials out of the address, which servers log. Call it once they have been read, and before anything is answered."""
    query: bytes = scope.get("query_string", b"")
    # Names may be escaped, too.
    if b"token" in query or b"password" in query or b"%" in query:
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        shown = [(name, value) for name, value in given if name not in _SECRET]
        if len(shown) < len(given):
            scope["query_string"] = urlencode(shown).encode("ascii")


def offers_credentials(scope: Scope) -> bool:
    """Whether the subprotocols of the handshake are the name and credentials."""
    offered: Sequence[str] = scope.get("subprotocols") or ()
    return len(offered) > 1 and offered[0] == _SUBPROTOCOL


def accepting(scope: Scope, send: Send) -> Send:
    """``send`` for a socket of ``scope``: if credentials were offered as a subprotocol, their name is accepted with the socket."""
    if not offers_credentials(scope):
        return send

    async def send_accepting(message: Message) -> None:
        if message["type"] == "websocket.accept":
            message = {**message, "subprotocol": _SUBPROTOCOL}
        await send(message)

    return send_accepting


def _from_subprotocol(encoded: str) -> bytes:
    standard = encoded.rstrip("=").translate(_STANDARD)
    return f"Basic {standard}{'=' * (-len(standard) % 4)}".encode()

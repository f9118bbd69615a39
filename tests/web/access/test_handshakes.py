"""Where a WebSocket's credentials stand."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.types import Message

from app.web.access.handshakes import accepting, websocket_authorization

ENCODED = base64.b64encode(b"a:b c")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"token=YTpiPg==", b"Basic YTpiPg=="),
        (b"token=YTr+/w==", b"Basic YTr+/w=="),
        (b"username=a&password=b%20c", b"Basic " + ENCODED),
        (b"token=x&username=a&password=b", b"Basic x"),
        (b"username=a", None),
        (b"", None),
    ],
)
def test_the_query_forms_of_a_websocket(query: bytes, expected: bytes | None) -> None:
    """The token comes unescaped, so its plus signs are spaces by now."""
    assert websocket_authorization({"type": "websocket", "headers": [], "query_string": query}) == expected


def test_the_header_comes_first() -> None:
    """A header counts before any query."""
    scope = {"type": "websocket", "headers": [(b"authorization", b"Basic x")], "query_string": b"token=y"}
    assert websocket_authorization(scope) == b"Basic x"


@pytest.mark.parametrize("text", ["a:b", "admin:p\u00e4:ss word", "k\u00f6:~~~???\u00ff", "a:"])
@pytest.mark.parametrize("encode", [base64.urlsafe_b64encode, base64.b64encode])
@pytest.mark.parametrize("is_padded", [True, False])
def test_the_subprotocol_of_a_page(text: str, encode: Any, is_padded: bool) -> None:
    """Base64url, which is all that a browser can send, or base64, padded or not; it counts before the address, after the header."""
    token = encode(text.encode()).decode()
    offered = ["hummingbot-auth", token if is_padded else token.rstrip("=")]
    expected = b"Basic " + base64.b64encode(text.encode())
    header = (b"authorization", b"Basic h")
    assert websocket_authorization(handshake(*offered)) == expected
    assert websocket_authorization(handshake(*offered, header=header)) == b"Basic h"
    assert websocket_authorization(handshake(*offered, header=header), with_header=False) == expected


def handshake(*offered: str, header: tuple[bytes, bytes] | None = None) -> dict[str, Any]:
    headers = [] if header is None else [header]
    return {"type": "websocket", "headers": headers, "query_string": b"token=x", "subprotocols": offered}


@pytest.mark.parametrize("offered", [[], ["hummingbot-auth"], ["YTpi"], ["YTpi", "hummingbot-auth"], ["other", "YTpi"]])
async def test_other_subprotocols_are_no_credentials(offered: list[str]) -> None:
    """Neither the name alone, nor credentials without it or before it; nothing of them is accepted."""
    scope = handshake(*offered)
    assert websocket_authorization(scope) == b"Basic x"
    assert await accepted(scope) == {"type": "websocket.accept"}


async def test_the_name_is_accepted_and_never_the_credentials() -> None:
    """A browser gives up a socket whose server accepts nothing of what it offered."""
    scope = {"type": "websocket", "subprotocols": ["hummingbot-auth", "YTpi"]}
    assert await accepted(scope) == {"type": "websocket.accept", "subprotocol": "hummingbot-auth"}


async def accepted(scope: dict[str, Any]) -> Message:
    """What a socket of ``scope`` sends to be accepted."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await accepting(scope, send)({"type": "websocket.accept"})
    return sent[0]

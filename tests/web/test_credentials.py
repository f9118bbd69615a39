"""Where credentials stand."""

from __future__ import annotations

import base64

import pytest

from app.web.credentials import Credentials, parse_basic, websocket_authorization


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text)


@pytest.mark.parametrize(
    ("header", "username", "password"),
    [
        (b"Basic " + encoded(b"admin:a:b"), "admin", "a:b"),
        (b"bAsIc   " + encoded(b"admin:"), "admin", ""),
        (b"Basic " + encoded("ü:ß".encode()), "ü", "ß"),
        (b"Basic " + encoded("ü:ß".encode("latin-1")), "ü", "ß"),
    ],
)
def test_what_is_well_formed(header: bytes, username: str, password: str) -> None:
    """Colons in the password, any case of the scheme, UTF-8 and what older clients send."""
    assert parse_basic(header) == Credentials(username=username, password=password)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic !!!!",
        b"Basic YQ",
        b"Bearer " + encoded(b"a:b"),
        b"Basic " + encoded(b"ab"),
        b"Basic " + encoded(b"a\0:b"),
        b"Basic " + b"A" * 4000,
    ],
)
def test_what_is_not(header: bytes) -> None:
    """Malformed is the same as wrong."""
    assert parse_basic(header) is None


def test_a_password_does_not_show_in_a_log() -> None:
    """Its repr is left out."""
    assert "canary" not in repr(Credentials(username="a", password="canary"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"token=YTpiPg==", b"Basic YTpiPg=="),
        (b"token=YTr+/w==", b"Basic YTr+/w=="),
        (b"username=a&password=b%20c", b"Basic " + encoded(b"a:b c")),
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

"""What is answered to bytes that never become a request: problem documents, each a whole response that ends its connection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from app.web.server.limits import MAX_HEAD, MAX_HEADERS

#: The characters of a host and a port (RFC 3986, 3.2.2). Whoever sends others means that somebody reads another host.
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


def _answer(status: HTTPStatus, code: str, detail: str, *, retryable: bool = False, headers: bytes = b"") -> bytes:
    """A problem document as a whole response, after which the connection ends."""
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "retryable": retryable,
    }
    body = msgspec.json.encode(document)
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
        % (status.value, status.phrase.encode("ascii"), len(body), headers, body)
    )


MALFORMED = _answer(HTTPStatus.BAD_REQUEST, "malformed_request", "The request is not well-formed HTTP/1.1")
NO_HOST = _answer(
    HTTPStatus.BAD_REQUEST, "malformed_request", "The request must have one Host header, with a host and perhaps a port"
)
TOO_LARGE = _answer(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    f"The request head is too large: {MAX_HEAD} bytes and {MAX_HEADERS} headers are the most",
)
ENCODED = _answer(
    HTTPStatus.NOT_IMPLEMENTED,
    "unsupported_transfer_encoding",
    "The Transfer-Encoding must be 'chunked' alone, in HTTP/1.1",
)
VERSION = _answer(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "unsupported_http_version", "The server speaks HTTP/1.1 and HTTP/1.0"
)
TOO_SLOW = _answer(
    HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not come in time; nothing was done", retryable=True
)
FULL = _answer(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "The server has as many connections as it can hold; nothing was done",
    retryable=True,
    headers=b"retry-after: 1\r\n",
)


def of_head(
    version: str, method: bytes, headers: Sequence[tuple[bytes, bytes]], names: Sequence[bytes]
) -> bytes | None:
    """What is answered to a head that is well-formed and still can't be taken. ``names`` are those of the headers."""
    if version not in ("1.1", "1.0"):
        return VERSION
    if method == b"CONNECT":
        return MALFORMED
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (version == "1.1" and not hosts) or not all(_HOST.fullmatch(host) for host in hosts):
        return NO_HOST
    if b"transfer-encoding" in names:
        encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
        if encodings != [b"chunked"] or version == "1.0":
            return ENCODED
    return None

"""The body of a request: its declared type and its bytes, never more of them than the settings allow.

It must not look into the bytes, and it must stop reading as soon as the limit is passed, with or without a Content-Length.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Message, Receive

from app.domain.errors import BodyTooLarge, UnsupportedMediaType
from app.web.errors import ClientGone

_JSON = b"application/json"
_CHARSETS = (b"utf-8", b"utf8")


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Raise ``UnsupportedMediaType`` unless the body is declared as JSON in UTF-8; no declaration counts as that."""
    declared = headers.get(b"content-type", _JSON)
    if declared == _JSON or not declared.strip():
        return
    media_type, *parameters = declared.lower().split(b";")
    if media_type.strip() != _JSON:
        raise UnsupportedMediaType
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip().strip(b'"') not in _CHARSETS:
            raise UnsupportedMediaType


def refuse_declared_excess(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Raise ``BodyTooLarge`` before a byte is read if the Content-Length says that there are more than ``limit``."""
    declared = headers.get(b"content-length", b"")
    # More digits than any real length has are not worth converting.
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise BodyTooLarge(limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """All bytes of the body. Raises ``BodyTooLarge`` above ``limit`` bytes, ``ClientGone`` if the caller hangs up."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        data: bytes = message.get("body", b"")
        if len(data) > limit:
            raise BodyTooLarge(limit)
        return data
    parts = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def limited(receive: Receive, limit: int) -> Receive:
    """``receive`` for code that reads by itself: it raises ``BodyTooLarge`` once more than ``limit`` bytes came."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise BodyTooLarge(limit)
        return message

    return receive_limited

"""What a handler returned, packed into status, headers and bytes.

The same packing for handlers on the event loop and in Flask's threads. It must not decide anything: statuses and headers are the
handler's, the bytes are those of ``app.web.contract.encoding``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.web.contract.encoding import encode

_OK = 200
_JSON = (b"content-type", b"application/json")


class Answer(Struct, frozen=True, kw_only=True):
    """An answer ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def pack(result: Any) -> Answer:
    """The answer in ``result``: an object, ``(object, status)`` or ``(object, status, headers)``.

    Raises ``TypeError`` for None, which callers can't read as JSON, and for what JSON has no form for.
    """
    status = _OK
    extra: Mapping[str, str] = {}
    if isinstance(result, tuple):
        if len(result) == 3:
            result, status, extra = result
        elif len(result) == 2:
            result, status = result
        else:
            raise TypeError(f"a handler returned a tuple of {len(result)} parts")
    if result is None:
        raise TypeError("a handler returned no object")
    body = encode(result)
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    for name, value in extra.items():
        headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return Answer(status=int(status), headers=headers, body=body)

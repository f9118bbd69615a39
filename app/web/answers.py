"""Answers: what a handler returned becomes a status, headers and bytes; and the one JSON encoder of the edge.

Decimals become exact JSON numbers without an exponent, datetimes ISO 8601. Statuses and headers are the handler's; nothing here
decides or rounds anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.decimals import plain

_OK = 200
_JSON = (b"content-type", b"application/json")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
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


def encode(value: Any) -> bytes:
    """``value`` as JSON. Raises ``TypeError`` for types that JSON has no form for, ``ValueError`` for NaN and infinities."""
    encoded = _ENCODER.encode(value)
    # So an exponent or a non-number shows in the text of a Decimal. Text in strings may hold the same; it then only costs time.
    if b"E-" in encoded or b"E+" in encoded or b"NaN" in encoded or b"Infinity" in encoded:
        return _ENCODER.encode(_written_out(msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)))
    return encoded


def _written_out(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written_out(item) for item in value]
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("an answer holds a number that is not finite")
        return msgspec.Raw(plain(value).encode("ascii"))
    return value

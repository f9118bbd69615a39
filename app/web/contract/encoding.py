"""JSON out: the one encoder that every answer goes through, whichever way it was produced.

Decimals become exact JSON numbers without an exponent, datetimes ISO 8601. It must not round, and it knows nothing of HTTP.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from app.domain.decimals import plain
from app.web.contract.decoding import decode

_ENCODER = msgspec.json.Encoder(decimal_format="number")


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


class WireJsonifier:
    """The same encoder in the shape that Connexion's own code expects of its ``jsonifier``."""

    def dumps(self, data: Any, **_options: Any) -> str:
        """``data`` as JSON text."""
        return encode(data).decode("utf-8")

    def loads(self, data: str | bytes) -> Any:
        """The document in ``data``. Raises ``UnreadableBody``."""
        return decode(data.encode("utf-8") if isinstance(data, str) else data)

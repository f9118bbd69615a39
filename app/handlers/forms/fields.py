"""The kinds of fields that the generated schemas are made of: exact numbers, times, and marshmallow's own.

Validation is the YAML's business and has happened before a schema loads anything; a field only converts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow.fields import (
    Boolean,
    Dict,
    Enum,
    Field,
    Float,
    Integer,
    List,
    Nested,
    Raw,
    String,
)

from app.domain.decimals import plain
from app.domain.errors import InvalidArgument

__all__ = [
    "Boolean",
    "DecimalNumber",
    "DecimalText",
    "Dict",
    "Enum",
    "Float",
    "Integer",
    "List",
    "Nested",
    "Raw",
    "String",
    "UnixMilliseconds",
    "UtcDateTime",
]

#: Callers of hummingbot-api send seconds where it reads milliseconds. No order is older than March 1973, so a smaller
#: number can only be seconds.
_SMALLEST_MILLISECONDS = 100_000_000_000


class DecimalNumber(Field[Decimal]):
    """An exact number. It loads as ``Decimal`` and dumps as ``Decimal``, which the JSON encoder writes digit by digit."""


class DecimalText(Field[Decimal]):
    """An exact number as text without an exponent."""

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else plain(value)


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class UtcDateTime(Field[datetime]):
    """A moment as ISO 8601 text in UTC, always with microseconds."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else utc_text(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidArgument(f"{attr} must be a moment with its zone, such as 2026-11-22T09:30:00Z")
        return moment.astimezone(UTC)


class UnixMilliseconds(Field[datetime]):
    """A moment as an integer of Unix milliseconds, or of seconds where it is too small to be milliseconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        seconds = Decimal(value).scaleb(-3) if value >= _SMALLEST_MILLISECONDS else Decimal(value)
        whole, rest = divmod(seconds, 1)
        return datetime.fromtimestamp(int(whole), UTC).replace(microsecond=int(rest * 1_000_000))

"""The fields of an exchange's JSON: exact numbers, times in milliseconds, ids, texts.

A JSON number with a point becomes a ``Decimal`` and never a float. Every function raises ``Unreadable`` where the value is not
what it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from app.connectors.common.answers import Unreadable
from app.connectors.common.clock import instant
from app.domain.decimals import ZERO, bounded, parse_decimal

#: JSON without floats.
DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)

#: The year 9999 in milliseconds: a larger "time" is not one.
_LAST_MS = 253_402_300_799_000


def number(payload: Mapping[str, Any], name: str) -> Decimal:
    """The exact number under ``name``."""
    value = payload.get(name)
    try:
        if isinstance(value, str):
            return parse_decimal(value)
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            return bounded(Decimal(value))
    except ValueError as error:
        raise Unreadable(f"{name} {error}") from error
    raise Unreadable(f"{name} is not a number")


def optional_number(payload: Mapping[str, Any], name: str) -> Decimal | None:
    """The number under ``name``; None where it is absent, empty or zero, where zero means "none"."""
    if payload.get(name) in (None, ""):
        return None
    value = number(payload, name)
    return None if value == ZERO else value


def text(payload: Mapping[str, Any], name: str) -> str:
    """The text under ``name``, which must not be empty."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is not a text")
    return value


def flag(payload: Mapping[str, Any], name: str) -> bool:
    """The truth value under ``name``."""
    value = payload.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is neither true nor false")
    return value


def integer_text(payload: Mapping[str, Any], name: str) -> str:
    """The exchange's id under ``name`` as text: digits only, whether it came as a number or as a string."""
    value = payload.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return value
    raise Unreadable(f"{name} is not an id")


def time(payload: Mapping[str, Any], name: str) -> datetime:
    """The time under ``name``."""
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_MS:
        raise Unreadable(f"{name} is not a time")
    return instant(value)


def optional_time(payload: Mapping[str, Any], *names: str) -> datetime | None:
    """The time under the first of ``names`` that is there; zero means "none"."""
    for name in names:
        if payload.get(name):
            return time(payload, name)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """``value``, which must be a JSON object."""
    if not isinstance(value, dict):
        raise Unreadable(f"an object was expected, not {type(value).__name__}")
    return value


def rows(value: Any) -> list[Mapping[str, Any]]:
    """``value``, which must be a JSON list of objects."""
    if not isinstance(value, list):
        raise Unreadable(f"a list was expected, not {type(value).__name__}")
    return [mapping(row) for row in value]

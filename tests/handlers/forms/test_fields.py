"""The fields that convert between the wire and the domain: exact numbers and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from app.handlers.forms import fields

MOMENT = datetime(2026, 11, 22, 9, 30, 0, 125000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0.1", "1E-18", "123456789012345678.123456789012345678", "0.1000", "-3"])
def test_decimal_number_stays_a_decimal(text: str) -> None:
    """A number passes in both directions as the ``Decimal`` it is."""
    number = Decimal(text)
    assert fields.DecimalNumber().deserialize(number) is number
    assert fields.DecimalNumber().serialize("amount", {"amount": number}) is number


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-8", "0.00000001"), ("1E+2", "100"), ("0.1000", "0.1000"), ("123.45", "123.45"), ("0E-2", "0.00")],
)
def test_decimal_text_has_no_exponent(number: str, text: str) -> None:
    """A number that travels as text is written out."""
    assert fields.DecimalText().serialize("price", {"price": Decimal(number)}) == text


@pytest.mark.parametrize("field", [fields.DecimalText, fields.DecimalNumber, fields.UtcDateTime])
def test_nothing_stays_nothing(field: type[Any]) -> None:
    """What is not known is null, in both directions where null is allowed."""
    assert field().serialize("value", {"value": None}) is None
    assert field(allow_none=True).deserialize(None) is None


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (MOMENT, "2026-11-22T09:30:00.125000+00:00"),
        (MOMENT.replace(microsecond=0), "2026-11-22T09:30:00.000000+00:00"),
        (MOMENT.astimezone(timezone(timedelta(hours=-5))), "2026-11-22T09:30:00.125000+00:00"),
    ],
)
def test_time_is_written_in_utc(moment: datetime, text: str) -> None:
    """A moment is ISO text in UTC with microseconds, so that texts sort as times do."""
    assert fields.UtcDateTime().serialize("at", {"at": moment}) == text


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1795339800125, MOMENT),
        (1795339800000, MOMENT.replace(microsecond=0)),
        (1795339800, MOMENT.replace(microsecond=0)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (1795339800999, MOMENT.replace(microsecond=999000)),
        (32503680000000, datetime(3000, 1, 1, tzinfo=UTC)),
    ],
)
def test_unix_time(value: int, moment: datetime) -> None:
    """An integer is milliseconds, or seconds where it is too small to be milliseconds; no digit of either is lost."""
    assert fields.UnixMilliseconds().deserialize(value) == moment


def test_unix_time_may_be_absent() -> None:
    """A filter without a time does not filter by time."""
    assert fields.UnixMilliseconds(allow_none=True).deserialize(None) is None


def test_names_that_schemas_use() -> None:
    """Everything a generated schema may name is here."""
    assert set(fields.__all__) <= set(vars(fields))

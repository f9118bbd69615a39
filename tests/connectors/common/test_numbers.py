"""Fields of an exchange's JSON: exact, or unreadable."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import (
    DECODER,
    flag,
    integer_text,
    mapping,
    number,
    optional_number,
    optional_time,
    rows,
    text,
    time,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [('"0.10"', "0.10"), ("0.1000000000000000000001", "0.1000000000000000000001"), ("7", "7"), ('"-1e-8"', "-1E-8")],
)
def test_numbers_are_exact(value: str, expected: str) -> None:
    """A text, an integer, or a JSON number with a point."""
    assert str(number(DECODER.decode(f'{{"a": {value}}}'), "a")) == expected


@pytest.mark.parametrize("value", ["NaN", "cheap", "", "1e5000", True, None, [], Decimal("NaN"), 1.5])
def test_what_is_no_number(value: Any) -> None:
    """Neither is what is missing."""
    for payload in ({"a": value}, {}):
        with pytest.raises(Unreadable):
            number(payload, "a")


def test_a_number_that_may_be_missing() -> None:
    """Absent, empty and zero say "none"; anything else must be a number."""
    assert [optional_number(payload, "a") for payload in ({}, {"a": None}, {"a": ""}, {"a": "0.0"})] == [None] * 4
    assert optional_number({"a": "0.5"}, "a") == Decimal("0.5")
    with pytest.raises(Unreadable):
        optional_number({"a": "cheap"}, "a")


def test_times_are_milliseconds() -> None:
    """The first one that is there; a float, a truth value and a time beyond all years are none."""
    assert time({"a": 1}, "a") == datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
    assert optional_time({"a": 0, "b": 2000}, "a", "b") == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert optional_time({"a": 0}, "a", "b") is None
    for value in (-1, 10**15, True, "1", 1.0, None):
        with pytest.raises(Unreadable):
            time({"a": value}, "a")


@pytest.mark.parametrize(("value", "expected"), [(7, "7"), (0, "0"), ("0012", "0012")])
def test_ids_are_digits(value: Any, expected: str) -> None:
    """As a number or as a text, which stays as it is."""
    assert integer_text({"a": value}, "a") == expected


@pytest.mark.parametrize("value", [-1, "-1", "1.0", "", "\u0661", True, None, 1.0])
def test_what_is_no_id(value: Any) -> None:
    """Only digits are."""
    with pytest.raises(Unreadable):
        integer_text({"a": value}, "a")


def test_texts_flags_and_shapes() -> None:
    """Each is what it should be, or unreadable."""
    assert (text({"a": "x"}, "a"), flag({"a": False}, "a")) == ("x", False)
    assert (mapping({"a": 1}), rows([{}, {"a": 1}])) == ({"a": 1}, [{}, {"a": 1}])
    for check, value in ((text, ""), (text, 1), (text, None), (flag, 0), (flag, "true"), (flag, None)):
        with pytest.raises(Unreadable):
            check({"a": value}, "a")
    for shape, value in ((mapping, []), (mapping, None), (rows, {}), (rows, [[]]), (rows, None)):
        with pytest.raises(Unreadable):
            shape(value)

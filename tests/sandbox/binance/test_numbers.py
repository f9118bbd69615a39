"""Tests of numbers on the wire."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.sandbox.binance.numbers import places, wire


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (D(0), "0.00000000"),
        (None, "0.00000000"),
        (D("1E+2"), "100.00000000"),
        (D("0.1000000000"), "0.10000000"),
        (D("1e-18"), "0.000000000000000001"),
        (D("-1.5"), "-1.50000000"),
        (D("123456789012345678.123456789012345678"), "123456789012345678.123456789012345678"),
    ],
)
def test_numbers_have_eight_places_or_all_of_theirs(number: D | None, text: str) -> None:
    """Never an exponent, never less than there is."""
    assert wire(number) == text


def test_places_are_counted_as_written() -> None:
    """Trailing zeros count, as they do for Binance's precision."""
    assert (places(D("1.50")), places(D("100")), places(D("1E+2"))) == (2, 0, 0)

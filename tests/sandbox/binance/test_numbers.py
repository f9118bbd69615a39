"""Tests of numbers, ids and times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from app.paper.pairs import PAIRS
from app.sandbox.binance.numbers import places, wire
from app.sandbox.binance.symbols import Symbols
from app.sandbox.failures import ApiError
from app.sandbox.times import milliseconds, moment


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


def test_ids_count_per_symbol() -> None:
    """Ids of two symbols meet, and each leads back to its own."""
    symbols = Symbols(PAIRS)
    assert symbols.wire_id("BTC-USDT", 2) == symbols.wire_id("ETH-USDT", 1)
    for name in PAIRS:
        assert symbols.paper_id(name, symbols.wire_id(name, 7)) == 7
    assert symbols.pair("ETHBTC").trading_pair == "ETH-BTC"
    with pytest.raises(ApiError) as error:
        symbols.pair("BTC-USDT")
    assert error.value.code == -1121


def test_times_are_milliseconds() -> None:
    """Whole ones, and back again exactly."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC)
    assert milliseconds(at) == 1_767_323_045_678
    assert milliseconds(moment(milliseconds(at))) == milliseconds(at)

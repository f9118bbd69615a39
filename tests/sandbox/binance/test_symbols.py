"""Tests of symbols and ids on the wire."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.paper.pairs import PAIRS
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.symbols import Symbols
from tests.clock import FakeClock


def test_ids_count_per_symbol(clock: FakeClock) -> None:
    """Ids of two symbols meet, and each leads back to its own."""
    symbols = Symbols(PAIRS, clock)
    assert symbols.wire_id("BTC-USDT", 2) == symbols.wire_id("ETH-USDT", 1)
    for name in PAIRS:
        assert symbols.paper_id(name, symbols.wire_id(name, 7)) == 7
    assert symbols.pair("ETHBTC").trading_pair == "ETH-BTC"
    with pytest.raises(ApiError) as error:
        symbols.pair("BTC-USDT")
    assert error.value.code == -1121


def test_a_symbol_is_off_the_list_for_a_while(clock: FakeClock) -> None:
    """Nothing knows it, and then it is there again; its ids stay what they were."""
    symbols = Symbols(PAIRS, clock)
    symbols.delist("BTCUSDT", 3)
    assert "BTCUSDT" not in symbols.pairs
    assert "ETHUSDT" in symbols.pairs
    with pytest.raises(ApiError) as error:
        symbols.pair("BTCUSDT")
    assert error.value.code == -1121
    assert symbols.paper_id("BTC-USDT", symbols.wire_id("BTC-USDT", 7)) == 7
    clock.advance(3)
    assert symbols.pair("BTCUSDT") == PAIRS["BTC-USDT"]


def test_rules_change_for_a_while(clock: FakeClock) -> None:
    """The smallest order is as large as the largest at market, and then what it was."""
    symbols = Symbols(PAIRS, clock)
    symbols.change_rules("BTCUSDT", 3)
    assert symbols.pair("BTCUSDT").min_amount == Decimal(900)
    clock.advance(3)
    assert symbols.pair("BTCUSDT") == PAIRS["BTC-USDT"]

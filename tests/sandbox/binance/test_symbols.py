"""Tests of symbols and ids on the wire."""

from __future__ import annotations

import pytest

from app.paper.pairs import PAIRS
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.symbols import Symbols


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

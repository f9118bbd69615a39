"""Cross rates: direct, reverse, bridged, and always the same from the same prices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from app.domain.markets.rates import RatePool, split_pair

D = Decimal


def pool(**prices: str) -> RatePool:
    return RatePool({name.replace("_", "-"): D(price) for name, price in prices.items()})


@pytest.mark.parametrize(
    ("prices", "trading_pair", "rate"),
    [
        ({"BTC_USDT": "60000"}, "BTC-USDT", "60000"),
        ({"BTC_USDT": "50000"}, "USDT-BTC", "0.00002"),
        ({"BTC_USDT": "60000", "ETH_USDT": "3000"}, "ETH-BTC", "0.05"),
        ({"BTC_USDT": "60000", "ETH_USDT": "3000", "ETH_BTC": "0.051"}, "ETH-BTC", "0.051"),
        ({"A_BTC": "0.5", "BTC_USDT": "100", "B_USDT": "2"}, "A-B", "25"),
        ({"BTC_USDT": "60000"}, "BTC-BTC", "1"),
        ({"BTC_USDT": "60000"}, "BTC-EUR", None),
        ({"BTC_USDT": "60000"}, "X-Y", None),
        ({}, "BTC-USDT", None),
        ({"BTC_USDT": "0"}, "BTC-USDT", None),
        ({"BTC_USDT": "0"}, "USDT-BTC", None),
        ({"A_B": "2", "B_A": "0.4"}, "A-B", "2"),
        ({"A_B": "2", "B_A": "0.4"}, "B-A", "0.4"),
        ({"B_A": "0.4", "A_B": "2"}, "B-A", "0.4"),
    ],
)
def test_rate(prices: Mapping[str, str], trading_pair: str, rate: str | None) -> None:
    """The listed price, its reverse, or the product along the shortest way; None where there is no way."""
    assert pool(**prices).rate(trading_pair) == (None if rate is None else D(rate))


def test_the_bridge_is_the_most_traded_token() -> None:
    """Of two ways of the same length the one over USDT is taken, in whatever order the prices came."""
    prices = {"A_ZZZ": "7", "B_ZZZ": "1", "A_USDT": "6", "B_USDT": "2"}
    assert pool(**prices).rate("A-B") == 3
    assert pool(**dict(reversed(prices.items()))).rate("A-B") == 3


def test_a_division_is_rounded_at_28_digits() -> None:
    """A third does not come out even."""
    assert pool(A_B="3").rate("B-A") == D("0.3333333333333333333333333333")


@pytest.mark.parametrize("name", ["BTCUSDT", "BTC-", "-USDT", "BTC-USDT-SWAP", ""])
def test_a_name_that_is_no_pair(name: str) -> None:
    """Only BASE-QUOTE names two tokens."""
    with pytest.raises(ValueError, match="Expected format: BASE-QUOTE"):
        split_pair(name)
    with pytest.raises(ValueError, match="Expected format"):
        pool(BTC_USDT="1").rate(name)

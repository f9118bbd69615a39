"""``exchangeInfo`` as trading rules, and how the venue keeps them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.binance.rules import perpetual_markets, spot_markets
from app.connectors.common.answers import Unreadable
from app.connectors.common.limits import RateLimit
from tests.connectors.binance.conftest import PAYLOADS


def info(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}_exchange_info.json").read_text())


def test_a_spot_rule_holds_every_filter_that_can_be_checked_here() -> None:
    """Price, lot, market lot and notional; a zero disables its part; unknown filters are left to the exchange."""
    rule = spot_markets(info("spot")).rules["BTC-USDT"]
    assert (rule.min_price, rule.max_price, rule.min_price_increment) == (
        Decimal("0.01"),
        Decimal(1000000),
        Decimal("0.01"),
    )
    assert (rule.min_order_size, rule.max_order_size) == (Decimal("0.00001"), Decimal(9000))
    assert rule.min_base_amount_increment == Decimal("0.00001")
    assert (rule.market_min_order_size, rule.market_max_order_size) == (Decimal("0.00001"), Decimal("121.35670916"))
    assert rule.market_min_base_amount_increment is None
    assert (rule.min_notional_size, rule.min_notional_applies_to_market) == (Decimal(5), True)
    assert (rule.max_notional_size, rule.max_notional_applies_to_market) == (Decimal(9000000), False)
    assert rule.min_quote_amount_increment == Decimal("1e-8")
    assert (rule.is_trading, rule.supports_limit_orders, rule.supports_market_orders) == (True, True, True)
    assert (rule.buy_order_collateral_token, rule.sell_order_collateral_token) == ("USDT", "USDT")


def test_an_older_spot_rule() -> None:
    """MIN_NOTIONAL with its own flag, a market lot with its own step, and a pair on a break."""
    rule = spot_markets(info("spot")).rules["ETH-BTC"]
    assert (rule.min_price, rule.max_price) == (Decimal(0), None)
    assert (rule.market_min_order_size, rule.market_max_order_size) == (Decimal("0.1"), Decimal(500))
    assert rule.market_min_base_amount_increment == Decimal("0.1")
    assert (rule.min_notional_size, rule.min_notional_applies_to_market) == (Decimal("0.0001"), False)
    assert (rule.is_trading, rule.supports_market_orders) == (False, False)


def test_pairs_that_do_not_trade_are_known_all_the_same() -> None:
    """A status that is not TRADING, a new one too, and a pair closed to spot trading are listed as not trading."""
    markets = spot_markets(info("spot"))
    assert not markets.rules["PEPE-USDT"].is_trading
    assert not markets.rules["币安人生-USDT"].is_trading


def test_one_unreadable_symbol_does_not_take_the_others_with_it() -> None:
    """It is named and left out."""
    markets = spot_markets(info("spot"))
    assert "BROKEN-USDT" not in markets.rules
    assert [text.split(":")[0] for text in markets.unreadable] == ["BROKENUSDT"]


def test_both_names_of_a_pair() -> None:
    """Known pairs by the list, unlisted ones by their assets, foreign symbols by themselves."""
    markets = spot_markets(info("spot"))
    assert (markets.symbol("BTC-USDT"), markets.pair("BTCUSDT")) == ("BTCUSDT", "BTC-USDT")
    assert (markets.symbol("GONE-USDT"), markets.pair("GONEUSDT")) == ("GONEUSDT", "GONEUSDT")


def test_perpetual_rules() -> None:
    """A dated future with the same assets is not mistaken for the perpetual."""
    markets = perpetual_markets(info("perpetual"))
    assert set(markets.rules) == {"BTC-USDT", "OLD-USDT"}
    assert markets.symbols["BTC-USDT"] == "BTCUSDT"
    assert markets.pair("BTCUSDT_261225") == "BTCUSDT_261225"
    rule = markets.rules["BTC-USDT"]
    assert (rule.min_price_increment, rule.max_order_size, rule.market_max_order_size) == (
        Decimal("0.1"),
        Decimal(1000),
        Decimal(120),
    )
    assert rule.min_notional_size == Decimal(100)
    assert not rule.notional_applies_to_reduce_only
    assert not markets.rules["OLD-USDT"].is_trading


@pytest.mark.parametrize("minimum", [True, False, None])
@pytest.mark.parametrize("maximum", [True, False, None])
def test_each_notional_limit_says_whether_it_binds_market_orders(minimum: bool | None, maximum: bool | None) -> None:
    """Both limits are always kept, each with its own flag; without one it binds."""
    flags = {"applyMinToMarket": minimum, "applyMaxToMarket": maximum}
    both = {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9"}
    both |= {name: flag for name, flag in flags.items() if flag is not None}
    row = {"symbol": "ABUSD", "baseAsset": "AB", "quoteAsset": "USD", "status": "TRADING", "filters": [both]}
    rule = spot_markets({"symbols": [row]}).rules["AB-USD"]
    assert (rule.min_notional_size, rule.max_notional_size) == (Decimal(5), Decimal(9))
    assert rule.min_notional_applies_to_market is (minimum is not False)
    assert rule.max_notional_applies_to_market is (maximum is not False)


def test_rate_limits_are_read_and_unknown_kinds_left_out() -> None:
    """Weight and orders, named as their headers are."""
    assert spot_markets(info("spot")).rate_limits == (
        RateLimit(header="x-mbx-used-weight-1m", window_ms=60_000, limit=6000),
        RateLimit(header="x-mbx-order-count-10s", window_ms=10_000, limit=100),
        RateLimit(header="x-mbx-order-count-1d", window_ms=86_400_000, limit=200_000),
    )


@pytest.mark.parametrize(
    "answer", [[], {}, {"symbols": None}, {"symbols": ["BTCUSDT"]}, {"symbols": [], "rateLimits": 7}]
)
def test_what_is_no_exchange_info(answer: Any) -> None:
    """A different shape is unreadable, not an empty market."""
    with pytest.raises(Unreadable):
        spot_markets(answer)


def test_a_negative_bound_is_unreadable() -> None:
    """Bounds are sizes."""
    lot = {"filterType": "LOT_SIZE", "minQty": "-1", "maxQty": "1", "stepSize": "1"}
    row = {"symbol": "ABUSD", "baseAsset": "AB", "quoteAsset": "USD", "status": "TRADING", "filters": [lot]}
    assert spot_markets({"symbols": [row]}).unreadable == ("ABUSD: minQty is negative",)


@pytest.mark.parametrize("contract_type", ["PERPETUAL", "TRADIFI_PERPETUAL", "PERPETUAL_DELIVERING"])
@pytest.mark.parametrize(
    "status", ["TRADING", "PENDING_TRADING", "PRE_SETTLE", "SETTLING", "PRE_DELIVERING", "CLOSE", "LIMBO"]
)
def test_a_perpetual_stays_the_same_pair_whatever_becomes_of_it(contract_type: str, status: str) -> None:
    """A contract that is wound up changes its type and its status, not its name; only one that is trading takes orders."""
    info = json.loads((PAYLOADS / "perpetual_exchange_info.json").read_text(), parse_float=Decimal)
    retyped = [
        {**row, "contractType": contract_type, "status": status} if row["symbol"] == "BTCUSDT" else row
        for row in info["symbols"]
    ]
    markets = perpetual_markets({**info, "symbols": retyped})
    assert (markets.pair("BTCUSDT"), markets.symbol("BTC-USDT")) == ("BTC-USDT", "BTCUSDT")
    assert markets.rules["BTC-USDT"].is_trading == (status == "TRADING")


@pytest.mark.parametrize(
    "contract_type", ["CURRENT_QUARTER", "NEXT_QUARTER", "CURRENT_QUARTER_DELIVERING", "", None, 7]
)
def test_what_is_no_perpetual_is_left_out(contract_type: object) -> None:
    """Dated futures share names with perpetuals."""
    info = json.loads((PAYLOADS / "perpetual_exchange_info.json").read_text(), parse_float=Decimal)
    retyped = [{**row, "contractType": contract_type} for row in info["symbols"] if row["symbol"] == "BTCUSDT"]
    assert perpetual_markets({**info, "symbols": retyped}).rules == {}

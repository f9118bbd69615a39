"""Row 32 of the official client's calls: the rate oracle, which 1.5.1 still knows."""

from __future__ import annotations

import pytest
from hummingbot_api_client import HummingbotAPIClient


async def test_sources_and_configuration(client: HummingbotAPIClient) -> None:
    """A source can be read and chosen, and the choice is stored."""
    oracle = client.rate_oracle
    sources = await oracle.get_available_sources()
    assert "paper" in sources
    config = await oracle.get_config()
    assert config["available_sources"] == sources
    assert config["global_token"] == {"global_token_name": "USDT", "global_token_symbol": "$"}
    changed = await oracle.update_config(rate_oracle_source="paper")
    assert changed["success"] is True
    assert (await oracle.get_config())["rate_oracle_source"] == {"name": "paper"}


async def test_rates_and_prices(client: HummingbotAPIClient) -> None:
    """Rates of several pairs, of one, and all prices; what can't be had is null."""
    oracle = client.rate_oracle
    rates = await oracle.get_rates(["BTC-USDT", "NO-PAIR"])
    assert rates["rates"]["BTC-USDT"] > 0
    assert rates["rates"]["NO-PAIR"] is None
    for rate in (await oracle.get_rate("ETH-BTC"), await oracle.get_rate_async("ETH-BTC")):
        assert rate["trading_pair"] == "ETH-BTC"
        assert 0 < rate["rate"] < 1
    prices = await oracle.get_cached_prices()
    assert prices["prices_count"] == len(prices["prices"])
    assert prices["prices"]["BTC-USDT"] == pytest.approx(rates["rates"]["BTC-USDT"], rel=0.05)

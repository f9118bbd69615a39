"""Row 31 of the official client's calls: tickers and rates, since 1.5.9."""

from __future__ import annotations

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient


async def test_tickers_and_rates(client: HummingbotAPIClient) -> None:
    """Row 31: tickers by connector, and cross rates with null for what can't be had."""
    market = client.market_data
    for tickers in (await market.get_tickers(), await market.get_tickers(["paper"], refresh=True, max_age=5)):
        assert {"price", "base_volume", "quote_volume", "timestamp"} == set(tickers["tickers"]["paper"]["BTC-USDT"])
        assert tickers["counts"]["paper"] == len(tickers["tickers"]["paper"])
        assert tickers["errors"] == {}
    rates = await market.get_rates(["ETH-BTC", "BTC-ETH", "NO-PAIR"])
    assert (rates["quote_token"], rates["connector"], rates["rates"]["NO-PAIR"]) == ("USDT", None, None)
    assert rates["rates"]["ETH-BTC"] * rates["rates"]["BTC-ETH"] == pytest.approx(1)
    assert (await market.get_rates("ETH-BTC", connector="paper"))["connector"] == "paper"


async def test_tickers_of_an_unknown_connector(client: HummingbotAPIClient) -> None:
    """What the server answers in ``detail`` is the message of the client's exception."""
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await client.market_data.get_tickers("nope")
    assert (refused.value.status, refused.value.message) == (404, "Connector 'nope' not found")

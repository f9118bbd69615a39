"""The official client asks for market data, on paper and on Binance, and gets what it expects: rows 26 to 31 of its calls."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from hummingbot_api_client import HummingbotAPIClient

pytestmark = pytest.mark.usefixtures("binance_keys")

QUERY_KEYS = {
    "trading_pair", "is_buy", "query_volume", "query_price", "result_price", "result_volume", "result_quote_volume",
    "average_price", "timestamp",
}  # fmt: skip
CANDLE_KEYS = {
    "timestamp", "open", "high", "low", "close", "volume", "quote_asset_volume", "n_trades", "taker_buy_base_volume",
    "taker_buy_quote_volume",
}  # fmt: skip


@pytest.fixture(params=["paper", "binance", "paper_perpetual", "binance_perpetual"])
def connector(request: pytest.FixtureRequest) -> str:
    """Every connector in turn: market data is the same for spot and perpetuals."""
    return str(request.param)


async def test_prices_of_one_pair_and_of_several(client: HummingbotAPIClient, connector: str) -> None:
    """Row 26: a text or a list, a number for each."""
    one: Any = await client.market_data.get_prices(connector, "BTC-USDT")
    several: Any = await client.market_data.get_prices(connector, ["BTC-USDT", "ETH-USDT"])
    assert set(one) == {"connector", "prices", "timestamp", "errors"}
    assert isinstance(one["prices"]["BTC-USDT"], float)
    assert set(several["prices"]) == {"BTC-USDT", "ETH-USDT"}
    assert abs(one["timestamp"] - time.time()) < 60


async def test_order_book_and_its_five_queries(client: HummingbotAPIClient, connector: str) -> None:
    """Row 27: best first, nine keys, and both quote-volume queries work."""
    market = client.market_data
    book: Any = await market.get_order_book(connector, "BTC-USDT", depth=5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert book["bids"][0]["price"] < book["asks"][0]["price"]
    answers: list[Any] = [
        await market.get_price_for_volume(connector, "BTC-USDT", volume=0.5, is_buy=True),
        await market.get_volume_for_price(connector, "BTC-USDT", price=book["asks"][4]["price"] * 1.001, is_buy=True),
        await market.get_vwap_for_volume(connector, "BTC-USDT", volume=0.5, is_buy=True),
        await market.get_price_for_quote_volume(connector, "BTC-USDT", quote_volume=5000.0, is_buy=True),
        await market.get_quote_volume_for_price(
            connector, "BTC-USDT", price=book["asks"][4]["price"] * 1.001, is_buy=True
        ),
    ]
    assert all(set(answer) == QUERY_KEYS for answer in answers)
    results = ("result_price", "result_volume", "average_price", "result_price", "result_quote_volume")
    assert all(answer[name] > 0 for answer, name in zip(answers, results, strict=True))


async def test_candles(client: HummingbotAPIClient, connector: str) -> None:
    """Row 28: arrays of candles, the last ones, between two moments and of the last days; without both times 422."""
    market = client.market_data
    now = int(time.time())
    last: Any = await market.get_candles(connector, "BTC-USDT", interval="1m", max_records=10)
    between: Any = await market.get_historical_candles(
        connector, "BTC-USDT", "1h", start_time=now - 86_400, end_time=now
    )
    days: Any = await market.get_candles_last_days(connector, "BTC-USDT", days=2, interval="4h")
    assert [len(last), len(between), len(days)] == [10, 24, 12]
    for rows, step in ((last, 60), (between, 3_600), (days, 14_400)):
        assert all(set(row) == CANDLE_KEYS for row in rows)
        assert {after["timestamp"] - before["timestamp"] for before, after in pairwise(rows)} == {step}
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await market.get_historical_candles(connector, "BTC-USDT", "1h")
    assert refused.value.status == 422


async def test_lists_and_settings(client: HummingbotAPIClient, connector: str) -> None:
    """Row 29: an array, an object by feed, an object."""
    market = client.market_data
    assert connector in await market.get_available_candle_connectors()
    await market.get_order_book(connector, "BTC-USDT")
    feeds = await market.get_active_feeds()
    assert {"feed_type", "last_access_time", "seconds_since_access", "will_expire_in", "config"} == set(
        feeds[f"order_book_{connector}_BTC-USDT_100"]
    )
    assert {"cleanup_interval": 300, "feed_timeout": 600}.items() <= (await market.get_market_data_settings()).items()


async def test_pairs_and_diagnostics(client: HummingbotAPIClient, connector: str) -> None:
    """Row 30: add, look, restart, remove; success is true."""
    market = client.market_data
    added = await market.add_trading_pair(connector, "SOL-USDT", account_name="master_account", timeout=30)
    assert (added["success"], added["message"]) == (True, "Order book initialized for SOL-USDT")
    assert "SOL-USDT" in (await market.get_order_book_diagnostics(connector, "master_account"))["trading_pairs"]
    restarted = await market.restart_order_book_tracker(connector)
    assert restarted["success"]
    assert "SOL-USDT" in restarted["trading_pairs"]
    assert (await market.remove_trading_pair(connector, "SOL-USDT"))["success"]


Call = Callable[[HummingbotAPIClient], Awaitable[Any]]


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        (
            lambda c: c.market_data.get_funding_info("paper", "BTC-USDT"),
            400,
            "only available for perpetual trading pairs",
        ),
        (lambda c: c.market_data.get_prices("nope", "BTC-USDT"), 404, "Connector 'nope' not found"),
        (lambda c: c.market_data.get_prices("paper", "NO-PAIR"), 400, "Trading pair 'NO-PAIR' not supported"),
        (lambda c: c.market_data.get_candles("nope", "BTC-USDT"), 400, "Unsupported connector 'nope'."),
        (lambda c: c.market_data.get_candles("paper", "BTCUSDT"), 400, "Expected format: BASE-QUOTE"),
    ],
)
async def test_errors_reach_the_client(client: HummingbotAPIClient, call: Call, status: int, message: str) -> None:
    """What the server answers in ``detail`` is the message of the client's exception."""
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await call(client)
    assert refused.value.status == status
    assert message in refused.value.message

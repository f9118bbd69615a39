"""Tests of the public endpoints, and that snapshots and differences of a book fit together."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal as D
from itertools import pairwise

import pytest

from tests.clock import FakeClock
from tests.sandbox.binance.client import RawClient


async def test_the_clock_is_the_exchanges(client: RawClient, clock: FakeClock) -> None:
    """Time moves when the exchange's does."""
    before = (await client.get("/api/v3/time")).json["serverTime"]
    clock.advance(5)
    assert (await client.get("/api/v3/time")).json["serverTime"] == before + 5_000
    assert (await client.get("/api/v3/ping")).json == {}


async def test_exchange_info_has_the_pairs_rules(client: RawClient) -> None:
    """All filters, the limits, and by symbol or symbols."""
    info = (await client.get("/api/v3/exchangeInfo", symbol="BTCUSDT")).json
    filters = {each["filterType"]: each for each in info["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"] == {
        "filterType": "LOT_SIZE",
        "minQty": "0.00001000",
        "maxQty": "9000.00000000",
        "stepSize": "0.00001000",
    }
    assert (filters["MARKET_LOT_SIZE"]["maxQty"], filters["MARKET_LOT_SIZE"]["stepSize"]) == (
        "900.00000000",
        "0.00000000",
    )
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert {each["rateLimitType"] for each in info["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}
    two = (await client.get("/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHBTC"]')).json["symbols"]
    assert [each["symbol"] for each in two] == ["BTCUSDT", "ETHBTC"]
    assert len((await client.get("/api/v3/exchangeInfo")).json["symbols"]) > 10
    assert (await client.get("/api/v3/exchangeInfo", symbol="A")).error[0] == -1121
    assert (await client.get("/api/v3/exchangeInfo", symbol="BTCUSDT", symbols='["ETHBTC"]')).error[0] == -1128


@pytest.mark.parametrize(
    ("limit", "weight", "levels"), [(5, 5, 5), (100, 5, 100), (101, 25, 101), (1_000, 50, None), (5_000, 250, None)]
)
async def test_a_book_weighs_by_its_depth(client: RawClient, limit: int, weight: int, levels: int | None) -> None:
    """And users' orders stand in it."""
    await client.place(price="64990", quantity="0.12345")
    before = int((await client.get("/api/v3/ping")).headers["X-MBX-USED-WEIGHT-1M"])
    reply = await client.get("/api/v3/depth", symbol="BTCUSDT", limit=limit)
    assert int(reply.headers["X-MBX-USED-WEIGHT-1M"]) - before == weight
    assert levels is None or len(reply.json["bids"]) == levels
    if limit > 5:
        assert ["64990.00000000", "0.12345000"] in reply.json["bids"]


async def test_candles_trades_and_tickers(client: RawClient, clock: FakeClock) -> None:
    """Each in its form, by its parameters."""
    klines = (await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=3)).json
    assert [later[0] - earlier[0] for earlier, later in pairwise(klines)] == [60_000] * 2
    since = klines[0][0]
    first = (await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=since, limit=1)).json
    assert first == klines[:1]
    assert (await client.get("/api/v3/klines", symbol="BTCUSDT", interval="7m")).error == (-1120, "Invalid interval.")
    assert (await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=0)).error[0] == -1102
    trades = (await client.get("/api/v3/trades", symbol="BTCUSDT", limit=3)).json
    older = (await client.get("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=trades[1]["id"], limit=1)).json
    assert older == [trades[1]]
    aggregates = (await client.get("/api/v3/aggTrades", symbol="BTCUSDT", startTime=trades[1]["time"])).json
    assert [each["a"] for each in aggregates] == [trade["id"] for trade in trades[1:]]
    for name in ("24hr", "price", "bookTicker"):
        assert (await client.get(f"/api/v3/ticker/{name}", symbol="BTCUSDT")).json["symbol"] == "BTCUSDT"
        both = (await client.get(f"/api/v3/ticker/{name}", symbols='["BTCUSDT","ETHUSDT"]')).json
        assert [each["symbol"] for each in both] == ["BTCUSDT", "ETHUSDT"]
    ticker = (await client.get("/api/v3/ticker/24hr", symbol="BTCUSDT")).json
    assert D(ticker["lowPrice"]) <= D(ticker["lastPrice"]) <= D(ticker["highPrice"])
    assert D(ticker["bidPrice"]) < 65_000 < D(ticker["askPrice"])
    assert D((await client.get("/api/v3/avgPrice", symbol="BTCUSDT")).json["price"]) > 0


@pytest.mark.parametrize(
    ("interval", "opens_at", "closes_at"),
    [
        ("1s", "2026-01-02T03:04:05", "2026-01-02T03:04:06"),
        ("3d", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("1w", "2025-12-29T00:00:00", "2026-01-05T00:00:00"),
        ("1M", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
    ],
)
async def test_candles_of_seconds_weeks_and_months(
    client: RawClient, interval: str, opens_at: str, closes_at: str
) -> None:
    """Weeks begin on Mondays, months on their first day; neighbours touch, and there are none before 1970."""

    def ms(text: str) -> int:
        return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1_000

    before, current = (await client.get("/api/v3/klines", symbol="BTCUSDT", interval=interval, limit=2)).json
    assert (current[0], current[6]) == (ms(opens_at), ms(closes_at) - 1)
    assert before[6] + 1 == current[0]
    asked = {"symbol": "BTCUSDT", "interval": interval, "startTime": before[0] + 1}
    assert (await client.get("/api/v3/klines", **asked)).json == [current]
    oldest = (await client.get("/api/v3/klines", **{**asked, "startTime": 0, "limit": 1})).json
    assert 0 <= oldest[0][0] < 7 * 86_400_000


async def test_tickers_of_windows_and_of_today(client: RawClient) -> None:
    """A window begins with a minute, a day at midnight; the trades in between are what the candles have."""
    minutes = (await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=3)).json
    window = (await client.get("/api/v3/ticker", symbol="BTCUSDT", windowSize="2m")).json
    assert (window["openTime"], window["closeTime"]) == (minutes[0][0], client.now_ms)
    assert (window["count"], window["lastId"] - window["firstId"] + 1) == (126, 126)
    assert window["openPrice"] == minutes[0][1]
    assert D(window["priceChange"]) == D(window["lastPrice"]) - D(window["openPrice"])
    today = (await client.get("/api/v3/ticker/tradingDay", symbols='["BTCUSDT","ETHUSDT"]', type="MINI")).json
    assert [each["symbol"] for each in today] == ["BTCUSDT", "ETHUSDT"]
    assert {(each["openTime"] % 86_400_000, "priceChange" in each) for each in today} == {(0, False)}
    assert "priceChange" not in (await client.get("/api/v3/ticker/24hr", symbol="BTCUSDT", type="MINI")).json


@pytest.mark.parametrize("size", ["0m", "60m", "24h", "8d", "1w", "h", "٣h"])
async def test_a_window_has_a_size(client: RawClient, size: str) -> None:
    """Of minutes, hours or days, within bounds; and a ticker of a symbol."""
    assert (await client.get("/api/v3/ticker", symbol="BTCUSDT", windowSize=size)).error[0] == -1102
    assert (await client.get("/api/v3/ticker")).error[0] == -1102

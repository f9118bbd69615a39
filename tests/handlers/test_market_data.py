"""Market data over HTTP: the contract's keys, types, codes and texts, on the real application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.concurrency.cached import Cached
from app.handlers.forms.market_views import feed_row, seconds_of, unix_seconds
from app.services.markets.readings import Reading, ReadingKey
from app.web.application import create_app
from tests.clock import START, FakeClock
from tests.connectors.binance.conftest import PAYLOADS
from tests.connectors.stub import Reply, StubExchange, error, reply
from tests.gateways import opened_gateway
from tests.handlers.contract import checked
from tests.web.conftest import basic, client_of

PAIR = "BTC-USDT"
PAPER = {"connector_name": "paper", "trading_pair": PAIR}
NOW = int(START.timestamp())
QUERY_KEYS = {
    "trading_pair", "is_buy", "query_volume", "query_price", "result_price", "result_volume", "result_quote_volume",
    "average_price", "timestamp",
}  # fmt: skip
CANDLE_KEYS = {
    "timestamp", "open", "high", "low", "close", "volume", "quote_asset_volume", "n_trades", "taker_buy_base_volume",
    "taker_buy_quote_volume",
}  # fmt: skip


async def post(client: httpx.AsyncClient, path: str, /, **body: Any) -> Any:
    """The checked answer to a body, which must be 200."""
    response = await client.post(f"/market-data{path}", json=body)
    assert response.status_code == 200, response.text
    return checked(response, f"/market-data{path}")


async def get(client: httpx.AsyncClient, path: str, template: str | None = None, **query: Any) -> Any:
    """The checked answer to a question, which must be 200."""
    response = await client.get(f"/market-data{path}", params=query)
    assert response.status_code == 200, response.text
    return checked(response, f"/market-data{template or path}")


async def problem(client: httpx.AsyncClient, path: str, /, **body: Any) -> tuple[int, str]:
    """Status and detail of a refusal, which must be one that the contract declares."""
    response = await client.post(f"/market-data{path}", json=body)
    assert response.status_code >= 400, response.text
    return response.status_code, str(checked(response, f"/market-data{path}")["detail"])


# -- prices and books -----------------------------------------------------------------------------------------------------


async def test_prices(client: httpx.AsyncClient) -> None:
    """A number for each pair, and when they were asked for."""
    answer = await post(client, "/prices", connector_name="paper", trading_pairs=[PAIR, "ETH-BTC"])
    assert answer["connector"] == "paper"
    assert list(answer["prices"]) == [PAIR, "ETH-BTC"]
    assert answer["prices"]["ETH-BTC"] > 0
    assert answer["timestamp"] == NOW
    assert (await post(client, "/prices", connector_name="paper", trading_pairs=[]))["prices"] == {}


async def test_order_book(client: httpx.AsyncClient) -> None:
    """As many levels as asked for, ten by default, best first on both sides."""
    answer = await post(client, "/order-book", **PAPER)
    assert set(answer) == {"trading_pair", "bids", "asks", "timestamp"}
    bids, asks = ([level["price"] for level in answer[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == 10
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len((await post(client, "/order-book", **PAPER, depth=3))["bids"]) == 3


async def test_order_book_queries(client: httpx.AsyncClient) -> None:
    """All five have all nine keys; what a query is not about is null; and they agree with the book and with each other."""
    book = await post(client, "/order-book", **PAPER, depth=100)
    best = book["asks"][0]
    queries = {
        "price-for-volume": ({"volume": "0.5"}, {"query_volume", "result_price", "result_volume"}),
        "vwap-for-volume": ({"volume": 0.5}, {"query_volume", "average_price", "result_volume"}),
        "price-for-quote-volume": (
            {"quote_volume": 50},
            {"query_volume", "result_price", "result_volume", "result_quote_volume"},
        ),
        "volume-for-price": ({"price": best["price"]}, {"query_price", "result_price", "result_volume"}),
        "quote-volume-for-price": (
            {"price": best["price"]},
            {"query_price", "result_price", "result_volume", "result_quote_volume"},
        ),
    }
    for name, (asked, filled) in queries.items():
        asked = {key: float(value) if isinstance(value, Decimal) else value for key, value in asked.items()}
        answer = await post(client, f"/order-book/{name}", **PAPER, is_buy=True, **asked)
        assert set(answer) == QUERY_KEYS, name
        assert (answer["trading_pair"], answer["is_buy"]) == (PAIR, True)
        assert {
            key for key in QUERY_KEYS - {"trading_pair", "is_buy", "timestamp"} if answer[key] is not None
        } == filled
    quote = await post(client, "/order-book/price-for-quote-volume", **PAPER, is_buy=True, quote_volume=50)
    assert (quote["query_volume"], quote["result_price"], quote["result_quote_volume"]) == (50, best["price"], 50)
    standing = await post(client, "/order-book/volume-for-price", **PAPER, is_buy=True, price=float(best["price"]))
    assert standing["result_volume"] == best["amount"]


async def test_a_volume_that_no_book_holds_has_no_price(client: httpx.AsyncClient) -> None:
    """Null instead of the price of the last level; the volume says how much there is."""
    for name, asked in (
        ("price-for-volume", {"volume": 10**9}),
        ("vwap-for-volume", {"volume": 10**9}),
        ("price-for-quote-volume", {"quote_volume": 10**15}),
    ):
        answer = await post(client, f"/order-book/{name}", **PAPER, is_buy=False, **asked)
        assert answer["result_price"] is None
        assert answer["average_price"] is None
        assert 0 < answer["result_volume"] < 10**9


async def test_numbers_are_exact(client: httpx.AsyncClient) -> None:
    """What the exchange says is written digit by digit, without an exponent."""
    body = {**PAPER, "is_buy": True, "volume": "0.00000000000000000001"}
    response = await client.post("/market-data/order-book/price-for-volume", json=body)
    assert b'"query_volume":0.00000000000000000001,' in response.content
    assert b'"result_volume":0.00000000000000000001,' in response.content


# -- what can be wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/prices", {"connector_name": "nope", "trading_pairs": [PAIR]}, 404, "Connector 'nope' not found"),
        ("/prices", {"connector_name": "dexalot", "trading_pairs": [PAIR]}, 501, "can't trade on it: the library"),
        ("/prices", {"connector_name": "paper", "trading_pairs": ["NO-PAIR"]}, 400, "'NO-PAIR' not supported on paper"),
        ("/prices", {"connector_name": "paper"}, 422, "trading_pairs"),
        ("/order-book", {**PAPER, "depth": 0}, 422, "depth"),
        ("/order-book", {**PAPER, "depth": 1001}, 422, "depth"),
        ("/order-book", {**PAPER, "trading_pair": "NO-PAIR"}, 400, "'NO-PAIR' not supported on paper"),
        ("/order-book/price-for-volume", {**PAPER, "is_buy": True, "volume": 0}, 422, "volume"),
        ("/order-book/price-for-volume", {**PAPER, "is_buy": True}, 422, "volume"),
        ("/order-book/price-for-volume", {**PAPER, "volume": 1}, 422, "is_buy"),
        ("/funding-info", PAPER, 400, "Funding info is only available for perpetual trading pairs."),
        ("/candles", {**PAPER, "connector_name": "nope"}, 400, "Unsupported connector 'nope'. Available connectors: ["),
        ("/candles", {**PAPER, "trading_pair": "BTCUSDT"}, 400, "Invalid trading pair format 'BTCUSDT'."),
        ("/candles", {**PAPER, "interval": "7m"}, 400, "7m"),
        ("/candles", {**PAPER, "max_records": 0}, 422, "max_records"),
        ("/historical-candles", PAPER, 422, "start_time"),
        ("/historical-candles", {**PAPER, "start_time": NOW + 9000, "end_time": NOW + 9999}, 404, "No historical data"),
        ("/historical-candles", {**PAPER, "start_time": 5, "end_time": 4}, 400, "start_time must not be after"),
        ("/historical-candles", {**PAPER, "start_time": 0, "end_time": NOW}, 400, "More than 50000 candles of 1m"),
        ("/rates", {"trading_pairs": ["BTCUSDT"]}, 400, "Expected format: BASE-QUOTE"),
        ("/trading-pair/add", {**PAPER, "account_name": "nobody"}, 404, "Account 'nobody' not found"),
        ("/trading-pair/add", {**PAPER, "timeout": 121}, 422, "timeout"),
        ("/trading-pair/add", {**PAPER, "trading_pair": "NO-PAIR"}, 400, "'NO-PAIR' not supported on paper"),
    ],
)
async def test_a_callers_mistake_is_named(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, detail: str
) -> None:
    """A mistake of the caller's is a 4xx that says what to change, never a 500."""
    found = await problem(client, path, **body)
    assert found[0] == status
    assert detail in found[1]


async def test_an_exchange_in_trouble_is_told(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """A failing exchange is 502 and no empty success."""
    stub.script("GET", "/api/v3/depth", error(500, -1000, "internal"))
    status, _ = await problem(client, "/order-book", connector_name="binance", trading_pair=PAIR)
    assert status in (502, 503)


@pytest.fixture
async def perpetual(
    stub: StubExchange, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway whose Binance futures are the stand-in."""
    stub.script("GET", "/fapi/v1/time", reply({"serverTime": 1_795_000_000_000}))
    stub.script("GET", "/fapi/v1/exchangeInfo", Reply(body=(PAYLOADS / "perpetual_exchange_info.json").read_bytes()))
    url = {"ORDERGATE_BINANCE_PERPETUAL_REST_URL": f"{stub.url}/fapi"}
    directory = tmp_path / "perpetual"
    directory.mkdir()
    async with opened_gateway(directory, sqlite_template, clock, connector_urls=url, password="p") as gateway:
        await gateway.users.start()
        async with client_of(create_app(gateway), Authorization=basic("admin", "p")) as client:
            yield client


async def test_funding_info(perpetual: httpx.AsyncClient, stub: StubExchange) -> None:
    """The terms as the exchange states them, the time in seconds; what it leaves out is null."""
    row = {"symbol": "BTCUSDT", "markPrice": "60125.10", "indexPrice": "60120.80", "lastFundingRate": "0.00010000"}
    stub.script("GET", "/fapi/v1/premiumIndex", reply({**row, "nextFundingTime": 1_795_003_200_000}))
    answer = await post(perpetual, "/funding-info", connector_name="binance_perpetual", trading_pair=PAIR)
    assert answer == {
        "trading_pair": PAIR,
        "funding_rate": Decimal("0.0001"),
        "next_funding_time": 1_795_003_200,
        "mark_price": Decimal("60125.10"),
        "index_price": Decimal("60120.80"),
    }


# -- candles ----------------------------------------------------------------------------------------------------------------


async def test_candles(client: httpx.AsyncClient) -> None:
    """Ten keys each, oldest first, opened on the minute."""
    rows = await post(client, "/candles", **PAPER, interval="1m", max_records=5)
    assert [row["timestamp"] for row in rows] == [NOW - NOW % 60 - 60 * age for age in (4, 3, 2, 1, 0)]
    assert all(set(row) == CANDLE_KEYS for row in rows)
    assert all(row["low"] <= min(row["open"], row["close"]) <= row["high"] for row in rows)


@pytest.mark.parametrize("asked", [5001, 43_200, 2**63 - 1])
async def test_more_candles_than_one_answer_holds(client: httpx.AsyncClient, asked: int) -> None:
    """Callers ask for a month of minutes: they get the end of it."""
    rows = await post(client, "/candles", **PAPER, interval="1m", max_records=asked)
    assert (len(rows), rows[-1]["timestamp"]) == (5000, NOW - NOW % 60)


@pytest.mark.parametrize("unit", [1, 1000])
async def test_historical_candles(client: httpx.AsyncClient, unit: int) -> None:
    """From start to end, in seconds or milliseconds."""
    hour = NOW - NOW % 3600
    asked = {"start_time": (hour - 7200) * unit, "end_time": hour * unit}
    rows = await post(client, "/historical-candles", **PAPER, interval="1h", **asked)
    assert [row["timestamp"] for row in rows] == [hour - 7200, hour - 3600, hour]


async def test_available_candle_connectors(client: httpx.AsyncClient) -> None:
    """Only those that have candles."""
    names = await get(client, "/available-candle-connectors")
    assert names == sorted(names)
    assert {"binance", "paper"} <= set(names)


# -- feeds ------------------------------------------------------------------------------------------------------------------


async def test_feeds_appear_on_demand_and_go(client: httpx.AsyncClient, clock: FakeClock) -> None:
    """What was asked for is active until ten minutes without a caller."""
    assert await get(client, "/active-feeds") == {}
    await post(client, "/candles", **PAPER, max_records=5)
    clock.advance(1.5)
    await post(client, "/order-book", **PAPER)
    feeds = await get(client, "/active-feeds")
    assert feeds == {
        "candles_paper_BTC-USDT_1m_100": {
            "feed_type": "candles",
            "last_access_time": NOW,
            "seconds_since_access": Decimal("1.5"),
            "will_expire_in": Decimal("598.5"),
            "config": {"connector_name": "paper", "trading_pair": PAIR, "interval": "1m", "max_records": 100},
        },
        "order_book_paper_BTC-USDT_100": {
            "feed_type": "order_book",
            "last_access_time": NOW + Decimal("1.5"),
            "seconds_since_access": 0,
            "will_expire_in": 600,
            "config": {"connector_name": "paper", "trading_pair": PAIR, "depth": 100},
        },
    }
    clock.advance(600)
    assert await get(client, "/active-feeds") == {}


async def test_settings(client: httpx.AsyncClient) -> None:
    """The numbers that callers know."""
    answer = await get(client, "/settings")
    assert (answer["cleanup_interval"], answer["feed_timeout"]) == (300, 600)
    assert "600 seconds" in answer["description"]


async def test_pairs_and_books(client: httpx.AsyncClient) -> None:
    """A pair is added, seen, read anew and removed; removing it again is no success and no error."""
    diagnostics, restart = "/order-book/diagnostics/{connector_name}", "/order-book/restart/{connector_name}"
    added = await post(client, "/trading-pair/add", **PAPER, account_name="master_account", timeout=5)
    assert added == {"success": True, **PAPER, "message": "Order book initialized for BTC-USDT"}

    seen = await get(client, "/order-book/diagnostics/paper", diagnostics, account_name="master_account")
    assert (seen["account_name"], seen["trading_pairs"]) == ("master_account", [PAIR])
    health = seen["order_books"]["order_book_paper_BTC-USDT_100"]
    assert (health["bid_levels"], health["ask_levels"], health["questions"], health["error"]) == (100, 100, 1, None)
    assert health["best_bid"] < health["best_ask"]

    response = await client.post("/market-data/order-book/restart/paper", headers={"content-type": "text/plain"})
    assert checked(response, f"/market-data{restart}") == {
        "success": True,
        "message": "Order books of paper read anew: 1",
        "trading_pairs": [PAIR],
        "errors": {},
    }
    removed = [await post(client, "/trading-pair/remove", **PAPER) for _ in range(2)]
    assert [answer["success"] for answer in removed] == [True, False]
    assert (await get(client, "/order-book/diagnostics/paper", diagnostics))["trading_pairs"] == []


async def test_diagnostics_of_a_failing_book(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """They say what is wrong."""
    stub.script("GET", "/api/v3/depth", error(500, -1000, "internal"))
    await client.post("/market-data/order-book", json={"connector_name": "binance", "trading_pair": PAIR})
    seen = await get(client, "/order-book/diagnostics/binance", "/order-book/diagnostics/{connector_name}")
    (health,) = seen["order_books"].values()
    assert (health["best_bid"], health["bid_levels"], health["failures"]) == (None, 0, 1)
    assert health["error"]
    answer = await client.get("/market-data/order-book/diagnostics/nope")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Connector 'nope' not found")


# -- tickers and rates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{}, {"connectors": "paper"}, {"refresh": "true"}, {"max_age": "2.5"}])
async def test_tickers(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    """All pairs of each connector, with counts and times."""
    answer = await get(client, "/tickers", **query)
    assert set(answer) == {"tickers", "counts", "updated_at", "errors"}
    assert set(answer["tickers"]["paper"][PAIR]) == {"price", "base_volume", "quote_volume", "timestamp"}
    assert answer["counts"] == {"paper": len(answer["tickers"]["paper"])}
    assert answer["updated_at"] == {"paper": NOW}
    assert answer["errors"] == {}


async def test_tickers_that_can_not_be_had(client: httpx.AsyncClient) -> None:
    """404 for an unknown connector, 400 if none can serve, and a name beside the others if one of them can't."""
    for names, status, detail in (
        ("nope,paper", 404, "Connector 'nope' not found"),
        ("dexalot", 400, "None of the connectors has tickers: ['dexalot']"),
    ):
        answer = await client.get("/market-data/tickers", params={"connectors": names})
        assert answer.status_code == status
        assert detail in checked(answer, "/market-data/tickers")["detail"]
    mixed = await get(client, "/tickers", connectors="paper,dexalot")
    assert mixed["errors"] == {"dexalot": "dexalot does not support tickers"}
    assert mixed["updated_at"]["dexalot"] is None


async def test_rates(client: httpx.AsyncClient) -> None:
    """One rate, several, and all prices of the pool agree."""
    asked = {"trading_pairs": [PAIR, "ADA-BTC", "NO-PAIR"]}
    answer = await post(client, "/rates", **asked)
    assert (answer["quote_token"], answer["connector"]) == ("USDT", None)
    assert answer["rates"]["NO-PAIR"] is None
    scoped = await post(client, "/rates", **asked, connector="paper")
    assert scoped == {**answer, "connector": "paper"}
    template = "/rate/{trading_pair}"
    one = await get(client, "/rate/ADA-BTC", template, connector="paper")
    rate = answer["rates"]["ADA-BTC"]
    assert one == {"trading_pair": "ADA-BTC", "rate": rate, "quote_token": "USDT", "connector": "paper"}
    assert (await get(client, "/rate/NO-PAIR", template))["rate"] is None
    pool = await get(client, "/pool-prices")
    assert pool["prices_count"] == len(pool["prices"])
    assert pool["prices"][PAIR] == answer["rates"][PAIR]


# -- views ------------------------------------------------------------------------------------------------------------------


def test_times_are_exact_seconds() -> None:
    """Whole seconds are integers, parts are exact to the microsecond."""
    assert unix_seconds(START) == NOW
    assert unix_seconds(START + timedelta(microseconds=1)) == Decimal(f"{NOW}.000001")
    assert seconds_of(timedelta(milliseconds=1500)) == Decimal("1.5")


def test_a_feed_without_a_pair() -> None:
    """All tickers of a connector have none; and a clock that was put back makes no negative age."""
    key = ReadingKey(kind="tickers", connector_name="paper")
    reading = Reading(key=key, cached=Cached(FakeClock()), last_access_at=START, accessed_at=0.0)
    row = feed_row(reading, START - timedelta(seconds=5))
    assert row["config"] == {"connector_name": "paper", "trading_pair": None}
    assert (row["seconds_since_access"], row["will_expire_in"]) == (0, 600)

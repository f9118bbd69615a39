"""ccxt's ``kraken``, unmodified apart from its address, trades on the sandbox."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.ccxt_trading import sees_the_market
from tests.sandbox.conftest import serving_live

PAIR = "BTC/USDT"
KEY, SECRET = "kraken-key", b64encode(b"a secret").decode()
UUID = "0b5a6a4e-6f1c-4d43-9c0a-4f2b6f7b9f10"


@pytest.fixture
async def sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serving_live(path, tmp_path, has_futures=False, protocol="kraken") as sandbox:
        sandbox.keys.add("alice", KEY, secret=SECRET)
        yield sandbox


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    exchange = ccxt.async_support.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sandbox.base_url)
    yield exchange
    await exchange.close()


async def test_markets_and_market_data(exchange: Any) -> None:
    """All pairs by their usual names, with their steps; book, ticker, candles, trades, time, fees."""
    markets = await exchange.load_markets()
    assert {"BTC/USDT", "ETH/BTC", "DOGE/USDT", "SOL/USDT"} <= set(markets)
    assert markets["ETH/BTC"]["id"] == "XETHXXBT"
    assert (markets[PAIR]["precision"]["price"], markets[PAIR]["precision"]["amount"]) == (0.01, 0.00001)
    await sees_the_market(exchange, [PAIR])
    assert len(await exchange.fetch_tickers([PAIR, "ETH/BTC"])) == 2
    assert (await exchange.fetch_status())["status"] == "ok"
    assert (await exchange.fetch_trading_fee(PAIR))["taker"] == pytest.approx(0.001)


async def test_an_order_lives_is_amended_and_canceled(exchange: Any) -> None:
    """The answers are acknowledgements; an order is asked about by its id, and found in the lists by the client's."""
    placed = await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"clientOrderId": UUID})
    order = await exchange.fetch_order(placed["id"], PAIR)
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", 60_000, 0.1, 0)
    assert order["clientOrderId"] == UUID
    assert [each["id"] for each in await exchange.fetch_open_orders(params={"clientOrderId": UUID})] == [placed["id"]]
    await exchange.edit_order(placed["id"], PAIR, "limit", "buy", 0.05, 59_000)
    amended = await exchange.fetch_order(placed["id"], PAIR)
    assert (amended["price"], amended["amount"]) == (59_000, 0.05)
    await exchange.cancel_order(None, PAIR, {"clientOrderId": UUID})
    closed = await exchange.fetch_closed_orders(params={"clientOrderId": UUID})
    assert [(each["id"], each["status"]) for each in closed] == [(placed["id"], "canceled")]
    assert await exchange.fetch_open_orders() == []


async def test_orders_share_a_number_of_the_client(exchange: Any) -> None:
    """``userref`` filters lists and cancels all that have it; with it there is no client id."""
    for _ in range(2):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"userref": 7})
    await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"userref": 8})
    assert len(await exchange.fetch_open_orders(params={"userref": 7})) == 2
    assert (await exchange.private_post_cancelorder({"txid": 7}))["result"]["count"] == 2
    (left,) = await exchange.fetch_open_orders()
    assert left["info"]["userref"] == 8
    with pytest.raises(ccxt.ExchangeError, match="userref"):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"userref": 1 << 31})
    assert (await exchange.cancel_all_orders())[0]["info"]["result"]["count"] == 1


async def test_a_market_order_trades(exchange: Any) -> None:
    """Its trades, with fees in quote, and the balances after it; also by an amount of quote."""
    before = await exchange.fetch_balance()
    placed = await exchange.create_order(PAIR, "market", "sell", 0.1)
    order = await exchange.fetch_order(placed["id"], PAIR)
    assert (order["status"], order["filled"]) == ("closed", 0.1)
    trades = await exchange.fetch_order_trades(placed["id"], PAIR, params={"trades": order["trades"]})
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.1)
    assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}
    assert [each["id"] for each in trades] == [each["id"] for each in await exchange.fetch_my_trades(PAIR)]
    after = await exchange.fetch_balance()
    assert before["BTC"]["free"] - after["BTC"]["free"] == pytest.approx(0.1)
    by_cost = await exchange.create_market_order_with_cost(PAIR, "buy", 1_000)
    assert 990 < (await exchange.fetch_order(by_cost["id"], PAIR))["cost"] <= 1_000


async def test_post_only_and_immediate_orders(exchange: Any) -> None:
    """Both are acknowledged; what could not be is canceled, with the reason."""
    maker = await exchange.create_order(PAIR, "limit", "buy", 0.1, 66_000, {"postOnly": True})
    order = await exchange.fetch_order(maker["id"], PAIR)
    assert (order["status"], order["filled"], order["info"]["reason"]) == ("canceled", 0, "Post only order")
    immediate = await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"timeInForce": "IOC"})
    assert (await exchange.fetch_order(immediate["id"], PAIR))["status"] == "canceled"


async def test_errors_are_the_librarys(exchange: Any) -> None:
    """Texts become ccxt's exceptions; a nonce must be above the last one."""
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(PAIR, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("OAAAAA-AAAAA-AAAAAA", PAIR)
    exchange.options["lastNonce"] = 0
    exchange.nonce = lambda: 5
    with pytest.raises(ccxt.InvalidNonce):
        await exchange.fetch_balance()
    exchange.secret = b64encode(b"another").decode()
    with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
        await exchange.fetch_balance()


async def test_lists_come_in_pages(exchange: Any) -> None:
    """Fifty orders, and the next ones at an offset."""
    await exchange.load_markets()
    for _ in range(52):
        await exchange.create_order(PAIR, "limit", "buy", 0.001, 60_000, {"timeInForce": "IOC"})
    first, rest = [await exchange.fetch_closed_orders(params={"ofs": offset}) for offset in (0, 50)]
    assert (len(first), len(rest)) == (50, 2)
    assert len({each["id"] for each in (*first, *rest)}) == 52


async def test_a_countdown_is_set_and_ended(exchange: Any) -> None:
    """The answer tells when it ends; zero ends it at once, and a day is too long."""
    set_at = (await exchange.cancel_all_orders_after(60_000))["result"]
    begun, ends = (datetime.fromisoformat(set_at[name]) for name in ("currentTime", "triggerTime"))
    assert ends - begun == timedelta(seconds=60)
    assert (await exchange.cancel_all_orders_after(0))["result"]["triggerTime"] == "0"
    with pytest.raises(ccxt.ExchangeError, match="Invalid arguments:timeout"):
        await exchange.privatePostCancelAllOrdersAfter({"timeout": 86_400})

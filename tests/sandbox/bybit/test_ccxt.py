"""ccxt's ``bybit``, unmodified apart from its address, trades on the sandbox, on spot and on linear perpetuals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, SECRET
from tests.sandbox.conftest import serving_live

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"


@pytest.fixture
async def sandbox(path: SteeredPath, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serving_live(path, tmp_path, has_futures=True, protocol="bybit") as sandbox:
        yield sandbox


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    exchange = ccxt.async_support.bybit({"apiKey": API_KEY, "secret": SECRET, "enableRateLimit": False})
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sandbox.base_url)
    yield exchange
    await exchange.close()


async def found(exchange: Any, identity: str, symbol: str) -> Any:
    """The order as the exchange has it, among the open ones or those that are done."""
    for verb in ("fetch_open_orders", "fetch_canceled_and_closed_orders"):
        orders = await getattr(exchange, verb)(symbol, params={"orderId": identity})
        if orders:
            return orders[0]
    return None


async def test_markets_and_market_data(exchange: Any) -> None:
    """All pairs of both categories with their steps; book, ticker, candles, trades, time, funding."""
    markets = await exchange.load_markets()
    assert {each["type"] for each in markets.values()} == {"spot", "swap"}
    assert (markets[SPOT]["precision"]["price"], markets[SPOT]["precision"]["amount"]) == (0.01, 0.00001)
    assert markets[SWAP]["limits"]["cost"]["min"] == 5
    for symbol in (SPOT, SWAP):
        book = await exchange.fetch_order_book(symbol, 5)
        assert len(book["bids"]) == 5
        assert book["bids"][0][0] < 65_000 < book["asks"][0][0]
        assert (await exchange.fetch_ticker(symbol))["last"] > 0
        candles = await exchange.fetch_ohlcv(symbol, "1m", limit=3)
        assert [later[0] - earlier[0] for earlier, later in pairwise(candles)] == [60_000] * 2
        assert len(await exchange.fetch_trades(symbol, limit=3)) == 3
    assert len(await exchange.fetch_tickers()) > 5
    assert await exchange.fetch_time() > 0
    assert (await exchange.fetch_funding_rate(SWAP))["markPrice"] > 0
    assert len(await exchange.fetch_funding_rate_history(SWAP, limit=3)) == 3


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_an_order_lives_and_is_canceled(exchange: Any, symbol: str) -> None:
    """Both answers are acknowledgements; realtime and history tell the rest, by either id."""
    placed = await exchange.create_order(symbol, "limit", "buy", 0.1, 60_000, {"clientOrderId": "one"})
    assert (placed["clientOrderId"], placed["status"]) == ("one", None)
    order = await found(exchange, placed["id"], symbol)
    assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", 60_000, 0.1, 0)
    assert order["clientOrderId"] == "one"
    assert [each["id"] for each in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
    assert [each["id"] for each in await exchange.fetch_open_orders()] == ([placed["id"]] if symbol == SWAP else [])
    assert (await exchange.fetch_order(placed["id"], symbol, {"acknowledged": True}))["id"] == placed["id"]
    await exchange.cancel_order(None, symbol, {"orderLinkId": "one"})
    by_name = await exchange.fetch_canceled_and_closed_orders(symbol, params={"orderLinkId": "one"})
    assert [(each["id"], each["status"]) for each in by_name] == [(placed["id"], "canceled")]
    assert await exchange.fetch_open_orders(symbol) == []


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_a_market_order_trades(exchange: Any, symbol: str) -> None:
    """Its executions with fees, and the wallet after it."""
    before = await exchange.fetch_balance()
    placed = await exchange.create_order(symbol, "market", "sell", 0.1)
    order = await found(exchange, placed["id"], symbol)
    assert (order["status"], order["filled"], order["amount"]) == ("closed", 0.1, 0.1)
    trades = await exchange.fetch_my_trades(symbol, params={"orderId": placed["id"]})
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.1)
    assert {(each["fee"]["currency"], each["takerOrMaker"], each["order"]) for each in trades} == {
        ("USDT", "taker", placed["id"])
    }
    after = await exchange.fetch_balance()
    sold = before["BTC"]["free"] - after["BTC"]["free"]
    assert sold == pytest.approx(0.1 if symbol == SPOT else 0)


async def test_a_market_order_to_buy_is_in_quote_unless_it_says_base(exchange: Any) -> None:
    """As on Bybit: only the parameter ``marketUnit`` makes the quantity one of the base coin."""
    in_base = await exchange.create_order(SPOT, "market", "buy", 0.1)
    assert (await found(exchange, in_base["id"], SPOT))["filled"] == 0.1
    in_quote = await exchange.create_order(SPOT, "market", "buy", 1, params={"cost": 1_000})
    order = await found(exchange, in_quote["id"], SPOT)
    assert 990 < order["cost"] <= 1_000


async def test_post_only_is_acknowledged_and_canceled(exchange: Any) -> None:
    """One that would have taken has an id and is in the history, with the reason; its client id is used up."""
    terms = (SPOT, "limit", "buy", 0.1, 66_000, {"postOnly": True, "clientOrderId": "maker"})
    placed = await exchange.create_order(*terms)
    order = await found(exchange, placed["id"], SPOT)
    assert (order["status"], order["filled"]) == ("canceled", 0)
    assert order["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
    with pytest.raises(ccxt.ExchangeError, match="Duplicate clientOrderId"):
        await exchange.create_order(*terms)


async def test_positions_and_leverage(exchange: Any) -> None:
    """A position has its side, size and leverage; an unchanged leverage is an error, as on Bybit."""
    await exchange.load_markets()
    await exchange.set_leverage(5, SWAP)
    with pytest.raises(ccxt.BadRequest, match="leverage not modified"):
        await exchange.set_leverage(5, SWAP)
    await exchange.create_order(SWAP, "market", "sell", 0.2)
    (position,) = await exchange.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"], position["leverage"]) == (
        SWAP,
        "short",
        0.2,
        5,
    )
    await exchange.create_order(SWAP, "market", "buy", 0.2, params={"reduceOnly": True})
    assert await exchange.fetch_positions() == []
    assert await exchange.fetch_funding_history(SWAP) == []


async def test_errors_are_the_librarys(exchange: Any) -> None:
    """Codes and texts become ccxt's exceptions."""
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(SPOT, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(SWAP, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("4711", SWAP)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("4711", SPOT)
    exchange.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()


async def test_lists_come_in_pages(exchange: Any) -> None:
    """Fifty orders at most, and a cursor to the next."""
    await exchange.load_markets()
    for _ in range(52):
        await exchange.create_order(SPOT, "limit", "buy", 0.001, 60_000)
    assert len(await exchange.fetch_open_orders(SPOT)) == 20
    first = await exchange.fetch_open_orders(SPOT, limit=50)
    cursor = first[0]["info"].get("nextPageCursor") or first[-1]["info"]["nextPageCursor"]
    rest = await exchange.fetch_open_orders(SPOT, params={"cursor": cursor})
    assert len({each["id"] for each in (*first, *rest)}) == 52

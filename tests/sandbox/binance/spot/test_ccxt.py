"""ccxt's ``binance``, unmodified apart from its addresses, trades on the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.binance.libraries import ccxt_exchange

PAIR = "BTC/USDT"


@pytest.fixture
async def exchange(live_sandbox: Sandbox) -> AsyncIterator[Any]:
    """The asynchronous exchange with its sockets."""
    exchange = ccxt_exchange(ccxt.pro.binance, live_sandbox)
    yield exchange
    await exchange.close()


async def test_the_markets_load(exchange: Any) -> None:
    """All pairs with their precision and limits; no derivatives."""
    markets = await exchange.load_markets()
    market = markets[PAIR]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert {each["type"] for each in markets.values()} == {"spot"}


async def test_an_order_lives_and_is_canceled(exchange: Any) -> None:
    """Placed, fetched, listed, canceled."""
    order = await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"clientOrderId": "one"})
    assert (order["status"], order["clientOrderId"]) == ("open", "one")
    fetched = await exchange.fetch_order(order["id"], PAIR)
    assert (fetched["price"], fetched["amount"], fetched["filled"]) == (60_000, 0.1, 0)
    by_name = await exchange.fetch_order(None, PAIR, {"clientOrderId": "one"})
    assert by_name["id"] == order["id"]
    assert [each["id"] for each in await exchange.fetch_open_orders(PAIR)] == [order["id"]]
    assert (await exchange.cancel_order(order["id"], PAIR))["status"] == "canceled"
    assert [each["status"] for each in await exchange.fetch_orders(PAIR)] == ["canceled"]


async def test_a_market_order_trades(exchange: Any) -> None:
    """Its trades and fees, and the balances after it."""
    before = await exchange.fetch_balance()
    order = await exchange.create_order(PAIR, "market", "sell", 0.1)
    assert (order["status"], order["filled"]) == ("closed", 0.1)
    trades = await exchange.fetch_my_trades(PAIR)
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.1)
    assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}
    after = await exchange.fetch_balance()
    assert before["BTC"]["free"] - after["BTC"]["free"] == pytest.approx(0.1)


async def test_market_data_is_there(exchange: Any) -> None:
    """Book, ticker, candles, trades, time."""
    book = await exchange.fetch_order_book(PAIR, 5)
    assert book["bids"][0][0] < 65_000 < book["asks"][0][0]
    assert (await exchange.fetch_ticker(PAIR))["last"] > 0
    assert len(await exchange.fetch_tickers()) > 5
    assert len(await exchange.fetch_ohlcv(PAIR, "1m", limit=3)) == 3
    assert len(await exchange.fetch_trades(PAIR, limit=3)) == 3
    assert await exchange.fetch_time() > 0
    assert (await exchange.fetch_status())["status"] == "ok"
    assert (await exchange.fetch_trading_fees())[PAIR]["maker"] == 0.001


async def test_errors_are_the_librarys(exchange: Any) -> None:
    """Binance's codes and texts become ccxt's exceptions."""
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(PAIR, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 66_000, {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("4711", PAIR)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("4711", PAIR)
    exchange.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        await exchange.fetch_balance()


async def test_the_synchronous_exchange_does_the_same(live_sandbox: Sandbox) -> None:
    """From a thread."""

    def trade() -> list[str]:
        exchange = ccxt_exchange(ccxt.binance, live_sandbox)
        order = exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000)
        canceled = exchange.cancel_order(order["id"], PAIR)
        exchange.session.close()
        return [order["status"], canceled["status"]]

    assert await asyncio.to_thread(trade) == ["open", "canceled"]


async def test_market_streams_are_watched(exchange: Any) -> None:
    """The book is built from a snapshot and its differences; trades, tickers and candles come."""
    async with asyncio.timeout(60):
        book, trades, ticker, candles = await asyncio.gather(
            exchange.watch_order_book(PAIR),
            exchange.watch_trades(PAIR),
            exchange.watch_ticker(PAIR),
            exchange.watch_ohlcv(PAIR, "1m"),
        )
    assert book["bids"][0][0] < book["asks"][0][0]
    assert trades[0]["symbol"] == ticker["symbol"] == PAIR
    assert len(candles[0]) == 6


async def test_the_account_is_watched(exchange: Any, path: SteeredPath) -> None:
    """Orders, trades and balances arrive as they happen."""
    await exchange.load_markets()
    async with asyncio.timeout(60):
        await exchange.authenticate()
        watched = asyncio.gather(exchange.watch_orders(PAIR), exchange.watch_balance())
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000)
        orders, balance = await watched
        assert orders[0]["status"] == "open"
        assert balance["USDT"]["used"] == 6_000
        path.prices["BTC-USDT"] = 59_000
        trades = await exchange.watch_my_trades(PAIR)
    assert (trades[0]["price"], trades[0]["takerOrMaker"]) == (60_000, "maker")

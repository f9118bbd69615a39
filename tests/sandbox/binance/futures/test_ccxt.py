"""ccxt's ``binanceusdm``, unmodified apart from its addresses, trades on the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import ccxt.pro
import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import until
from tests.sandbox.binance.libraries import ccxt_exchange

PAIR = "BTC/USDT:USDT"


@pytest.fixture
async def exchange(live_futures: Sandbox) -> AsyncIterator[Any]:
    """The asynchronous exchange with its sockets."""
    exchange = ccxt_exchange(ccxt.pro.binanceusdm, live_futures)
    yield exchange
    await exchange.close()


async def test_the_markets_load(exchange: Any) -> None:
    """All pairs as linear swaps of one base unit, with their precision and limits."""
    markets = await exchange.load_markets()
    market = markets[PAIR]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert (market["contractSize"], market["limits"]["cost"]["min"]) == (1, 5)
    assert {(each["type"], each["linear"]) for each in markets.values()} == {("swap", True)}


async def test_an_order_lives_and_is_canceled(exchange: Any) -> None:
    """Placed, fetched, listed, canceled."""
    order = await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"clientOrderId": "one"})
    assert (order["status"], order["clientOrderId"]) == ("open", "one")
    fetched = await exchange.fetch_order(order["id"], PAIR)
    assert (fetched["price"], fetched["amount"], fetched["filled"]) == (60_000, 0.1, 0)
    assert (await exchange.fetch_order(None, PAIR, {"clientOrderId": "one"}))["id"] == order["id"]
    assert (await exchange.fetch_open_order(order["id"], PAIR))["id"] == order["id"]
    assert [each["id"] for each in await exchange.fetch_open_orders(PAIR)] == [order["id"]]
    assert (await exchange.cancel_order(order["id"], PAIR))["status"] == "canceled"
    assert [each["status"] for each in await exchange.fetch_orders(PAIR)] == ["canceled"]
    await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000)
    await exchange.cancel_all_orders(PAIR)
    assert await exchange.fetch_open_orders(PAIR) == []


async def test_a_position_is_opened_and_closed(exchange: Any) -> None:
    """With leverage; trades, positions, balances and the leverage show it."""
    await exchange.set_leverage(10, PAIR)
    order = await exchange.create_order(PAIR, "market", "sell", 0.1)
    assert (order["status"], order["filled"]) == ("closed", 0.1)
    trades = await exchange.fetch_my_trades(PAIR)
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.1)
    assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}
    (position,) = await exchange.fetch_positions([PAIR])
    assert (position["side"], position["contracts"], position["marginMode"]) == ("short", 0.1, "isolated")
    (old,) = await exchange.fetch_positions([PAIR], {"useV2": True})
    assert old["leverage"] == 10
    assert (await exchange.fetch_leverage(PAIR))["longLeverage"] == 10
    balance = await exchange.fetch_balance()
    assert balance["USDT"]["free"] < balance["USDT"]["total"] < 100_000
    await exchange.create_order(PAIR, "market", "buy", 0.1, None, {"reduceOnly": True})
    assert await exchange.fetch_positions([PAIR]) == []


async def test_the_mode_is_changed(exchange: Any) -> None:
    """Hedge mode, with an order that names its position; margin is isolated and nothing else."""
    await exchange.set_position_mode(True)
    assert (await exchange.fetch_position_mode())["hedged"] is True
    order = await exchange.create_order(PAIR, "market", "buy", 0.1, None, {"positionSide": "LONG"})
    assert order["status"] == "closed"
    with pytest.raises(ccxt.ExchangeError):
        await exchange.set_margin_mode("cross", PAIR)


async def test_market_data_is_there(exchange: Any) -> None:
    """Book, ticker, candles, trades, funding."""
    book = await exchange.fetch_order_book(PAIR, 5)
    assert book["bids"][0][0] < 65_000 < book["asks"][0][0]
    assert (await exchange.fetch_ticker(PAIR))["last"] > 0
    assert len(await exchange.fetch_tickers()) > 5
    assert len(await exchange.fetch_ohlcv(PAIR, "1m", limit=3)) == 3
    assert len(await exchange.fetch_trades(PAIR, limit=3)) == 3
    assert (await exchange.fetch_funding_rate(PAIR))["fundingRate"] == 0.0001
    assert len(await exchange.fetch_funding_rate_history(PAIR, limit=3)) == 3
    assert await exchange.fetch_funding_history(PAIR) == []
    assert (await exchange.fetch_trading_fee(PAIR))["taker"] == 0.0005


async def test_errors_are_the_librarys(exchange: Any) -> None:
    """Binance's codes and texts become ccxt's exceptions, which it looks up by Binance's host."""
    exchange.exceptions["exact"] = {**exchange.exceptions["exact"], **exchange.exceptions["linear"]["exact"]}
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(PAIR, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.OrderNotFillable):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 66_000, {"postOnly": True})
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000, {"timeInForce": "FOK"})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("4711", PAIR)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("4711", PAIR)


async def test_market_streams_are_watched(exchange: Any) -> None:
    """The book is built from a snapshot and its differences; trades, tickers, candles and mark prices come."""
    async with asyncio.timeout(60):
        book, trades, ticker, candles, mark = await asyncio.gather(
            exchange.watch_order_book(PAIR),
            exchange.watch_trades(PAIR),
            exchange.watch_ticker(PAIR),
            exchange.watch_ohlcv(PAIR, "1m"),
            exchange.watch_mark_price(PAIR),
        )
    assert book["bids"][0][0] < book["asks"][0][0]
    assert trades[0]["symbol"] == ticker["symbol"] == PAIR
    assert len(candles[0]) == 6
    assert mark["markPrice"] == 65_000


async def test_the_account_is_watched(exchange: Any, live_futures: Sandbox, path: SteeredPath) -> None:
    """Orders, trades, positions and balances arrive as they happen."""
    await exchange.load_markets()
    async with asyncio.timeout(60):
        await exchange.authenticate()
        watched = asyncio.create_task(exchange.watch_orders(PAIR))
        # At the same time, because ccxt answers at once only while it has not loaded the positions yet.
        before = asyncio.create_task(exchange.watch_positions([PAIR]))
        await until(lambda: len(live_futures.connections) > 0)
        await exchange.create_order(PAIR, "limit", "buy", 0.1, 60_000)
        assert (await watched)[0]["status"] == "open"
        assert await before == []
        changes = asyncio.gather(
            exchange.watch_my_trades(PAIR), exchange.watch_positions([PAIR]), exchange.watch_balance()
        )
        path.prices["BTC-USDT"] = 59_000
        trades, positions, balance = await changes
    assert (trades[0]["price"], trades[0]["takerOrMaker"]) == (60_000, "maker")
    assert (positions[0]["side"], positions[0]["contracts"]) == ("long", 0.1)
    assert balance["USDT"]["total"] < 100_000

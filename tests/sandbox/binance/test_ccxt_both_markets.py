"""ccxt's ``binance`` with both markets loaded: what it watches and does over sockets is that of the market it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro
import pytest

from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import until
from tests.sandbox.binance.libraries import ccxt_exchange

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"


@pytest.fixture
async def exchange(live_futures: Sandbox) -> AsyncIterator[Any]:
    exchange = ccxt_exchange(ccxt.pro.binance, live_futures)
    markets = await exchange.load_markets()
    assert {each["type"] for each in markets.values()} == {"spot", "swap"}
    yield exchange
    await exchange.close()


async def test_streams_are_watched(exchange: Any) -> None:
    """Books, trades, tickers, best prices and candles, of both markets at once."""

    async def watch(pair: str) -> None:
        book, trades, ticker, tickers, best, candles = await asyncio.gather(
            exchange.watch_order_book(pair),
            exchange.watch_trades(pair),
            exchange.watch_ticker(pair),
            exchange.watch_tickers([pair]),
            exchange.watch_bids_asks([pair]),
            exchange.watch_ohlcv(pair, "1m"),
        )
        assert book["bids"][0][0] < book["asks"][0][0]
        assert trades[0]["symbol"] == ticker["symbol"] == pair
        assert [list(tickers), list(best)] == [[pair], [pair]]
        assert len(candles[0]) == 6

    async with asyncio.timeout(30):
        await asyncio.gather(watch(SPOT), watch(SWAP), exchange.watch_mark_price(SWAP))


async def test_orders_go_over_the_websocket_apis(exchange: Any) -> None:
    """Placed, fetched, changed, canceled; and what each market answers there besides."""
    for pair in (SPOT, SWAP):
        async with asyncio.timeout(20):
            order = await exchange.create_order_ws(pair, "limit", "buy", 0.1, 60_000, {"newClientOrderId": "one"})
            assert (order["status"], order["clientOrderId"]) == ("open", "one")
            assert (await exchange.fetch_order_ws(order["id"], pair))["symbol"] == pair
            changed = await exchange.edit_order_ws(order["id"], pair, "limit", "buy", 0.2, 60_001)
            assert (await exchange.cancel_order_ws(changed["id"], pair))["status"] == "canceled"
    assert [each["price"] for each in await exchange.fetch_orders_ws(SPOT)] == [60_000, 60_001]
    balances = (await exchange.fetch_balance_ws())["info"]["balances"]
    assert {"asset": "BTC", "free": "10.00000000", "locked": "0.00000000"} in balances
    assert len(await exchange.fetch_ohlcv_ws(SPOT, "1m", None, 3)) == 3
    assert (await exchange.fetch_order_book_ws(SWAP, 5))["symbol"] == SWAP
    assert (await exchange.fetch_ticker_ws(SWAP))["bid"] > 0
    await exchange.create_order(SWAP, "market", "buy", 0.1)
    assert (await exchange.fetch_positions_ws([SWAP]))[0]["contracts"] == 0.1
    await exchange.add_margin(SWAP, 10)
    assert (await exchange.fetch_open_interest(SWAP))["openInterestAmount"] == 0.1
    assert await exchange.fetch_my_liquidations(SWAP) == []


async def test_the_accounts_are_watched(exchange: Any, live_futures: Sandbox) -> None:
    """Orders, trades and balances of each market, and positions."""
    await exchange.authenticate({"type": "spot"})
    spot = [exchange.watch_orders(SPOT), exchange.watch_my_trades(SPOT), exchange.watch_balance()]
    swap = [
        exchange.watch_orders(SWAP),
        exchange.watch_my_trades(SWAP),
        exchange.watch_balance({"type": "swap"}),
        exchange.watch_positions([SWAP]),
    ]
    async with asyncio.timeout(30):
        watched = [asyncio.ensure_future(each) for each in (*spot, *swap)]
        await until(lambda: len(live_futures.connections) == 2)
        for pair in (SPOT, SWAP):
            await exchange.create_order(pair, "market", "buy", 0.1)
        orders, trades, balance, *of_swap = await asyncio.gather(*watched)
    assert (orders[0]["symbol"], trades[0]["symbol"], balance["BTC"]["total"] > 10) == (SPOT, SPOT, True)
    assert [each[0]["symbol"] for each in of_swap[:2]] == [SWAP, SWAP]


async def test_history_has_every_length(exchange: Any) -> None:
    """Candles of a second, a week and a month, and those of mark, index and premium."""
    for timeframe in ("1s", "3d", "1w", "1M"):
        assert len(await exchange.fetch_ohlcv(SPOT, timeframe, limit=2)) == 2
    for fetch in (exchange.fetch_mark_ohlcv, exchange.fetch_index_ohlcv, exchange.fetch_premium_index_ohlcv):
        assert len(await fetch(SWAP, "1M", limit=2)) == 2

"""python-binance's futures calls, unmodified apart from their addresses, on the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, MARKET, RESTING, SECRET
from tests.sandbox.binance.libraries import python_binance_client

PAIR = "BTCUSDT"


pytestmark = pytest.mark.usefixtures("quick_sdk_sockets")


@pytest.fixture
async def client(live_futures: Sandbox) -> AsyncIterator[Any]:
    """The asynchronous client, as its documentation makes it."""
    client = await python_binance_client(AsyncClient, live_futures).create(API_KEY, SECRET)
    yield client
    await client.close_connection()


@pytest.fixture
async def sockets(client: Any, live_futures: Sandbox) -> Any:
    manager = BinanceSocketManager(client)
    manager.FSTREAM_URL = live_futures.futures_stream_url
    return manager


async def test_an_order_lives_and_is_canceled(client: Any) -> None:
    """Placed, found by its own name, listed, canceled, and in the history."""
    placed = await client.futures_create_order(**RESTING, newClientOrderId="one")
    assert (placed["status"], placed["positionSide"]) == ("NEW", "BOTH")
    found = await client.futures_get_order(symbol=PAIR, origClientOrderId="one")
    assert (found["orderId"], D(found["origQty"])) == (placed["orderId"], D("0.1"))
    assert [each["clientOrderId"] for each in await client.futures_get_open_orders(symbol=PAIR)] == ["one"]
    canceled = await client.futures_cancel_order(symbol=PAIR, origClientOrderId="one")
    assert (canceled["status"], canceled["clientOrderId"]) == ("CANCELED", "one")
    assert await client.futures_get_open_orders() == []
    assert [each["status"] for each in await client.futures_get_all_orders(symbol=PAIR)] == ["CANCELED"]
    assert (await client.futures_create_test_order(**RESTING))["status"] == "NEW"
    await client.futures_create_order(**RESTING)
    assert (await client.futures_cancel_all_open_orders(symbol=PAIR))["code"] == 200
    assert await client.futures_get_open_orders() == []


async def test_a_position_is_opened_and_closed(client: Any) -> None:
    """With leverage; trades, positions, balances and income show it."""
    changed = await client.futures_change_leverage(symbol=PAIR, leverage=10)
    assert changed["leverage"] == 10
    bought = await client.futures_create_order(**MARKET, newOrderRespType="RESULT")
    assert (bought["status"], D(bought["executedQty"])) == ("FILLED", D("0.1"))
    trades = await client.futures_account_trades(symbol=PAIR, orderId=bought["orderId"])
    assert sum(D(each["qty"]) for each in trades) == D("0.1")
    (position,) = await client.futures_position_information()
    assert (D(position["positionAmt"]), position["positionSide"]) == (D("0.1"), "BOTH")
    old = await client.futures_position_information(symbol=PAIR, version=2)
    assert (old[0]["leverage"], old[0]["marginType"]) == ("10", "isolated")
    (balance,) = await client.futures_account_balance()
    assert D(balance["availableBalance"]) < D(balance["balance"]) < 100_000
    account = await client.futures_account()
    assert D(account["totalPositionInitialMargin"]) == D(position["isolatedWallet"])
    await client.futures_create_order(**{**MARKET, "side": "SELL"}, reduceOnly="true")
    assert await client.futures_position_information() == []
    kinds = {row["incomeType"] for row in await client.futures_income_history()}
    assert kinds == {"COMMISSION", "REALIZED_PNL"}


async def test_hedge_mode_has_two_positions(client: Any) -> None:
    """Changed, asked, used and refused as on Binance."""
    assert await client.futures_get_position_mode() == {"dualSidePosition": False}
    await client.futures_change_position_mode(dualSidePosition="true")
    assert await client.futures_get_position_mode() == {"dualSidePosition": True}
    await client.futures_create_order(**MARKET, positionSide="LONG")
    await client.futures_create_order(**{**MARKET, "side": "SELL"}, positionSide="SHORT")
    amounts = {each["positionSide"]: D(each["positionAmt"]) for each in await client.futures_position_information()}
    assert amounts == {"LONG": D("0.1"), "SHORT": D("-0.1")}
    with pytest.raises(BinanceAPIException) as refusal:
        await client.futures_create_order(**MARKET)
    assert refusal.value.code == -4061
    with pytest.raises(BinanceAPIException) as refusal:
        await client.futures_change_position_mode(dualSidePosition="false")
    assert refusal.value.code == -4068


async def test_market_data_is_there(client: Any) -> None:
    """Rules, book, trades, candles, tickers, mark price, funding, time."""
    assert await client.futures_ping() == {}
    assert (await client.futures_time())["serverTime"] > 0
    info = await client.futures_exchange_info()
    assert {each["contractType"] for each in info["symbols"]} == {"PERPETUAL"}
    book = await client.futures_order_book(symbol=PAIR, limit=5)
    assert D(book["bids"][0][0]) < D(65_000) < D(book["asks"][0][0])
    assert len(await client.futures_recent_trades(symbol=PAIR, limit=7)) == 7
    assert len(await client.futures_aggregate_trades(symbol=PAIR, limit=7)) == 7
    assert len(await client.futures_klines(symbol=PAIR, interval="1m", limit=3)) == 3
    assert (await client.futures_ticker(symbol=PAIR))["symbol"] == PAIR
    assert D((await client.futures_symbol_ticker(symbol=PAIR))["price"]) > 0
    assert D((await client.futures_orderbook_ticker(symbol=PAIR))["bidPrice"]) < 65_000
    mark = await client.futures_mark_price(symbol=PAIR)
    assert (D(mark["markPrice"]), D(mark["lastFundingRate"])) == (65_000, D("0.0001"))
    assert len(await client.futures_funding_rate(symbol=PAIR, limit=3)) == 3


async def test_the_synchronous_client_does_the_same(live_futures: Sandbox) -> None:
    """From a thread, with requests under it."""

    def trade() -> tuple[str, str]:
        client = python_binance_client(Client, live_futures)(API_KEY, SECRET)
        try:
            placed = client.futures_create_order(**RESTING)
            canceled = client.futures_cancel_order(symbol=PAIR, orderId=placed["orderId"])
            return placed["status"], canceled["status"]
        finally:
            client.close_connection()
            client.loop.close()  # the SDK makes one and forgets it

    assert await asyncio.to_thread(trade) == ("NEW", "CANCELED")


async def test_the_user_stream_reports_orders_and_the_account(client: Any, sockets: Any) -> None:
    """An order, its cancel, and a trade with what it changed."""
    async with asyncio.timeout(60), sockets.futures_user_socket() as socket:

        async def update(kind: str) -> Any:
            while (message := await socket.recv())["e"] != kind:
                pass
            return message

        await client.futures_create_order(**RESTING, newClientOrderId="one")
        order = (await update("ORDER_TRADE_UPDATE"))["o"]
        assert (order["c"], order["x"], order["X"], order["ps"]) == ("one", "NEW", "NEW", "BOTH")
        await client.futures_cancel_order(symbol=PAIR, origClientOrderId="one")
        order = (await update("ORDER_TRADE_UPDATE"))["o"]
        assert (order["c"], order["x"], order["X"]) == ("one", "CANCELED", "CANCELED")
        await client.futures_create_order(**MARKET)
        account = (await update("ACCOUNT_UPDATE"))["a"]
        assert (account["m"], account["P"][0]["s"], D(account["P"][0]["pa"])) == ("ORDER", PAIR, D("0.1"))


async def test_market_streams_send_events(sockets: Any) -> None:
    """Trades, candles and mark prices, each second; books below the path of the fast ones."""
    seen: dict[str, Any] = {}
    for category, names in (
        ("market", ["btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt@markPrice@1s"]),
        ("public", ["btcusdt@depth@100ms"]),
    ):
        async with asyncio.timeout(60), sockets.futures_multiplex_socket(names, category=category) as socket:
            while not set(names) <= set(seen):
                message = await socket.recv()
                seen[message["stream"]] = message["data"]
    assert D(seen["btcusdt@markPrice@1s"]["p"]) == 65_000
    assert seen["btcusdt@depth@100ms"]["pu"] == seen["btcusdt@depth@100ms"]["U"] - 1
    async with asyncio.timeout(60), sockets.kline_futures_socket("BTCUSDT") as socket:
        assert (await socket.recv())["e"] == "continuous_kline"

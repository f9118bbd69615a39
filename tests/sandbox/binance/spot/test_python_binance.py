"""python-binance, unmodified apart from its addresses, trades on the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal as D
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, MARKET, RESTING, SECRET
from tests.sandbox.binance.libraries import python_binance_client

pytestmark = pytest.mark.usefixtures("quick_sdk_sockets")


@pytest.fixture
async def client(live_sandbox: Sandbox) -> AsyncIterator[Any]:
    """The asynchronous client, as its documentation makes it."""
    client = await python_binance_client(AsyncClient, live_sandbox).create(API_KEY, SECRET)
    yield client
    await client.close_connection()


@pytest.fixture
async def sockets(client: Any, live_sandbox: Sandbox) -> Any:
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = live_sandbox.stream_url
    return manager


async def test_an_order_lives_and_is_canceled(client: Any) -> None:
    """Placed, found by its own name, listed, canceled, and in the history."""
    placed = await client.create_order(**RESTING, newClientOrderId="one")
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    assert (await client.get_order(symbol="BTCUSDT", origClientOrderId="one"))["orderId"] == placed["orderId"]
    assert [each["clientOrderId"] for each in await client.get_open_orders(symbol="BTCUSDT")] == ["one"]
    canceled = await client.cancel_order(symbol="BTCUSDT", origClientOrderId="one")
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", "one")
    assert await client.get_open_orders() == []
    assert [each["status"] for each in await client.get_all_orders(symbol="BTCUSDT")] == ["CANCELED"]


async def test_a_market_order_trades(client: Any) -> None:
    """Its fills are in the answer and in the trades, and the balances show them."""
    before = {each["asset"]: D(each["free"]) for each in (await client.get_account())["balances"]}
    order = await client.create_order(**MARKET)
    assert order["status"] == "FILLED"
    trades = await client.get_my_trades(symbol="BTCUSDT", orderId=order["orderId"])
    assert {each["id"] for each in trades} == {each["tradeId"] for each in order["fills"]}
    after = {each["asset"]: D(each["free"]) for each in (await client.get_account())["balances"]}
    assert before["USDT"] - after["USDT"] == D(order["cummulativeQuoteQty"])
    assert after["BTC"] - before["BTC"] == D("0.1") * D("0.999")
    assert D((await client.get_asset_balance("BTC"))["free"]) == after["BTC"]


async def test_market_data_is_there(client: Any) -> None:
    """Rules, book, trades, candles, tickers, time."""
    assert await client.ping() == {}
    assert (await client.get_symbol_info("BTCUSDT"))["quoteAsset"] == "USDT"
    book = await client.get_order_book(symbol="BTCUSDT", limit=5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert D(book["bids"][0][0]) < D(65_000) < D(book["asks"][0][0])
    assert len(await client.get_klines(symbol="BTCUSDT", interval="1h", limit=3)) == 3
    assert len(await client.get_recent_trades(symbol="BTCUSDT", limit=7)) == 7
    assert len(await client.get_aggregate_trades(symbol="BTCUSDT", limit=7)) == 7
    assert (await client.get_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
    assert len(await client.get_all_tickers()) > 5
    assert D((await client.get_orderbook_ticker(symbol="BTCUSDT"))["bidPrice"]) < 65_000
    assert D((await client.get_avg_price(symbol="BTCUSDT"))["price"]) > 0
    assert len(await client.get_all_coins_info()) > 5


async def test_errors_are_the_librarys(client: Any) -> None:
    """A refusal arrives as BinanceAPIException with Binance's code and text."""
    with pytest.raises(BinanceAPIException) as refusal:
        await client.create_order(**{**RESTING, "quantity": "10"})
    assert (refusal.value.code, refusal.value.message) == (
        -2010,
        "Account has insufficient balance for requested action.",
    )
    with pytest.raises(BinanceAPIException) as refusal:
        await client.get_order(symbol="BTCUSDT", orderId=4711)
    assert refusal.value.code == -2013
    with pytest.raises(BinanceAPIException) as refusal:
        await client.stream_get_listen_key()
    assert refusal.value.status_code == 410


async def test_the_synchronous_client_does_the_same(live_sandbox: Sandbox) -> None:
    """From a thread, with requests under it."""

    def trade() -> tuple[str, list[Any], str]:
        client = python_binance_client(Client, live_sandbox)(API_KEY, SECRET)
        try:
            placed = client.create_order(**RESTING)
            client.create_test_order(**RESTING)
            found = client.get_open_orders(symbol="BTCUSDT")
            canceled = client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
            bought = client.create_order(**MARKET)
            assert client.get_my_trades(symbol="BTCUSDT")[-1]["orderId"] == bought["orderId"]
            return placed["status"], found, canceled["status"]
        finally:
            client.close_connection()
            client.loop.close()  # the SDK makes one and forgets it

    placed, found, canceled = await asyncio.to_thread(trade)
    assert (placed, len(found), canceled) == ("NEW", 1, "CANCELED")


def _ed25519() -> Any:
    return ed25519.Ed25519PrivateKey.generate()


def _rsa() -> Any:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.mark.parametrize("make", [_ed25519, _rsa])
async def test_private_keys_sign(live_sandbox: Sandbox, make: Callable[[], Any]) -> None:
    """Orders and the user stream work with an Ed25519 and an RSA key."""
    key = make()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    live_sandbox.keys.add("bob", "bobs-key", public_key=public)
    client = await python_binance_client(AsyncClient, live_sandbox).create("bobs-key", private_key=private)
    try:
        assert (await client.create_order(**RESTING))["status"] == "NEW"
        async with BinanceSocketManager(client).user_socket() as stream:
            await client.cancel_order(symbol="BTCUSDT", orderId=1)
            assert (await stream.recv())["x"] == "CANCELED"
    finally:
        await client.close_connection()


async def test_the_user_socket_reports_orders_and_balances(client: Any, sockets: Any, path: SteeredPath) -> None:
    """New, then the trade when the market comes, with the balances after each; then a cancel under its own name."""
    async with sockets.user_socket() as stream:
        await client.create_order(**RESTING, newClientOrderId="one")
        report = await _until(stream, "executionReport")
        assert (report["x"], report["X"], report["c"]) == ("NEW", "NEW", "one")
        assert (await _until(stream, "outboundAccountPosition"))["B"][0]["a"] == "USDT"
        path.prices["BTC-USDT"] = D(59_000)
        traded = await _until(stream, "executionReport")
        assert (traded["x"], traded["m"], D(traded["L"])) == ("TRADE", True, D(60_000))
        await client.create_order(**{**RESTING, "price": "50000"}, newClientOrderId="two")
        await client.cancel_order(symbol="BTCUSDT", origClientOrderId="two", newClientOrderId="undo")
        while (canceled := await _until(stream, "executionReport"))["x"] != "CANCELED":
            pass
        assert (canceled["C"], canceled["c"]) == ("two", "undo")


async def test_market_sockets_send_events(client: Any, sockets: Any) -> None:
    """Each kind of stream brings its kind of event, alone and together with others on one connection."""

    async def brings(socket: Any, kind: str) -> None:
        async with socket as stream:
            event = await stream.recv()
            assert (event["e"], event["s"]) == (kind, "BTCUSDT")

    async def brings_both() -> None:
        async with sockets.multiplex_socket(["btcusdt@bookTicker", "ethusdt@depth5"]) as stream:
            seen = {(await stream.recv())["stream"] for _ in range(4)}
        assert seen == {"btcusdt@bookTicker", "ethusdt@depth5"}

    await asyncio.gather(
        brings(sockets.trade_socket("BTCUSDT"), "trade"),
        brings(sockets.aggtrade_socket("BTCUSDT"), "aggTrade"),
        brings(sockets.kline_socket("BTCUSDT", interval="1m"), "kline"),
        brings(sockets.symbol_ticker_socket("BTCUSDT"), "24hrTicker"),
        brings(sockets.symbol_miniticker_socket("BTCUSDT"), "24hrMiniTicker"),
        brings(sockets.depth_socket("BTCUSDT"), "depthUpdate"),
        brings_both(),
    )


async def test_orders_over_the_websocket_api(client: Any) -> None:
    """The same endpoints answer as methods of the socket."""
    placed = await client.ws_create_order(**RESTING, newClientOrderId="one")
    assert placed["status"] == "NEW"
    assert (await client.ws_get_order(symbol="BTCUSDT", origClientOrderId="one"))["orderId"] == placed["orderId"]
    assert (await client.ws_cancel_order(symbol="BTCUSDT", origClientOrderId="one"))["status"] == "CANCELED"
    assert len((await client.ws_get_order_book(symbol="BTCUSDT", limit=5))["bids"]) == 5


async def _until(stream: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            event: dict[str, Any] = await stream.recv()
            if event["e"] == kind:
                return event

"""python-binance's managers, which make their clients and sockets themselves: threads, depth caches, and futures' websocket API."""

from __future__ import annotations

import asyncio
import queue
import time
from typing import Any

import pytest
from binance import (
    AsyncClient,
    BinanceSocketManager,
    Client,
    DepthCacheManager,
    FuturesDepthCacheManager,
    ThreadedDepthCacheManager,
    ThreadedWebsocketManager,
)

from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, RESTING, SECRET
from tests.sandbox.binance.libraries import python_binance_client

SYMBOL = "BTCUSDT"

_WANTED = {"24hrMiniTicker", "markPriceUpdate", "12 symbols", "executionReport"}

pytestmark = pytest.mark.usefixtures("quick_sdk_sockets")


@pytest.fixture(autouse=True)
def on_sandbox(live_futures: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes' addresses, as the page on clients says."""
    moved = python_binance_client(AsyncClient, live_futures)
    for name in ("API_URL", "MARGIN_API_URL", "FUTURES_URL", "WS_API_URL", "WS_FUTURES_URL"):
        monkeypatch.setattr(AsyncClient, name, getattr(moved, name))
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", live_futures.stream_url)
    monkeypatch.setattr(BinanceSocketManager, "FSTREAM_URL", live_futures.futures_stream_url)


async def test_the_managers_follow_markets_and_account(live_futures: Sandbox) -> None:
    """Threaded or not, side by side: closing takes each of them seconds."""
    seen, threaded, spot, futures = await asyncio.gather(
        asyncio.to_thread(_events, live_futures),
        asyncio.to_thread(_threaded_depth),
        _depth(DepthCacheManager),
        _depth(FuturesDepthCacheManager),
    )
    assert seen >= _WANTED
    for book in (threaded, spot, futures):
        assert book.get_bids()[0][0] < book.get_asks()[0][0]
        assert len(book.get_bids()) >= 10


def _events(sandbox: Sandbox) -> set[str]:
    """Kinds of events that the threaded manager calls back with, of both markets and the account."""
    events: queue.Queue[dict[str, Any]] = queue.Queue()
    manager = ThreadedWebsocketManager(API_KEY, SECRET)
    manager.start()
    manager.start_symbol_miniticker_socket(symbol=SYMBOL, callback=events.put)
    manager.start_futures_multiplex_socket(
        callback=lambda event: events.put(event["data"]), streams=["btcusdt@markPrice"]
    )
    manager.start_miniticker_socket(callback=lambda rows: events.put({"e": f"{len(rows)} symbols"}))
    user = manager.start_user_socket(callback=events.put)
    seen: set[str] = set()
    small = RESTING | {"quantity": "0.001"}
    client = python_binance_client(Client, sandbox)(API_KEY, SECRET)
    while not seen >= _WANTED:
        client.create_order(**small)
        seen.add(events.get(timeout=20)["e"])
    # The SDK hangs unless its user socket is stopped before the client, and looks for that after an event.
    manager.stop_socket(user)
    client.create_order(**small)
    while user in manager._socket_running:
        time.sleep(0.01)
    client.close_connection()
    _stop(manager)
    return seen


def _threaded_depth() -> Any:
    """The first book of a depth cache in the manager's thread."""
    books: queue.Queue[Any] = queue.Queue()
    manager = ThreadedDepthCacheManager(API_KEY, SECRET)
    manager.start()
    manager.start_depth_cache(callback=books.put, symbol=SYMBOL)
    book = books.get(timeout=20)
    _stop(manager)
    return book


async def _depth(kind: Any) -> Any:
    """The second book of a depth cache: a snapshot and differences."""
    client = await AsyncClient.create(API_KEY, SECRET)
    try:
        async with asyncio.timeout(30), kind(client, SYMBOL, refresh_interval=0) as cache:
            await cache.recv()
            return await cache.recv()
    finally:
        await client.close_connection()


def _stop(manager: Any) -> None:
    manager.stop()
    manager.join()
    manager._loop.close()  # the SDK makes one for the thread and forgets it


async def test_orders_go_over_futures_websocket_api() -> None:
    """Placed, asked for, canceled."""
    client = await AsyncClient.create(API_KEY, SECRET)
    try:
        placed = await client.ws_futures_create_order(**RESTING, newClientOrderId="one")
        assert placed["status"] == "NEW"
        found = await client.ws_futures_get_order(symbol=SYMBOL, origClientOrderId="one")
        assert found["orderId"] == placed["orderId"]
        canceled = await client.ws_futures_cancel_order(symbol=SYMBOL, origClientOrderId="one")
        assert canceled["status"] == "CANCELED"
        assert (await client.ws_futures_account_balance())[0]["asset"] == "USDT"
    finally:
        await client.close_connection()

"""The official client's WebSockets, row 33: subscribe, ping, unsubscribe, iterate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hummingbot_api_client import HummingbotAPIClient


async def received(socket: Any, kinds: set[str], seconds: float = 20.0) -> dict[str, Any]:
    """The first message of each of ``kinds``."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(seconds):
        async for message in socket:
            found.setdefault(message["type"], message)
            if kinds <= set(found):
                break
    return found


pytestmark = pytest.mark.usefixtures("binance_keys")


async def test_markets_are_followed(client: HummingbotAPIClient, connector: str) -> None:
    """Three subscriptions one after the other get their own acknowledgements, and then all kinds of data come."""
    async with client.ws.market_data() as socket:
        assert socket.connection_id
        assert (
            await socket.subscribe_candles(connector, "BTC-USDT", interval="1m", max_records=5)
            == f"candles_{connector}_BTC-USDT_1m"
        )
        assert await socket.subscribe_order_book(connector, "BTC-USDT", depth=3) == f"order_book_{connector}_BTC-USDT"
        assert (
            await socket.subscribe_trades(connector, "BTC-USDT", update_interval=0.25) == f"trades_{connector}_BTC-USDT"
        )
        found = await received(socket, {"candles", "candle_update", "order_book", "trades"})

    assert len(found["candles"]["data"]) == 5
    assert found["candle_update"]["data"]["timestamp"] >= found["candles"]["data"][-1]["timestamp"]
    assert [len(found["order_book"]["data"][side]) for side in ("bids", "asks")] == [3, 3]
    assert found["order_book"]["data"]["bids"][0][0] < found["order_book"]["data"]["asks"][0][0]
    assert set(found["trades"]["data"][0]) == {"timestamp", "price", "amount", "side"}
    assert found["trades"]["data"][0]["side"] in {"buy", "sell"}
    assert all(message["timestamp"] > 0 and message["subscription_id"] for message in found.values())


async def test_ping_and_unsubscribe(client: HummingbotAPIClient, connector: str) -> None:
    """A ping is answered by a pong, and a subscription can be removed once."""
    async with client.ws.market_data() as socket:
        assert (await socket.ping())["type"] == "pong"
        name = await socket.subscribe_order_book(connector, "BTC-USDT")
        await socket.unsubscribe(name)
        with pytest.raises(RuntimeError, match=f"Subscription not found: {name}"):
            await socket.unsubscribe(name)


async def test_a_market_that_is_not_there(client: HummingbotAPIClient, connector: str) -> None:
    """The client raises with the reason, and the socket goes on."""
    async with client.ws.market_data() as socket:
        with pytest.raises(RuntimeError, match="Failed to start feed: Connector 'nope' not found"):
            await socket.subscribe_trades("nope", "BTC-USDT")
        with pytest.raises(RuntimeError, match="Failed to start feed: Trading pair 'NO-PAIR' not supported on"):
            await socket.subscribe_candles(connector, "NO-PAIR")
        assert (await socket.ping())["type"] == "pong"


async def test_there_are_no_executors(client: HummingbotAPIClient) -> None:
    """The socket opens, answers, and says that there are none."""
    async with client.ws.executors() as socket:
        for subscribe in (socket.subscribe_executors, socket.subscribe_performance):
            with pytest.raises(RuntimeError, match="This server runs no executors"):
                await subscribe()
        assert (await socket.ping())["type"] == "pong"


async def test_a_wrong_password(server_url: str) -> None:
    """The client gets a message."""
    async with HummingbotAPIClient(server_url, "admin", "wrong") as stranger:
        with pytest.raises(RuntimeError, match="Authentication failed"):
            async with stranger.ws.market_data():
                pass

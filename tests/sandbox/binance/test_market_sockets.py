"""Tests of the market streams' sockets: how clients subscribe, and what they are sent."""

from __future__ import annotations

from typing import Any

from aiohttp import WSMsgType

from app.sandbox.prices import SteeredPath
from tests.clock import FakeClock
from tests.sandbox.binance.client import RawClient, Socket, until


async def _beat(clock: FakeClock, sleepers: int) -> None:
    """Let a second pass once so many sleep: the beat, and two for each connection."""
    await until(lambda: clock.sleepers >= sleepers)
    clock.advance(1)


async def test_raw_and_combined_streams(client: RawClient, clock: FakeClock, path: SteeredPath) -> None:
    """A raw connection brings bare events, a combined one wraps them in their stream's name."""
    async with client.socket("/ws/btcusdt@trade") as raw, client.socket("/stream?streams=a/ethusdt@trade") as combined:
        await _beat(clock, 5)
        assert (await raw.next())["s"] == "BTCUSDT"
        event = await combined.next()
        assert (event["stream"], event["data"]["s"]) == ("ethusdt@trade", "ETHUSDT")


async def test_subscriptions_change_on_the_way(client: RawClient, clock: FakeClock) -> None:
    """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS answer by id."""
    async with client.socket("/ws") as socket:
        streams = ["btcusdt@trade", "ethusdt@trade"]
        assert await _asked(socket, "SUBSCRIBE", streams) == {"result": None, "id": 1}
        assert await _asked(socket, "UNSUBSCRIBE", streams[:1]) == {"result": None, "id": 1}
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": streams[1:], "id": 1}
        await _beat(clock, 3)
        assert (await socket.next())["s"] == "ETHUSDT"


async def test_a_connection_becomes_a_combined_one(client: RawClient, clock: FakeClock) -> None:
    """By a property, which can be asked for."""
    async with client.socket("/ws") as socket:
        assert await _asked(socket, "SUBSCRIBE", ["ethusdt@trade"]) == {"result": None, "id": 1}
        assert await _asked(socket, "SET_PROPERTY", ["combined", True]) == {"result": None, "id": 1}
        assert await _asked(socket, "GET_PROPERTY", ["combined"]) == {"result": True, "id": 1}
        await _beat(clock, 3)
        assert (await socket.next())["stream"] == "ethusdt@trade"


async def test_requests_that_make_no_sense(client: RawClient) -> None:
    """No JSON, no such method, no list, too many: an error, and the connection stays."""
    async with client.socket("/ws") as socket:
        await socket.socket.send_str("{")
        assert (await socket.next())["error"]["code"] == 3
        assert (await _asked(socket, "SHOUT"))["code"] == 2
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
    async with client.socket("/ws") as socket:
        assert (await _asked(socket, "SUBSCRIBE", "btcusdt@trade"))["code"] == 2
        assert (await _asked(socket, "SUBSCRIBE", [str(number) for number in range(1_025)]))["code"] == 2
        assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}


async def test_who_says_too_much_is_cut_off(client: RawClient, clock: FakeClock) -> None:
    """More than five messages in a second, of whatever kind, end the connection; over two seconds they do not."""
    async with client.socket("/stream") as socket:
        for _ in range(4):
            assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        clock.advance(1)
        for _ in range(3):
            assert await _asked(socket, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        for _ in range(3):
            await socket.socket.ping()
        message = await socket.socket.receive(timeout=10)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1008, "Too many requests")


async def _asked(socket: Socket, method: str, parameters: Any = None) -> Any:
    request = {"id": 1, "method": method} | ({} if parameters is None else {"params": parameters})
    return await socket.ask(request)


async def test_streams_of_all_symbols_and_of_windows(client: RawClient, clock: FakeClock) -> None:
    """At any speed, also below the path that bears the name of Binance's host."""
    names = "!miniTicker@arr@3000ms/!ticker_1h@arr/btcusdt@ticker_4h/ethusdt@kline_1s"
    async with client.socket(f"/stream/stream?streams={names}") as socket:
        await _beat(clock, 3)
        events = {event["stream"]: event["data"] for event in [await socket.next() for _ in range(4)]}
    assert list(events) == names.split("/")
    tickers, windows, window, candle = events.values()
    assert ({each["e"] for each in tickers}, len(tickers)) == ({"24hrMiniTicker"}, 12)
    assert ({each["e"] for each in windows}, len(windows)) == ({"1hTicker"}, 12)
    assert (window["e"], window["s"], window["O"] % 60_000) == ("4hTicker", "BTCUSDT", 0)
    assert candle["k"]["T"] - candle["k"]["t"] == 999

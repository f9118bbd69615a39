"""Tests of connections: faults on events, pings and the end of life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import RawClient, Socket, until

WS_API = "/ws-api/v3"


@pytest.fixture
async def stream(client: RawClient) -> AsyncIterator[Socket]:
    """A subscribed user stream."""
    async with client.socket(WS_API) as socket:
        assert (await socket.ask(client.subscription()))["result"] == {"subscriptionId": 0}
        yield socket


async def _orders(stream: Socket, count: int) -> list[str]:
    """The client ids in the next ``count`` reports."""
    names: list[str] = []
    while len(names) < count:
        event = (await stream.next())["event"]
        if event["e"] == "executionReport":
            names.append(event["c"])
    return names


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "drop", "times": 2}, ["two", "three"]),
        ({"kind": "double", "times": 1}, ["one", "one", "two", "three"]),
        ({"kind": "reorder", "times": 2}, ["two", "one", "three"]),
    ],
)
async def test_events_may_be_lost_doubled_or_out_of_order(
    client: RawClient, stream: Socket, rule: dict[str, Any], expected: list[str]
) -> None:
    """Each order makes a report and a balance; the first events have the fault."""
    await client.faults(rule)
    for name in ("one", "two", "three"):
        await client.place(newClientOrderId=name)
    assert await _orders(stream, len(expected)) == expected


async def test_a_reordered_event_without_a_next_one_is_sent(
    client: RawClient, stream: Socket, clock: FakeClock
) -> None:
    """After its seconds."""
    await client.faults({"kind": "reorder", "seconds": 2})
    sleepers = clock.sleepers
    await client.place(newClientOrderId="one")
    await until(lambda: clock.sleepers >= sleepers + 2)
    clock.advance(2)
    assert await _orders(stream, 1) == ["one"]


async def test_events_may_be_late(client: RawClient, stream: Socket, clock: FakeClock) -> None:
    """With all that follow."""
    await client.faults({"kind": "delay", "times": 1, "seconds": 5})
    sleepers = clock.sleepers
    await client.place(newClientOrderId="one")
    await until(lambda: clock.sleepers >= sleepers + 1)
    clock.advance(5)
    assert await _orders(stream, 1) == ["one"]


async def test_a_connection_may_be_cut(client: RawClient, stream: Socket) -> None:
    """By a fault, instead of an event."""
    await client.faults({"kind": "cut"})
    await client.place()
    assert (await stream.socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_client_is_pinged_and_must_answer(client: RawClient, clock: FakeClock) -> None:
    """A ping every 20 seconds; without a pong for a minute the connection is closed."""
    async with client.session.ws_connect(f"{client.url}{WS_API}", autoping=False) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.PING
        for _ in range(3):
            await _pass(clock, 20)
            assert (await socket.receive()).type is aiohttp.WSMsgType.PING
        await _pass(clock, 20)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_client_that_answers_stays_and_is_answered(client: RawClient, clock: FakeClock) -> None:
    """Its pongs keep the connection open, and its own pings are answered."""
    async with client.session.ws_connect(f"{client.url}{WS_API}", autoping=False) as socket:
        for _ in range(6):
            ping = await socket.receive()
            assert ping.type is aiohttp.WSMsgType.PING
            await socket.pong(ping.data)
            await socket.ping(b"mine")
            pong = await socket.receive()
            assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"mine")
            await _pass(clock, 20)


async def test_a_connection_lives_for_a_day(sandbox: Sandbox, client: RawClient, clock: FakeClock) -> None:
    """Then it is closed."""
    async with client.socket("/ws/btcusdt@trade") as socket:
        await until(lambda: clock.sleepers >= 3)
        clock.advance(24 * 3_600)
        while (message := await socket.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE
    await until(lambda: len(sandbox.connections) == 0)


async def _pass(clock: FakeClock, seconds: int) -> None:
    """Advance the clock once three tasks sleep: the market streams, the pings and the connection's end of life."""
    await until(lambda: clock.sleepers >= 3)
    clock.advance(seconds)

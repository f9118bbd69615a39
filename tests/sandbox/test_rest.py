"""Tests of faults on calls: what the client sees, and whether the order is there."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import RawClient, Reply, until
from tests.sandbox.binance.futures.client import FuturesClient

ORDER = "/api/v3/order"


async def _open(client: RawClient) -> list[str]:
    return [each["clientOrderId"] for each in (await client.signed("GET", "/api/v3/openOrders")).json]


@pytest.mark.parametrize(
    ("kind", "status", "body", "is_there"),
    [
        ("accept_500", 500, "500 Internal Server Error", True),
        ("accept_503", 503, "Unknown error, please check your request or try again later.", True),
        ("accept_504", 504, "execution status unknown", True),
        ("accept_overloaded", 503, '"code":-1008', True),
        ("garble_text", 200, "<!-- garbled -->", True),
        ("garble_type", 200, "[]", True),
        ("garble_error", 200, '"code":-2011', True),
        ("refuse_unavailable", 503, "Service Unavailable.", False),
        ("refuse_internal", 503, "Internal error; unable to process your request. Please try again.", False),
        ("refuse_overloaded", 503, '"code":-1008', False),
        ("refuse_502", 502, "502 Bad Gateway", False),
        ("refuse_429", 429, '"code":-1003', False),
        ("refuse_418", 418, "banned until", False),
    ],
)
async def test_a_wrong_answer(client: RawClient, kind: str, status: int, body: str, is_there: bool) -> None:
    """It comes once, in the fault's form, and the order exists only where the fault is in the answer."""
    await client.faults({"kind": kind, "routes": ["place"], "times": 1, "seconds": 7})
    reply = await client.place(newClientOrderId="one")
    assert reply.status == status
    assert body in reply.text
    if status in (418, 429):
        assert reply.headers["Retry-After"] == "7"
    assert await _open(client) == (["one"] if is_there else [])
    assert (await client.place(newClientOrderId="two")).status == 200


@pytest.mark.parametrize(("kind", "is_there"), [("accept_reset", True), ("lose_reset", False), ("garble_cut", True)])
async def test_a_broken_connection(client: RawClient, kind: str, is_there: bool) -> None:
    """The client sees an error of the connection, before or within the answer."""
    await client.faults({"kind": kind, "routes": ["place"], "times": 1})
    with pytest.raises(aiohttp.ClientError):
        await client.place(newClientOrderId="one")
    assert await _open(client) == (["one"] if is_there else [])


@pytest.mark.parametrize(("kind", "is_there"), [("accept_hang", True), ("lose_hang", False)])
async def test_no_answer(sandbox: Sandbox, client: RawClient, kind: str, is_there: bool) -> None:
    """The client waits until it gives up, or the exchange stops."""
    await client.faults({"kind": kind, "routes": ["place"], "times": 1})
    waiting = asyncio.create_task(client.place(newClientOrderId="one"))
    await until(lambda: sandbox.requests["place"] > 0)
    assert await _open(client) == (["one"] if is_there else [])
    assert not waiting.done()
    await sandbox.stop()
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def _asleep(clock: FakeClock, count: int) -> None:
    await until(lambda: clock.sleepers >= count)


async def test_an_order_may_come_late(client: RawClient, clock: FakeClock) -> None:
    """It is not there until its time, and comes although the client has gone."""
    await client.faults({"kind": "late", "routes": ["place"], "times": 1, "seconds": 3})
    sleepers = clock.sleepers
    waiting = asyncio.create_task(client.place(newClientOrderId="one"))
    await _asleep(clock, sleepers + 1)
    waiting.cancel()
    assert await _open(client) == []
    clock.advance(3)
    while await _open(client) == []:
        pass
    assert await _open(client) == ["one"]


async def test_a_late_order_is_admitted_at_once(client: RawClient) -> None:
    """A refusal of the gate is not late."""
    await client.faults({"kind": "late", "routes": ["place"], "seconds": 3})
    assert (await client.place(quantity="x")).error[0] == -1100


async def test_an_answer_may_be_slow(client: RawClient, clock: FakeClock) -> None:
    """The order is there before the answer is."""
    await client.faults({"kind": "slow", "routes": ["place"], "times": 1, "seconds": 3})
    sleepers = clock.sleepers
    waiting = asyncio.create_task(client.place(newClientOrderId="one"))
    await _asleep(clock, sleepers + 1)
    assert await _open(client) == ["one"]
    clock.advance(3)
    assert (await waiting).status == 200


async def test_an_order_may_be_hidden_for_a_while(client: RawClient, clock: FakeClock) -> None:
    """It is missing from a query, the open orders and the trades while it is young."""
    await client.faults({"kind": "hide", "routes": ["query", "open", "trades"], "seconds": 4})
    await client.place(newClientOrderId="one")
    await client.place(price="66000")

    async def seen() -> tuple[Any, int, int]:
        query: Reply = await client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="one")
        trades = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")
        return query.json.get("code"), len(await _open(client)), len(trades.json)

    assert await seen() == (-2013, 0, 0)
    clock.advance(4)
    assert await seen() == (None, 1, 1)


async def test_an_order_may_be_forgotten_for_a_while(client: RawClient, clock: FakeClock) -> None:
    """Questions for it alone deny it under both its names, whether or not more of them have a fault; the list shows it."""
    number = (await client.place(newClientOrderId="one")).json["orderId"]
    await client.faults({"kind": "forget", "times": 1, "seconds": 40})

    async def codes() -> list[int | None]:
        names: list[dict[str, Any]] = [{"origClientOrderId": "one"}, {"orderId": number}]
        replies = [await client.signed("GET", ORDER, symbol="BTCUSDT", **name) for name in names]
        return [reply.json.get("code") for reply in replies]

    assert await codes() == [-2013, -2013]
    await client.faults()
    assert await codes() == [-2013, -2013]
    assert await _open(client) == ["one"]
    clock.advance(40)
    assert await codes() == [None, None]


async def test_a_forgotten_order_that_ends_is_remembered(client: RawClient) -> None:
    """It can be canceled, and then questions show it."""
    await client.place(newClientOrderId="one")
    await client.faults({"kind": "forget", "times": 1, "seconds": 40})
    one = {"symbol": "BTCUSDT", "origClientOrderId": "one"}
    assert (await client.signed("GET", ORDER, **one)).error[0] == -2013
    assert (await client.signed("DELETE", ORDER, **one)).status == 200
    assert (await client.signed("GET", ORDER, **one)).json["status"] == "CANCELED"


async def test_a_symbol_may_go_with_an_order_on_it(client: RawClient, clock: FakeClock) -> None:
    """The order is there without an answer, and its symbol is unknown to every question until it is listed again."""
    await client.faults({"kind": "delist", "times": 1, "seconds": 5})
    with pytest.raises(aiohttp.ClientError):
        await client.place(newClientOrderId="one")
    one = {"symbol": "BTCUSDT", "origClientOrderId": "one"}
    for method in ("GET", "DELETE"):
        assert (await client.signed(method, ORDER, **one)).error[0] == -1121
    assert (await client.place(newClientOrderId="two")).error[0] == -1121
    assert "BTCUSDT" not in {each["symbol"] for each in (await client.get("/api/v3/exchangeInfo")).json["symbols"]}
    assert await _open(client) == []
    clock.advance(5)
    assert await _open(client) == ["one"]
    assert (await client.signed("GET", ORDER, **one)).json["status"] == "NEW"


async def test_rules_may_change_with_an_order_placed(client: RawClient, clock: FakeClock) -> None:
    """The order is there without an answer, and the next one like it is too small until the rules are as they were."""

    async def least() -> str:
        info = (await client.get("/api/v3/exchangeInfo", symbol="BTCUSDT")).json
        return {each["filterType"]: each for each in info["symbols"][0]["filters"]}["LOT_SIZE"]["minQty"]

    await client.faults({"kind": "new_rules", "times": 1, "seconds": 5})
    with pytest.raises(aiohttp.ClientError):
        await client.place(newClientOrderId="one")
    assert await least() == "900.00000000"
    assert (await client.place(newClientOrderId="two")).error == (-1013, "Filter failure: LOT_SIZE")
    clock.advance(5)
    assert (await client.place(newClientOrderId="two")).status == 200
    assert await _open(client) == ["one", "two"]


async def test_futures_have_the_same_faults(futures: FuturesClient, clock: FakeClock) -> None:
    """An order is forgotten, its symbol goes, its rules change."""
    path = "/fapi/v1/order"
    await futures.place(newClientOrderId="one")
    await futures.faults({"kind": "forget", "seconds": 40})
    reply = await futures.signed("GET", path, symbol="BTCUSDT", origClientOrderId="one")
    assert reply.error[0] == -2013
    for kind, code in (("new_rules", -4004), ("delist", -1121)):
        await futures.faults({"kind": kind, "times": 1, "seconds": 5})
        with pytest.raises(aiohttp.ClientError):
            await futures.place()
        assert (await futures.place()).error[0] == code
        clock.advance(5)


async def test_what_nothing_serves_is_named(futures: FuturesClient) -> None:
    """In Binance's form: a path or a method that the sandbox does not have, of either market or of none."""
    for path in ("/api/v3/orderList/oco", "/fapi/v1/nonsense", "/eapi/v1/ping", "/ws-api/v9"):
        reply = await futures.get(path)
        assert (reply.status, reply.error[0], f"GET {path}" in reply.error[1]) == (404, -1020, True)
    reply = await futures.send("PATCH", "/fapi/v1/order")
    assert (reply.status, reply.error[0], "DELETE, GET" in reply.error[1]) == (405, -1020, True)
    assert "DELETE" in reply.headers["Allow"]

"""Tests of the operator's routes."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

import aiohttp

from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import MARKET, RawClient


async def test_accounts_are_opened_with_money_and_keys(client: RawClient) -> None:
    """With balances, with further keys, and with a reason where it fails."""
    new = {"name": "bob", "api_key": "bobs", "secret": "a-secret", "balances": {"USDT": "7"}}
    assert await client.put("/sandbox/accounts", new, "POST") == {"name": "bob", "api_keys": ["bobs"]}
    reply = await client.send("GET", "/api/v3/account", client.query(), key="bobs")
    assert reply.json["balances"] == [{"asset": "USDT", "free": "7.00000000", "locked": "0.00000000"}]
    more = {"name": "bob", "api_key": "more", "secret": "a-secret"}
    assert (await client.put("/sandbox/accounts", more, "POST"))["api_keys"] == ["bobs", "more"]
    assert "already" in (await client.put("/sandbox/accounts", new, "POST"))["error"]
    assert "error" in await client.put("/sandbox/accounts", {"name": "eve", "api_key": "x"}, "POST")
    assert "error" in await client.put("/sandbox/accounts", {"name": "eve"}, "POST")


async def test_faults_are_shown_set_and_cleared(client: RawClient) -> None:
    """With the counts of faults and requests."""
    rule = {"kind": "refuse_502", "routes": ["place"], "probability": 1, "seconds": 2, "times": None}
    shown = await client.put("/sandbox/faults", {"seed": 7, "faults": [rule]})
    assert shown["seed"] == 7
    assert shown["faults"] == [rule]
    await client.place()
    shown = (await client.get("/sandbox/faults")).json
    assert (shown["counts"], shown["requests"]) == ({"refuse_502": 1}, {"place": 1})
    assert "error" in await client.put("/sandbox/faults", {"faults": [{"kind": "gremlins"}]})
    assert (
        "no route" in (await client.put("/sandbox/faults", {"faults": [{"kind": "late", "routes": ["user"]}]}))["error"]
    )
    assert (await client.put("/sandbox/faults", None, "DELETE"))["faults"] == []
    assert (await client.place()).status == 200


async def test_limits_are_set(client: RawClient) -> None:
    """They apply from the next request, and exchangeInfo shows them."""
    await client.put("/sandbox/limits", {"weight": 100, "orders_10s": 1})
    assert (await client.get("/api/v3/exchangeInfo", symbol="BTCUSDT")).json["rateLimits"][0]["limit"] == 100
    assert [(await client.place()).status for _ in range(2)] == [200, 429]


async def test_prices_are_set(client: RawClient, clock: FakeClock) -> None:
    """From the next second, until the pair returns to its synthetic path."""
    await client.put("/sandbox/prices", {"BTCUSDT": "50000"})
    clock.advance(1)
    assert D((await client.get("/api/v3/depth", symbol="BTCUSDT", limit=1)).json["asks"][0][0]) < 50_010
    await client.put("/sandbox/prices", {"BTCUSDT": None})
    clock.advance(1)
    assert D((await client.get("/api/v3/depth", symbol="BTCUSDT", limit=1)).json["asks"][0][0]) > 50_500
    assert "Invalid symbol" in (await client.put("/sandbox/prices", {"A": "1"}))["error"]


async def test_the_truth(client: RawClient) -> None:
    """Every order with its fills, every balance, with the ids that clients saw."""
    resting = (await client.place(newClientOrderId="one")).json
    bought = (await client.signed("POST", "/api/v3/order", **MARKET, newClientOrderId="two")).json
    (account,) = (await client.get("/sandbox/truth")).json["accounts"]
    one, two = account["orders"]
    assert (account["name"], account["api_keys"]) == ("alice", ["a-key"])
    assert (one["order_id"], one["exchange_order_id"], one["state"]) == ("one", str(resting["orderId"]), "open")
    assert (two["state"], D(two["filled_amount"])) == ("filled", D("0.1"))
    assert [fill["exchange_fill_id"] for fill in two["fills"]] == [str(fill["tradeId"]) for fill in bought["fills"]]
    assert [D(fill["fee"]) for fill in two["fills"]] == [D(fill["commission"]) for fill in bought["fills"]]
    held = {each["asset"]: D(each["held"]) for each in account["balances"]}
    assert held["USDT"] == 6_000


async def test_streams_are_cut_and_shut_down(sandbox: Sandbox, client: RawClient, clock: FakeClock) -> None:
    """Cut without a notice; shut down with a notice on each kind of socket, and then closed."""
    async with client.socket("/ws-api/v3") as socket:
        await socket.ask({"id": 1, "method": "ping"})
        assert await client.put("/sandbox/streams/cut", None, "POST") == {"cut": 1}
        assert (await socket.socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    while len(sandbox.connections):
        await client.get("/api/v3/ping")
    async with client.socket("/ws-api/v3") as api, client.socket("/ws/btcusdt@trade") as market:
        await api.ask({"id": 1, "method": "ping"})
        await market.ask({"id": 1, "method": "LIST_SUBSCRIPTIONS"})
        shutting = asyncio.create_task(client.put("/sandbox/streams/shutdown", {"seconds": 9}, "POST"))
        assert (await api.next())["event"]["e"] == "serverShutdown"
        assert (await market.next())["e"] == "serverShutdown"
        clock.advance(9)
        while (await market.socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
        while (await api.socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
        assert await shutting == {"closed": 2}


async def test_an_outage_refuses_connections(live_sandbox: Sandbox, clock: FakeClock) -> None:
    """For the given time; then they are accepted again."""
    async with RawClient(f"http://{live_sandbox.url}", clock) as client:
        await client.put("/sandbox/outage", {"seconds": 0.2}, "POST")
        while await _answers(client):
            pass
        while not await _answers(client):
            pass


async def _answers(client: RawClient) -> bool:
    try:
        return (await client.get("/api/v3/ping")).status == 200
    except aiohttp.ClientConnectionError:
        return False

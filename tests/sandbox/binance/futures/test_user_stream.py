"""Tests of the futures market's user stream and its listen keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import pytest

from app.sandbox.prices import SteeredPath
from tests.clock import FakeClock
from tests.sandbox.binance.client import until
from tests.sandbox.binance.futures.client import FuturesClient

HOUR = 3_600


@pytest.fixture
async def stream(futures: FuturesClient) -> AsyncIterator[Any]:
    """A connected user stream."""
    key = (await futures.listen_key()).json["listenKey"]
    async with futures.socket(f"/private/ws?listenKey={key}") as socket:
        yield socket


async def test_an_account_has_one_key(futures: FuturesClient, clock: FakeClock) -> None:
    """The same until it is ended or an hour has passed; an API key alone asks for it."""
    first = (await futures.listen_key()).json
    clock.advance(HOUR - 1)
    assert (await futures.listen_key("PUT")).json == first
    clock.advance(HOUR - 1)
    assert (await futures.listen_key()).json == first
    clock.advance(HOUR)
    assert (await futures.listen_key("PUT")).error == (-1125, "This listenKey does not exist.")
    second = (await futures.listen_key()).json
    assert second != first
    assert (await futures.listen_key("DELETE")).json == {}
    assert (await futures.listen_key("DELETE")).error[0] == -1125
    assert (await futures.send("POST", "/fapi/v1/listenKey", key=None)).error[0] == -2014


async def test_orders_and_their_changes_are_sent(futures: FuturesClient, stream: Any) -> None:
    """A trade is an order update with fill and result, and one account update; holding money for an order is none."""
    await futures.place(newClientOrderId="rests")
    assert (await stream.next())["o"]["X"] == "NEW"
    await futures.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="rests")
    assert (await stream.next())["o"]["x"] == "CANCELED"
    await futures.trade()
    new, filled = (await stream.next())["o"], (await stream.next())["o"]
    assert (new["X"], filled["x"], filled["X"], filled["N"]) == ("NEW", "TRADE", "FILLED", "USDT")
    update = (await stream.next())["a"]
    (balance,), (position,) = update["B"], update["P"]
    assert (update["m"], D(balance["bc"]), D(position["pa"]), position["mt"]) == ("ORDER", 0, D("0.1"), "isolated")
    assert D(balance["wb"]) - D(balance["cw"]) == D(position["iw"])
    await futures.trade(side="SELL")
    assert [(await stream.next())["o"]["X"] for _ in range(2)] == ["NEW", "FILLED"]
    (position,) = (await stream.next())["a"]["P"]
    assert D(position["pa"]) == 0
    assert D(position["cr"]) < 0


async def test_funding_is_sent(futures: FuturesClient, clock: FakeClock) -> None:
    """With what it changed in the wallet."""
    await futures.trade()
    seconds_left = 8 * HOUR - int(clock.now().timestamp()) % (8 * HOUR)
    clock.advance(seconds_left - 10)
    key = (await futures.listen_key()).json["listenKey"]
    async with futures.socket(f"/private/ws?listenKey={key}") as socket:
        clock.advance(10)
        await futures.ask("v3/balance")
        update = (await socket.next())["a"]
    assert (update["m"], update["P"], D(update["B"][0]["bc"])) == ("FUNDING_FEE", [], D("-0.65"))


async def test_a_liquidation_is_sent(futures: FuturesClient, stream: Any, clock: FakeClock, path: SteeredPath) -> None:
    """As an order of the exchange's own whose execution was calculated."""
    await futures.change("leverage", symbol="BTCUSDT", leverage="100")
    await futures.trade()
    for _ in range(3):
        await stream.next()
    path.prices["BTC-USDT"] = D(60_000)
    clock.advance(1)
    await futures.ask("v3/balance")
    executions = [(await stream.next())["o"] for _ in range(2)]
    assert [each["x"] for each in executions] == ["NEW", "CALCULATED"]
    assert executions[0]["c"].startswith("autoclose-")
    assert D((await stream.next())["a"]["P"][0]["pa"]) == 0


async def test_a_killed_order_is_not_sent(futures: FuturesClient, stream: Any) -> None:
    """What was refused has no events; the next order's come first."""
    await futures.place(timeInForce="FOK", newClientOrderId="killed")
    await futures.place(newClientOrderId="rests")
    assert (await stream.next())["o"]["c"] == "rests"
    await futures.trade(type="LIMIT", timeInForce="FOK", price="66000", newClientOrderId="whole")
    assert [(await stream.next())["o"]["X"] for _ in range(2)] == ["NEW", "FILLED"]


async def test_other_accounts_get_nothing(futures: FuturesClient, stream: Any) -> None:
    """Each account has its own stream, also at the older address."""
    await futures.put("/sandbox/accounts", {"name": "bob", "api_key": "bobs", "secret": "a-secret"}, "POST")
    key = (await futures.send("POST", "/fapi/v1/listenKey", key="bobs")).json["listenKey"]
    async with futures.socket(f"/ws/{key}") as bobs:
        await futures.place(newClientOrderId="alices")
        assert (await stream.next())["o"]["c"] == "alices"
        terms = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=60000&newClientOrderId=bobs"
        pairs = dict(piece.split("=") for piece in terms.split("&"))
        await futures.send("POST", "/fapi/v1/order", futures.query(**pairs), key="bobs")
        assert (await bobs.next())["o"]["c"] == "bobs"


async def test_a_key_expires(futures: FuturesClient, clock: FakeClock) -> None:
    """An hour after it was last requested, its socket is notified, and gets no more events."""
    key = (await futures.listen_key()).json["listenKey"]
    clock.advance(HOUR - 10)
    async with futures.socket(f"/private/ws?listenKey={key}") as socket:
        clock.advance(10)
        assert (await socket.next())["e"] == "listenKeyExpired"


async def test_a_key_is_extended(futures: FuturesClient, clock: FakeClock) -> None:
    """Its socket goes on hearing past the first hour."""
    key = (await futures.listen_key()).json["listenKey"]
    clock.advance(HOUR - 10)
    async with futures.socket(f"/private/ws?listenKey={key}") as socket:
        await futures.listen_key("PUT")
        clock.advance(20)
        await futures.place(newClientOrderId="heard")
        assert (await socket.next())["o"]["c"] == "heard"


async def test_a_key_is_deleted(futures: FuturesClient, stream: Any) -> None:
    """Its socket is notified at once; a socket with an unknown key is notified at the start."""
    await futures.listen_key("DELETE")
    assert (await stream.next())["e"] == "listenKeyExpired"
    async with futures.socket("/private/ws/nonsense") as socket:
        expired = await socket.next()
        assert (expired["e"], expired["listenKey"]) == ("listenKeyExpired", "nonsense")


async def test_faults_apply_to_the_user_stream(futures: FuturesClient, stream: Any) -> None:
    """An event is lost, and another comes twice."""
    await futures.faults({"kind": "drop", "times": 1})
    await futures.place(newClientOrderId="lost")
    await futures.place(newClientOrderId="heard")
    assert (await stream.next())["o"]["c"] == "heard"
    await futures.faults({"kind": "double", "times": 1})
    await futures.place(newClientOrderId="twice")
    assert [(await stream.next())["o"]["c"] for _ in range(2)] == ["twice", "twice"]


async def test_a_key_is_a_stream_to_subscribe_to(futures: FuturesClient) -> None:
    """On a connection without one, combined or raw; an unknown key is told to have expired, and what is unsubscribed is over."""
    key = (await futures.listen_key()).json["listenKey"]
    async with futures.socket("/private/stream") as socket:
        assert await socket.ask({"method": "SUBSCRIBE", "params": [key], "id": 1}) == {"result": None, "id": 1}
        await futures.place(newClientOrderId="one")
        event = await socket.next()
        assert (event["stream"], event["data"]["o"]["c"]) == (key, "one")
        await socket.ask({"method": "UNSUBSCRIBE", "params": [key], "id": 2})
        await futures.place(newClientOrderId="two")
        assert await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 3}) == {"result": [], "id": 3}
        unknown = await socket.ask({"method": "SUBSCRIBE", "params": ["nonsense"], "id": 4})
        assert (unknown["stream"], unknown["data"]["e"]) == ("nonsense", "listenKeyExpired")
    async with futures.socket(f"/private/stream?streams={key}") as socket:
        await futures.place(newClientOrderId="three")
        assert (await socket.next())["data"]["o"]["c"] == "three"
        await futures.listen_key("DELETE")
        assert (await socket.next())["data"]["e"] == "listenKeyExpired"


async def test_one_path_carries_everything(futures: FuturesClient, clock: FakeClock) -> None:
    """Below the name of Binance's host: both kinds of market streams, and listen keys, from the start or subscribed to later."""
    key = (await futures.listen_key()).json["listenKey"]
    names = f"{key}/btcusdt@markPrice/btcusdt@bookTicker"
    async with futures.socket(f"/fstream/stream?streams={names}") as socket:
        await until(lambda: clock.sleepers >= 4)
        clock.advance(1)
        assert {(await socket.next())["stream"] for _ in range(2)} == {"btcusdt@markPrice", "btcusdt@bookTicker"}
        await futures.place(newClientOrderId="one")
        assert (await socket.next())["data"]["o"]["c"] == "one"
    async with futures.socket("/fstream/ws") as socket:
        await socket.ask({"method": "SUBSCRIBE", "params": [key], "id": 1})
        await futures.place(newClientOrderId="two")
        assert (await socket.next())["o"]["c"] == "two"
    async with futures.socket("/market/ws") as socket:
        await socket.ask({"method": "SUBSCRIBE", "params": [key], "id": 1})
        await futures.place(newClientOrderId="three")
        assert await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 2}) == {"result": [key], "id": 2}

"""Tests of the websocket API: requests, sessions, and the user stream."""

from __future__ import annotations

import base64
from decimal import Decimal as D
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.sandbox.binance.limits import Limits
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import API_KEY, RESTING, RawClient, Socket, sign

WS_API = "/ws-api/v3"


def _signed(client: RawClient, method: str, number: Any = 1, **parameters: Any) -> dict[str, Any]:
    pairs = {"apiKey": API_KEY, "timestamp": client.now_ms} | parameters
    text = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))
    return {"id": number, "method": method, "params": pairs | {"signature": sign(text)}}


async def test_public_questions(client: RawClient) -> None:
    """The answer has the question's id, a status, the result and what was used."""
    async with client.socket(WS_API) as socket:
        answer = await socket.ask({"id": "a", "method": "time"})
        assert (answer["id"], answer["status"], answer["result"]) == ("a", 200, {"serverTime": client.now_ms})
        assert answer["rateLimits"][0]["count"] == 1
        book = await socket.ask({"id": None, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}})
        assert (book["id"], len(book["result"]["bids"])) == (None, 5)


async def test_what_is_wrong_is_an_error(sandbox: Sandbox, client: RawClient) -> None:
    """No JSON, no such method, no such symbol, a bad signature, too much: each with a status and the API's error."""
    async with client.socket(WS_API) as socket:
        await socket.socket.send_str("{")
        assert (await socket.next())["error"]["code"] == -1135
        assert (await socket.ask({"id": 1, "method": "depth", "params": {"symbol": [1]}}))["error"]["code"] == -1135
        assert (await socket.ask({"id": 1, "method": "order.fly"}))["error"]["code"] == -1020
        wrong = await socket.ask({"id": 1, "method": "depth", "params": {"symbol": "A"}})
        assert (wrong["id"], wrong["status"], wrong["error"]["code"]) == (1, 400, -1121)
        forged = _signed(client, "account.status")
        forged["params"]["timestamp"] += 1
        assert (await socket.ask(forged))["error"]["code"] == -1022
        assert (await socket.ask({"id": 1, "method": "account.status"}))["status"] == 401
        sandbox.spot.usage.limits = Limits(weight=0)
        limited = await socket.ask({"id": 1, "method": "ping"})
        assert (limited["status"], limited["error"]["code"]) == (429, -1003)
        assert limited["error"]["data"]["retryAfter"] > limited["error"]["data"]["serverTime"]


async def test_orders_can_be_placed_and_canceled(client: RawClient) -> None:
    """With numbers as JSON numbers too, exactly as they were written."""
    async with client.socket(WS_API) as socket:
        request = _signed(client, "order.place", **(RESTING | {"quantity": D("0.12345"), "newClientOrderId": "one"}))
        text = str({**request["params"], "quantity": "QUANTITY"}).replace("'QUANTITY'", "0.12345").replace("'", '"')
        await socket.socket.send_str(f'{{"id": 1, "method": "order.place", "params": {text}}}')
        placed = await socket.next()
        assert (placed["status"], placed["result"]["origQty"]) == (200, "0.12345000")
        one = {"symbol": "BTCUSDT", "origClientOrderId": "one"}
        assert (await socket.ask(_signed(client, "order.status", **one)))["result"]["status"] == "NEW"
        assert (await socket.ask(_signed(client, "order.cancel", **one)))["result"]["status"] == "CANCELED"


def _pem(key: Any) -> str:
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _unsigned(api_key: str, client: RawClient) -> tuple[dict[str, Any], bytes]:
    """A log-on's parameters, and the text to sign."""
    pairs: dict[str, Any] = {"apiKey": api_key, "timestamp": client.now_ms}
    return pairs, "&".join(f"{name}={value}" for name, value in sorted(pairs.items())).encode()


async def test_a_session_needs_no_more_signatures(sandbox: Sandbox, client: RawClient) -> None:
    """After a log-on with an Ed25519 key; other keys may not log on."""
    key = ed25519.Ed25519PrivateKey.generate()
    sandbox.keys.add("bob", "bobs-key", public_key=_pem(key.public_key()))
    pairs, text = _unsigned("bobs-key", client)
    pairs["signature"] = base64.b64encode(key.sign(text)).decode()
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    sandbox.keys.add("cy", "cys-key", public_key=_pem(other.public_key()))
    refused, text = _unsigned("cys-key", client)
    refused["signature"] = base64.b64encode(other.sign(text, padding.PKCS1v15(), SHA256())).decode()
    async with client.socket(WS_API) as socket:
        assert (await socket.ask(_signed(client, "session.logon")))["error"]["code"] == -2015
        logon = {"id": 1, "method": "session.logon", "params": refused}
        assert (await socket.ask(logon))["error"]["code"] == -2015
        assert (await socket.ask({"id": 1, "method": "userDataStream.subscribe"}))["error"]["code"] == -1002
        status = await socket.ask({"id": 1, "method": "session.logon", "params": pairs})
        assert (status["result"]["apiKey"], status["result"]["userDataStream"]) == ("bobs-key", False)
        order = RESTING | {"timestamp": client.now_ms}
        assert (await socket.ask({"id": 1, "method": "order.place", "params": order}))["status"] == 200
        assert (await socket.ask({"id": 1, "method": "userDataStream.subscribe"}))["result"] == {"subscriptionId": 0}
        assert (await socket.ask({"id": 1, "method": "session.status"}))["result"]["userDataStream"] is True
        assert (await socket.ask({"id": 1, "method": "session.logout"}))["result"]["apiKey"] is None
        assert (await socket.ask({"id": 1, "method": "order.place", "params": order}))["status"] == 401


async def test_the_user_stream_begins_and_ends(client: RawClient) -> None:
    """Once per account; earlier events are not sent; the end is announced."""
    await client.place(newClientOrderId="before")
    async with client.socket(WS_API) as socket:
        assert (await socket.ask(client.subscription()))["result"] == {"subscriptionId": 0}
        assert (await socket.ask(client.subscription()))["error"]["code"] == -2035
        assert (await socket.ask({"id": 1, "method": "session.subscriptions"}))["result"] == [{"subscriptionId": 0}]
        await client.place(newClientOrderId="after")
        event = await socket.next()
        assert (event["subscriptionId"], event["event"]["c"]) == (0, "after")
        assert (await socket.next())["event"]["e"] == "outboundAccountPosition"
        one = {"id": 1, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}}
        assert (await socket.ask(one))["event"]["e"] == "eventStreamTerminated"
        assert (await socket.next())["status"] == 200
        assert (await socket.ask(one))["error"]["code"] == -2036
        assert (await socket.ask({"id": 1, "method": "userDataStream.unsubscribe"}))["status"] == 200


async def test_an_orders_life_is_reported(client: RawClient, clock: FakeClock, path: SteeredPath) -> None:
    """Accepted, traded as a taker and as a maker, expired; numbers and ids as REST shows them."""
    async with client.socket(WS_API) as socket:
        await socket.ask(client.subscription())
        placed = (await client.place(newClientOrderId="one")).json
        new = await _report(socket)
        assert (new["x"], new["X"], new["i"], new["q"], new["t"]) == ("NEW", "NEW", placed["orderId"], "0.10000000", -1)
        path.prices["BTC-USDT"] = D(59_000)
        clock.advance(1)
        maker = await _report(socket)
        assert (maker["x"], maker["m"], maker["z"], maker["N"]) == ("TRADE", True, maker["l"], "BTC")
        expired = (await client.place(timeInForce="FOK", price="50000", newClientOrderId="two")).json
        while (report := await _report(socket))["x"] != "EXPIRED":
            pass
        assert (report["c"], report["X"], report["eR"]) == ("two", "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
        assert report["i"] == expired["orderId"]
        await client.place(price="58990", newClientOrderId="own")
        await client.place(side="SELL", price="58000", quantity="9", newClientOrderId="three")
        while (report := await _report(socket))["x"] != "TRADE_PREVENTION":
            pass
        assert (report["c"], report["X"]) == ("three", "EXPIRED_IN_MATCH")


async def _report(socket: Socket) -> Any:
    while (event := (await socket.next())["event"])["e"] != "executionReport":
        pass
    return event

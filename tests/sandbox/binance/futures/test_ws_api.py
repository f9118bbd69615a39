"""Tests of the futures market's websocket API."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from tests.sandbox.binance.client import API_KEY, MARKET, RESTING, RawClient, Socket, sign
from tests.sandbox.binance.futures.client import FuturesClient

WS_API = "/ws-fapi/v1"


async def _ask(client: RawClient, socket: Socket, method: str, **parameters: Any) -> Any:
    """A signed request; its answer."""
    pairs = {"apiKey": API_KEY, "timestamp": client.now_ms} | parameters
    text = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))
    return await socket.ask({"id": 1, "method": method, "params": pairs | {"signature": sign(text)}})


async def test_an_order_lives_and_is_canceled(futures: FuturesClient) -> None:
    """Placed, asked for, changed, canceled, as over REST."""
    async with futures.socket(WS_API) as socket:
        placed = (await _ask(futures, socket, "order.place", **RESTING, newClientOrderId="one"))["result"]
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await futures.ask("v1/openOrder", **one))["clientOrderId"] == "one"
        change = {"side": "BUY", "quantity": "0.2", "price": "60001"}
        assert (await _ask(futures, socket, "order.modify", **one, **change))["result"]["origQty"] == "0.20000000"
        assert (await _ask(futures, socket, "order.status", **one))["result"]["price"] == "60001.00000000"
        assert (await _ask(futures, socket, "order.cancel", **one))["result"]["status"] == "CANCELED"
        again = await _ask(futures, socket, "order.cancel", **one)
        assert (again["status"], again["error"]["code"]) == (400, -2011)


async def test_the_account_is_asked_for(futures: FuturesClient) -> None:
    """Each method answers as its address over REST; both versions."""
    async with futures.socket(WS_API) as socket:
        await _ask(futures, socket, "v1/order.place", **MARKET)
        for method, name in (
            ("account.status", "v2/account"),
            ("v2/account.status", "v3/account"),
            ("account.balance", "v2/balance"),
            ("v2/account.balance", "v3/balance"),
            ("account.position", "v2/positionRisk"),
            ("v2/account.position", "v3/positionRisk"),
        ):
            assert (await _ask(futures, socket, method))["result"] == await futures.ask(name), method
        key = (await socket.ask({"id": 1, "method": "userDataStream.start", "params": {"apiKey": API_KEY}}))["result"]
        assert key == (await futures.listen_key()).json
        await socket.ask({"id": 1, "method": "userDataStream.stop", "params": {"apiKey": API_KEY}})
        assert (await futures.listen_key("PUT")).error[0] == -1125


async def test_public_questions(futures: FuturesClient) -> None:
    """Also with what clients send along with every signature."""
    async with futures.socket(WS_API) as socket:
        book = await socket.ask({"id": 1, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5}})
        assert len(book["result"]["bids"]) == 5
        best = await _ask(futures, socket, "ticker.book", symbol="BTCUSDT", recvWindow=5_000)
        assert D(best["result"]["bidPrice"]) < D(best["result"]["askPrice"])
        assert (await socket.ask({"id": 1, "method": "ticker.price"}))["result"][0]["symbol"] == "BTCUSDT"
        unknown = await socket.ask({"id": 1, "method": "klines"})
        assert (unknown["error"]["code"], "klines" in unknown["error"]["msg"]) == (-1020, True)


async def test_rate_limits_are_told_unless_refused(futures: FuturesClient) -> None:
    """By a parameter of the connection's address, and of each request, which counts more; it is signed as the others."""
    ping = {"id": 1, "method": "session.status"}
    async with futures.socket(WS_API) as socket:
        told = await socket.ask(ping)
        assert (told["rateLimits"][0]["limit"], told["result"]["returnRateLimits"]) == (1_000_000, True)
        assert "rateLimits" not in await socket.ask(ping | {"params": {"returnRateLimits": False}})
        signed = await _ask(futures, socket, "account.balance", returnRateLimits="false")
        assert (signed["status"], "rateLimits" in signed) == (200, False)
        wrong = await socket.ask(ping | {"params": {"returnRateLimits": "maybe"}})
        assert wrong["error"]["code"] == -1102
    async with futures.socket(f"{WS_API}?returnRateLimits=false") as socket:
        assert "rateLimits" not in await socket.ask(ping)
        assert "rateLimits" in await socket.ask(ping | {"params": {"returnRateLimits": True}})

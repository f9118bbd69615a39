"""A minimal, fast stand-in for Binance spot, so that a benchmark measures gateways and not an exchange.

It answers the few routes that the contenders call, with a latency that can be set (``--latency-ms``), checks no signature, fills
every order at once and forgets it: a book of a hundred thousand resting orders exists at no exchange. It speaks just enough
HTTP/1.1 for keep-alive clients and nothing more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from itertools import count
from typing import Any, cast
from urllib.parse import parse_qs

import uvloop

_ids = count(1)

_FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000", "maxQty": "100.00", "stepSize": "0.00000"},
    {"filterType": "NOTIONAL", "minNotional": "5.00", "applyMinToMarket": True, "maxNotional": "9000000.00",
     "applyMaxToMarket": False, "avgPriceMins": 5},
]  # fmt: skip

_SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": _FILTERS,
    "permissions": ["SPOT"],
    "permissionSets": [["SPOT"]],
}

_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100_000_000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100_000_000},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 1_000_000_000},
]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _order(parameters: dict[str, str]) -> dict[str, Any]:
    now = _now()
    order_id = next(_ids)
    price, amount = parameters.get("price", "0.00"), parameters.get("quantity", "0.00")
    return {
        "symbol": parameters.get("symbol", "BTCUSDT"),
        "orderId": order_id,
        "orderListId": -1,
        "clientOrderId": parameters.get("newClientOrderId", ""),
        "transactTime": now,
        "price": price,
        "origQty": amount,
        "executedQty": amount,
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "500.0001",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": parameters.get("type", "LIMIT"),
        "side": parameters.get("side", "BUY"),
        "workingTime": now,
        "fills": [
            {"price": price, "qty": amount, "commission": "0.00001", "commissionAsset": "BTC", "tradeId": order_id}
        ],
        "selfTradePreventionMode": "NONE",
    }


_FIXED: dict[str, Any] = {
    "/api/v3/ping": {},
    "/api/v3/exchangeInfo": {"timezone": "UTC", "serverTime": 0, "rateLimits": _LIMITS, "symbols": [_SYMBOL]},
    "/api/v3/openOrders": [],
    "/api/v3/account": {"balances": [{"asset": "USDT", "free": "1000000000.0", "locked": "0.0"}]},
}  # fmt: skip


def _answer(method: str, path: str, parameters: dict[str, str]) -> tuple[int, Any]:
    if path == "/api/v3/order" and method == "POST":
        return 200, _order(parameters)
    if path == "/api/v3/time":
        return 200, {"serverTime": _now()}
    if path in _FIXED:
        return 200, _FIXED[path]
    return 404, {"code": -1000, "msg": f"the stub has no {method} {path}"}


class StubProtocol(asyncio.Protocol):
    """One keep-alive connection."""

    latency = 0.0

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not of asyncio's class, though they do all that it does.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _content_length(head)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._handle(head, body)

    def _handle(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        path, _, query = target.partition("?")
        pairs = parse_qs(query or body.decode("latin-1"), keep_blank_values=True)
        if query and body:
            pairs.update(parse_qs(body.decode("latin-1"), keep_blank_values=True))
        status, answer = _answer(method, path, {key: values[-1] for key, values in pairs.items()})
        text = json.dumps(answer, separators=(",", ":")).encode()
        response = (
            b"HTTP/1.1 %d OK\r\nContent-Type: application/json;charset=UTF-8\r\nX-MBX-USED-WEIGHT-1M: 1\r\n"
            b"X-MBX-ORDER-COUNT-10S: 1\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)
        )
        if self.latency and path == "/api/v3/order":
            asyncio.get_running_loop().call_later(self.latency, self._send, response)
        else:
            self._send(response)

    def _send(self, response: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(StubProtocol, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    asked = parser.parse_args()
    StubProtocol.latency = asked.latency_ms / 1000
    uvloop.run(_serve(asked.port))

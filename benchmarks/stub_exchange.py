"""A minimal, fast stand-in for Binance spot, so that a benchmark measures gateways and not an exchange.

It answers the few routes that the contenders call, with a latency that can be set (``--latency-ms``), and checks no signature. It
fills every order at once and forgets it, or lets every order rest (``--resting``), and pushes what happens to the account's user
stream, if anybody listens there (``benchmarks.stub_streams``; with ``--no-stream`` it pushes nothing). It implements just enough
HTTP/1.1 for keep-alive clients; answers are made from templates, so that it does not limit a contender. ``POST /ceiling`` does the
work of an order and takes any body: it shows what load generator and stub can do alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any, cast

import uvloop

from benchmarks.stub_streams import SocketSide, UserStreams, handshake

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

_TERMS = (
    b'{"symbol":"%(symbol)b","orderId":%(id)d,"orderListId":-1,"clientOrderId":"%(newClientOrderId)b","price":"%(price)b",'
    b'"origQty":"%(quantity)b","origQuoteOrderQty":"0.00000000","timeInForce":"GTC","type":"%(type)b","side":"%(side)b",'
    b'"workingTime":%(now)d,"selfTradePreventionMode":"NONE",'
)
_FILLED = _TERMS + (
    b'"transactTime":%(now)d,"executedQty":"%(quantity)b","cummulativeQuoteQty":"500.0001","status":"FILLED","fills":[{"price":'
    b'"%(price)b","qty":"%(quantity)b","commission":"0.00001","commissionAsset":"BTC","tradeId":%(id)d}]}'
)
_RESTING = (
    _TERMS + b'"transactTime":%(now)d,"executedQty":"0.00","cummulativeQuoteQty":"0.00","status":"NEW","fills":[]}'
)
_ON_BOOK = (
    _TERMS + b'"time":%(now)d,"updateTime":%(now)d,"executedQty":"0.00","cummulativeQuoteQty":"0.00","status":"NEW"}'
)

_DEFAULTS = {b"symbol": b"BTCUSDT", b"newClientOrderId": b"", b"price": b"0.00", b"type": b"LIMIT", b"side": b"BUY"}
_SAMPLE = (
    b"newClientOrderId=og06e5n0k2b8x7d4q9w3h6t1m5c0&newOrderRespType=FULL&price=50000.01&quantity=0.01&side=BUY&symbol=BTCUSDT"
    b"&timeInForce=GTC&type=LIMIT&recvWindow=5000&timestamp=1790000000000&signature=0123456789abcdef0123456789abcdef"
)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


_FIXED = {
    b"/health/live": _json({"status": "alive"}),
    b"/api/v3/ping": _json({}),
    b"/api/v3/exchangeInfo": _json({"timezone": "UTC", "serverTime": 0, "rateLimits": _LIMITS, "symbols": [_SYMBOL]}),
    b"/api/v3/account": _json({"balances": [{"asset": "USDT", "free": "1000000000.0", "locked": "0.0"}]}),
    b"/api/v3/myTrades": b"[]",
}


def _now() -> int:
    return time.time_ns() // 1_000_000


def _parameters(text: bytes) -> dict[bytes, bytes]:
    """The parameters of a form or query; none that matters here needs percent-decoding."""
    return {name: value for name, _, value in (pair.partition(b"=") for pair in text.split(b"&"))}


class Book:
    """The exchange's resting orders by client order id, as the answer that lists them; none where orders are filled at once."""

    def __init__(self, *, is_resting: bool) -> None:
        self.is_resting = is_resting
        self._orders: dict[bytes, bytes] = {}

    def take(self, parameters: dict[bytes, bytes]) -> dict[bytes, Any]:
        """A new order with its id and time."""
        return {**_DEFAULTS, b"quantity": b"0.00", **parameters, b"now": _now(), b"id": next(_ids)}

    def place(self, order: dict[bytes, Any]) -> bytes:
        """The answer to an order that was taken."""
        if not self.is_resting:
            return _FILLED % order
        self._orders[order[b"newClientOrderId"]] = _ON_BOOK % order
        return _RESTING % order

    def answer(self, method: bytes, path: bytes, parameters: dict[bytes, bytes]) -> tuple[int, bytes]:
        """The answer to anything but a new order."""
        if path == b"/api/v3/order":
            found = self._orders.get(parameters.get(b"origClientOrderId", b""))
            return (400, _json({"code": -2013, "msg": "Order does not exist."})) if found is None else (200, found)
        if path == b"/ceiling":
            return 201, self.place(self.take(_parameters(_SAMPLE)))
        if path == b"/api/v3/openOrders":
            return 200, b"[" + b",".join(self._orders.values()) + b"]"
        if path == b"/api/v3/time":
            return 200, b'{"serverTime":%d}' % _now()
        if path in _FIXED:
            return 200, _FIXED[path]
        return 404, _json({"code": -1000, "msg": f"the stub has no {method.decode()} {path.decode()}"})


class StubProtocol(asyncio.Protocol):
    """One keep-alive connection."""

    latency = 0.0
    book = Book(is_resting=False)
    streams: UserStreams | None = UserStreams()

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._socket: SocketSide | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of asyncio's class, but are not of it.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._socket is not None:
            self._socket.connection_lost()

    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.data_received(data)
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            whole = end + 4 + _content_length(head)
            if len(self._buffer) < whole:
                return
            body = self._buffer[end + 4 : whole]
            self._buffer = self._buffer[whole:]
            self._handle(head, body)

    def _handle(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        path, _, query = target.partition(b"?")
        if path.startswith(b"/ws-api"):
            self._open_socket(head)
            return
        parameters = _parameters(b"&".join(part for part in (query, body) if part))
        if path == b"/api/v3/order" and method == b"POST":
            # Taken when it came, carried out and answered after the latency.
            self._later(lambda: self._place(_header(head, b"x-mbx-apikey"), parameters))
            return
        status, text = self.book.answer(method, path, parameters)
        if path == b"/api/v3/order":
            self._later(lambda: self._send(status, text))
        else:
            self._send(status, text)

    def _place(self, key: bytes, parameters: dict[bytes, bytes]) -> None:
        order = self.book.take(parameters)
        self._send(200, self.book.place(order))
        if self.streams is not None:
            self.streams.push(key, order, is_resting=self.book.is_resting)

    def _later(self, step: Callable[[], None]) -> None:
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, step)
        else:
            step()

    def _open_socket(self, head: bytes) -> None:
        answer = handshake(head)
        if answer is None or self._transport is None:
            self._send(400, _json({"code": -1000, "msg": "this path speaks WebSocket only"}))
            return
        self._transport.write(answer)
        self._socket = SocketSide(self._transport, self.streams or UserStreams())

    def _send(self, status: int, text: bytes) -> None:
        response = (
            b"HTTP/1.1 %d OK\r\nContent-Type: application/json;charset=UTF-8\r\nX-MBX-USED-WEIGHT-1M: 1\r\n"
            b"X-MBX-ORDER-COUNT-10S: 1\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)
        )
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)


def _header(head: bytes, name: bytes) -> bytes:
    """The value of a header, empty without one. ``name`` is in lower case."""
    at = head.lower().find(b"\r\n" + name + b":")
    return b"" if at < 0 else head[at + len(name) + 3 :].partition(b"\r\n")[0].strip()


def _content_length(head: bytes) -> int:
    return int(_header(head, b"content-length") or 0)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(StubProtocol, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--resting", action="store_true")
    parser.add_argument("--no-stream", action="store_true")
    asked = parser.parse_args()
    StubProtocol.latency = asked.latency_ms / 1000
    StubProtocol.book = Book(is_resting=asked.resting)
    StubProtocol.streams = None if asked.no_stream else UserStreams()
    uvloop.run(_serve(asked.port))

"""The user streams of the stub of an exchange: subscriptions over Binance's websocket API, and what it pushes of each order.

As Binance does, an order that is filled at once gives ``NEW``, ``TRADE`` and the changed balances, a resting one ``NEW`` and the
balances. Just enough of RFC 6455 is here for one client that sends short frames.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha1
from typing import Any

_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10

_REPORT = (
    b'{"subscriptionId":0,"event":{"e":"executionReport","E":%(now)d,"s":"%(symbol)b","c":"%(newClientOrderId)b","S":"%(side)b",'
    b'"o":"%(type)b","f":"GTC","q":"%(quantity)b","p":"%(price)b","P":"0.00","F":"0.00","g":-1,"C":"","r":"NONE","i":%(id)d,'
    b'"T":%(now)d,"O":%(now)d,"W":%(now)d,"V":"NONE","Q":"0.00","w":true,"I":%(id)d,"m":false,"M":true,'
)
_NEW = _REPORT + (
    b'"x":"NEW","X":"NEW","l":"0.00","z":"0.00","L":"0.00","n":"0","N":null,"t":-1,"Z":"0.00","Y":"0.00"}}'
)
_TRADE = _REPORT + (
    b'"x":"TRADE","X":"FILLED","l":"%(quantity)b","z":"%(quantity)b","L":"%(price)b","n":"0.00001","N":"BTC","t":%(id)d,'
    b'"Z":"500.0001","Y":"500.0001"}}'
)
_BALANCES = (
    b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":%(now)d,"u":%(now)d,"B":[{"a":"USDT","f":"%(left)d.0",'
    b'"l":"0.0"}]}}'
)

#: What the account begins with; every order takes one, so that every event changes a balance.
_DOLLARS = 1_000_000_000


class UserStreams:
    """The subscribers by API key."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[bytes, set[SocketSide]] = defaultdict(set)

    def subscribe(self, key: bytes, side: SocketSide) -> None:
        self._subscribers[key].add(side)

    def forget(self, side: SocketSide) -> None:
        for subscribers in self._subscribers.values():
            subscribers.discard(side)

    def push(self, key: bytes, order: Mapping[bytes, Any], *, is_resting: bool) -> None:
        """Push the events of an order that was accepted just now."""
        subscribers = self._subscribers.get(key)
        if not subscribers:
            return
        balances = _BALANCES % {b"now": order[b"now"], b"left": _DOLLARS - order[b"id"]}
        events = (_NEW % order, balances) if is_resting else (_NEW % order, _TRADE % order, balances)
        for side in subscribers:
            side.send(*events)


class SocketSide:
    """The exchange's side of one connection after its handshake."""

    def __init__(self, transport: asyncio.Transport, streams: UserStreams) -> None:
        self._transport = transport
        self._streams = streams
        self._buffer = b""

    def send(self, *texts: bytes) -> None:
        """Send each text as a message."""
        if not self._transport.is_closing():
            self._transport.write(b"".join(_frame(_TEXT, text) for text in texts))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (found := _unmasked(self._buffer)) is not None:
            opcode, payload, self._buffer = found
            if opcode == _TEXT:
                self._request(json.loads(payload))
            elif opcode == _PING:
                self._transport.write(_frame(_PONG, payload))
            elif opcode == _CLOSE:
                self._transport.write(_frame(_CLOSE, payload))
                self._transport.close()

    def connection_lost(self) -> None:
        self._streams.forget(self)

    def _request(self, request: Mapping[str, Any]) -> None:
        # Subscribing is all that the gateway asks for here.
        self._streams.subscribe(request["params"]["apiKey"].encode(), self)
        self.send(json.dumps({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}}).encode())


def handshake(head: bytes) -> bytes | None:
    """The answer to a request that asks for a WebSocket, None to any other."""
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if fields.get(b"upgrade") != b"websocket":
        return None
    # Taken from the original, since the key's case matters.
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))[19:].strip()
    accept = b64encode(sha1(key + _ACCEPT_GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept
        + b"\r\n\r\n"
    )


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    return bytes((0x80 | opcode, 126)) + size.to_bytes(2) + payload


def _unmasked(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame's kind and payload, and what follows it; None until it is whole. A client's frames are masked."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4]), 4
    end = at + 4 + size
    if len(data) < end:
        return None
    mask = data[at : at + 4]
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data[at + 4 : end]))
    return data[0] & 0x0F, payload, data[end:]

"""A websocket connection that carries JSON objects: it finds out by pings when the other side is gone, and says why it ended.

It does not reconnect; ``stream`` does. A small client of our own on ``websockets``, because the clients in SDKs reconnect without
the subscription and without a word. Import it only where a stream is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.connectors.common.numbers import DECODER
from app.connectors.common.stream import StreamEnded
from app.connectors.common.tls import tls_context
from app.outbound import Outbound

#: How long the handshake of a connection and of a subscription may take.
OPEN_SECONDS = 10
CLOSE_SECONDS = 2

#: Takes the event out of a message, None where the message holds none. Raises ``StreamEnded`` for the last message of a stream.
Unwrap = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


class JsonSocket:
    """One connection, with ``unwrap`` for its messages."""

    def __init__(self, connection: ClientConnection, unwrap: Unwrap) -> None:
        self._connection = connection
        self._unwrap = unwrap
        self._reason: str | None = None

    async def event(self) -> Mapping[str, Any]:
        """The next event. Raises ``StreamEnded``."""
        event = None
        while event is None:
            event = self._unwrap(await self.receive())
        return event

    async def receive(self) -> Mapping[str, Any]:
        """The next message, which must be a JSON object. Raises ``StreamEnded``."""
        try:
            message = DECODER.decode(await self._connection.recv())
        except WebSocketException as error:
            raise StreamEnded(self._reason or f"the connection closed ({error})") from error
        except (msgspec.DecodeError, ValueError) as error:
            raise StreamEnded("a message is not JSON") from error
        if not isinstance(message, dict):
            raise StreamEnded("a message is not an object")
        return message

    async def end(self, reason: str) -> None:
        """Close the connection for ``reason``."""
        self._reason = self._reason or reason
        await self._connection.close()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message. Raises ``StreamEnded``."""
        try:
            await self._connection.send(msgspec.json.encode(message).decode())
        except WebSocketException as error:
            raise StreamEnded(f"the connection closed ({error})") from error


@asynccontextmanager
async def connected(url: str, unwrap: Unwrap, *, outbound: Outbound, ping_seconds: float) -> AsyncIterator[JsonSocket]:
    """A connection to ``url``, through the proxy that ``outbound`` names for it. A dead one is found within twice ``ping_seconds``.

    Raises ``StreamEnded`` or ``OSError``.
    """
    try:
        connection = await connect(
            url,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            ssl=tls_context(outbound) if url.startswith("wss:") else None,
            **_through_proxy(url, outbound),
        )
    except WebSocketException as error:
        raise StreamEnded(f"the connection was refused ({type(error).__name__})") from error
    try:
        yield JsonSocket(connection, unwrap)
    finally:
        await connection.close()


def _through_proxy(url: str, outbound: Outbound) -> dict[str, Any]:
    """The options that name the proxy for ``url``, or that there is none."""
    proxy = outbound.proxy_for(url)
    if proxy is None:
        return {"proxy": None}
    if proxy.url.startswith("https:"):
        return {"proxy": proxy.full_url, "proxy_ssl": tls_context(outbound)}
    return {"proxy": proxy.full_url}

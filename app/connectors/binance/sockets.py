"""Connections to Binance's streams. To an account's there are two ways: spot signs a subscription on the websocket API, perpetuals
ask for a listen key. Markets' streams are open to all.

A small client of our own on ``websockets`` instead of the SDK's, whose reconnects lose the subscription without a word. Nothing is
ever ordered here. Import it only where a stream is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.connectors.binance.client import RECV_WINDOW_MS, TamedClient
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.numbers import DECODER
from app.connectors.common.stream import LAST_WORDS, StreamEnded
from app.domain.errors import OrdergateError

#: Our own pings find a dead connection within twice this; Binance pings every 20 seconds itself and is answered by the library.
PING_SECONDS = 20

#: A dead connection to a market is found within ten seconds. A ping counts as a message, of which Binance takes five a second.
MARKET_PING_SECONDS = 5

_OPEN_SECONDS = 10
CLOSE_SECONDS = 2

#: A listen key lives for an hour from the last time it was kept alive.
_KEEP_ALIVE_SECONDS = 20 * 60


class EventSocket:
    """One connection. ``unwrap`` takes the event out of a message, None where the message holds none."""

    def __init__(
        self, connection: ClientConnection, unwrap: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    ) -> None:
        self._connection = connection
        self._unwrap = unwrap
        self._reason: str | None = None

    async def event(self) -> Mapping[str, Any]:
        """The next event. Raises ``StreamEnded``."""
        event = None
        while event is None:
            event = self._unwrap(await self.receive())
        if event.get("e") in LAST_WORDS:
            raise StreamEnded(f"the exchange said {event['e']}")
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
        """Send one message."""
        try:
            await self._connection.send(msgspec.json.encode(message).decode())
        except WebSocketException as error:
            raise StreamEnded(f"the connection closed ({error})") from error


@asynccontextmanager
async def spot_socket(
    client: TamedClient, url: str, now_ms: Callable[[], int], subscription_id: str
) -> AsyncIterator[EventSocket]:
    """A connection to the websocket API with a subscribed user stream. Raises ``StreamEnded``, or ``ErrorAnswer`` if refused."""
    async with _connected(url, _event_of_subscription, PING_SECONDS) as socket:
        parameters = {"apiKey": str(client.API_KEY), "recvWindow": RECV_WINDOW_MS, "timestamp": now_ms()}
        signature = client.sign(urlencode(sorted(parameters.items())))
        method = "userDataStream.subscribe.signature"
        await socket.send({"id": subscription_id, "method": method, "params": {**parameters, "signature": signature}})
        async with asyncio.timeout(_OPEN_SECONDS):
            await _subscribed(socket, subscription_id)
        yield socket


@asynccontextmanager
async def perpetual_socket(client: TamedClient, base_url: str, clock: Clock) -> AsyncIterator[EventSocket]:
    """A connection to the account's listen key, which is kept alive. Raises ``StreamEnded`` and what the client raises.

    The key is not given back at the end: Binance has one per account, and another process may be listening on it.
    """
    key = await client.futures_stream_get_listen_key()
    url = f"{base_url}private/ws?listenKey={quote(str(key), safe='')}"
    async with _connected(url, _event, PING_SECONDS) as socket:
        keeper = asyncio.create_task(_keep_alive(client, str(key), socket, clock))
        try:
            yield socket
        finally:
            keeper.cancel()


@asynccontextmanager
async def market_socket(base_url: str) -> AsyncIterator[EventSocket]:
    """A connection to the market streams below ``base_url`` that listens to none yet; events come with their stream's name."""
    async with _connected(f"{base_url}stream", _whole, MARKET_PING_SECONDS) as socket:
        yield socket


@asynccontextmanager
async def _connected(
    url: str,
    unwrap: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    ping_seconds: float,  # seconds, not money
) -> AsyncIterator[EventSocket]:
    try:
        connection = await connect(
            url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            proxy=None,
        )
    except WebSocketException as error:
        raise StreamEnded(f"the connection was refused ({type(error).__name__})") from error
    try:
        yield EventSocket(connection, unwrap)
    finally:
        await connection.close()


async def _subscribed(socket: EventSocket, subscription_id: str) -> None:
    """Return when the subscription is confirmed. Events before it are covered by the ``Gap`` that follows."""
    while True:
        message = await socket.receive()
        if message.get("id") == subscription_id or (message.get("id") is None and "error" in message):
            break
    if message.get("status") != 200:
        error = message.get("error")
        status = message.get("status")
        raise ErrorAnswer(
            status=status if isinstance(status, int) else 500,
            headers=_retry_header(error),
            body=msgspec.json.encode(error, enc_hook=str),
            payload=error,
        )


def _retry_header(error: Any) -> dict[str, str]:
    """The websocket API says in milliseconds since 1970 when to come back; it stands in the text as well, where it is read."""
    data = error.get("data") if isinstance(error, dict) else None
    retry = data.get("retryAfter") if isinstance(data, dict) else None
    server = data.get("serverTime") if isinstance(data, dict) else None
    if isinstance(retry, int) and isinstance(server, int):
        return {"retry-after": str(max(1, -(-(retry - server) // 1000)))}
    return {}


def _event_of_subscription(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if message.get("error") is not None or message.get("status", 200) != 200:
        raise StreamEnded(f"the exchange sent an error: {message.get('error')}")
    event = message.get("event")
    return event if isinstance(event, dict) else None


def _whole(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return message


def _event(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "error" in message:
        raise StreamEnded(f"the exchange sent an error: {message['error']}")
    data = message.get("data")  # a combined stream wraps its events
    return data if isinstance(data, dict) else message


async def _keep_alive(client: TamedClient, key: str, socket: EventSocket, clock: Clock) -> None:
    """Keep the key alive; a failure ends the connection, because the next one asks for a key anyway."""
    while True:
        await clock.sleep(_KEEP_ALIVE_SECONDS)
        try:
            await client.futures_stream_keepalive(key)
        except (ErrorAnswer, NoAnswer, OrdergateError) as error:
            await socket.end(f"the listen key could not be kept alive ({error})")
            return

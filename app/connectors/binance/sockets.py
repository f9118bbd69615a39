"""Connections to Binance's streams. An account's are opened in two ways: spot signs a subscription on the websocket API, perpetuals
ask for a listen key. Markets' streams are open to all.

No order is ever sent here. Import it only where a stream is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from app.clock import Clock
from app.connectors.binance.client import RECV_WINDOW_MS, BinanceClient
from app.connectors.binance.outcomes import code_and_message
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.socket import OPEN_SECONDS, JsonSocket, connected
from app.connectors.common.stream import StreamEnded
from app.domain.errors import OrdergateError
from app.outbound import Outbound

#: Our own pings find a dead connection within twice this; Binance pings every 20 seconds itself and is answered by the library.
PING_SECONDS = 20

#: A dead connection to a market is found within ten seconds. A ping counts as a message, of which Binance takes five per second.
MARKET_PING_SECONDS = 5

#: The notices after which nothing more will come.
_LAST_EVENTS = frozenset({"serverShutdown", "eventStreamTerminated", "listenKeyExpired"})

#: A listen key lives for an hour from the last time it was kept alive.
_KEEP_ALIVE_SECONDS = 20 * 60


@asynccontextmanager
async def spot_socket(
    client: BinanceClient, url: str, now_ms: Callable[[], int], subscription_id: str
) -> AsyncIterator[JsonSocket]:
    """A connection to the websocket API with a subscribed user stream. Raises ``StreamEnded``, or ``ErrorAnswer`` if refused."""
    async with connected(url, _event_of_subscription, outbound=client.outbound, ping_seconds=PING_SECONDS) as socket:
        parameters = {"apiKey": str(client.API_KEY), "recvWindow": RECV_WINDOW_MS, "timestamp": now_ms()}
        signature = client.sign(urlencode(sorted(parameters.items())))
        method = "userDataStream.subscribe.signature"
        await socket.send({"id": subscription_id, "method": method, "params": {**parameters, "signature": signature}})
        async with asyncio.timeout(OPEN_SECONDS):
            await _subscribed(socket, subscription_id)
        yield socket


@asynccontextmanager
async def perpetual_socket(client: BinanceClient, base_url: str, clock: Clock) -> AsyncIterator[JsonSocket]:
    """A connection to the account's listen key, which is kept alive. Raises ``StreamEnded`` and what the client raises.

    The key is not given back at the end: Binance has one per account, and another process may be listening on it.
    """
    key = await client.futures_stream_get_listen_key()
    url = f"{base_url}private/ws?listenKey={quote(str(key), safe='')}"
    async with connected(url, _event, outbound=client.outbound, ping_seconds=PING_SECONDS) as socket:
        keeper = asyncio.create_task(_keep_alive(client, str(key), socket, clock))
        try:
            yield socket
        finally:
            keeper.cancel()


@asynccontextmanager
async def market_socket(base_url: str, outbound: Outbound) -> AsyncIterator[JsonSocket]:
    """A connection to the market streams below ``base_url`` without a subscription; events come with their stream's name."""
    url = f"{base_url}stream"
    async with connected(url, _market_message, outbound=outbound, ping_seconds=MARKET_PING_SECONDS) as socket:
        yield socket


async def _subscribed(socket: JsonSocket, subscription_id: str) -> None:
    """Return when the subscription is confirmed. Events before it are covered by the ``Gap`` that follows."""
    while True:
        message = await socket.receive()
        if message.get("id") == subscription_id or (message.get("id") is None and "error" in message):
            break
    if message.get("status") != 200:
        error, status = message.get("error"), message.get("status")
        code, text = code_and_message(error)
        raise ErrorAnswer(
            status=status if isinstance(status, int) else 500,
            headers=_retry_header(error),
            body=msgspec.json.encode(error, enc_hook=str),
            code=code,
            message=text,
        )


def _retry_header(error: Any) -> dict[str, str]:
    """The time of the next try as a header: the websocket API gives it in milliseconds since 1970."""
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
    return _not_last(event) if isinstance(event, dict) else None


def _event(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "error" in message:
        raise StreamEnded(f"the exchange sent an error: {message['error']}")
    data = message.get("data")  # a combined stream wraps its events
    return _not_last(data if isinstance(data, dict) else message)


def _market_message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The whole message, because it names its stream."""
    data = message.get("data")
    if isinstance(data, dict):
        _not_last(data)
    return _not_last(message)


def _not_last(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """``event`` itself. Raises ``StreamEnded`` if it is a notice after which nothing more will come."""
    if event.get("e") in _LAST_EVENTS:
        raise StreamEnded(f"the exchange sent {event['e']}")
    return event


async def _keep_alive(client: BinanceClient, key: str, socket: JsonSocket, clock: Clock) -> None:
    """Keep the key alive; a failure ends the connection, because the next one asks for a key anyway."""
    while True:
        await clock.sleep(_KEEP_ALIVE_SECONDS)
        try:
            await client.futures_stream_keepalive(key)
        except (ErrorAnswer, NoAnswer, OrdergateError) as error:
            await socket.end(f"the listen key could not be kept alive ({error})")
            return

"""A websocket server on loopback whose every connection is one step of a script."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from app.domain.reports import MarketEvent
from tests.clock import FakeClock

Handler = Callable[[ServerConnection], Awaitable[None]]


class StreamServer:
    """A handler that returns closes its connection."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._handlers: list[Handler] = []
        self.paths: list[str] = []
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._server: Server | None = None

    def script(self, *handlers: Handler) -> None:
        """Use ``handlers`` one after the other, the last for all later connections."""
        self._handlers = list(handlers)

    async def __aenter__(self) -> StreamServer:
        self._server = await serve(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
        await handler(connection)

    def subscribed(self, *messages: Any, stay: bool = True, answer: dict[str, Any] | None = None) -> Handler:
        """Confirm a subscription (or ``answer`` otherwise), send ``messages``, and stay or close."""

        async def handle(connection: ServerConnection) -> None:
            request = json.loads(await connection.recv())
            self.received.put_nowait(request)
            reply = answer or {"status": 200, "result": {"subscriptionId": 0}}
            await connection.send(json.dumps({"id": request["id"], **reply}))
            await _play(connection, messages, stay)

        return handle

    def plain(self, *messages: Any, stay: bool = True) -> Handler:
        """Send ``messages`` without being asked, and stay or close."""

        async def handle(connection: ServerConnection) -> None:
            await _play(connection, messages, stay)

        return handle


async def _play(connection: ServerConnection, messages: tuple[Any, ...], stay: bool) -> None:
    for message in messages:
        await connection.send(message if isinstance(message, str | bytes) else json.dumps(message, default=str))
    if stay:
        await connection.wait_closed()


def wrapped(event: dict[str, Any]) -> dict[str, Any]:
    """An event as the websocket API sends it."""
    return {"subscriptionId": 0, "event": event}


async def heard(events: AsyncGenerator[MarketEvent, None], clock: FakeClock) -> MarketEvent:
    """The next event; the clock moves until it comes."""
    task = asyncio.ensure_future(anext(events))
    while not task.done():
        await asyncio.wait({task}, timeout=0.01)
        if not task.done():
            clock.advance(0.25)
    return task.result()

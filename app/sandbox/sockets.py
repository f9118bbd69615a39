"""Websocket connections with faults: messages in order, pings, an end after a day or too many messages of the client.

Sending never blocks. The modules of each protocol decide what is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from app.clock import Clock
from app.sandbox.faults import FaultKind, FaultPlan

#: As on Binance: a ping every 20 s, a pong within a minute, a connection for a day.
_PING_SECONDS = 20
_PONG_SECONDS = 60
_LIFE_SECONDS = 24 * 3600

#: The largest message of a client, in bytes: a subscription to a thousand streams has thirty thousand.
_MAX_MESSAGE = 1_000_000

#: The code and the reason with which the connection of a client that sends too much is closed, as on Binance.
_POLICY, _TOO_MANY = 1008, b"Too many requests"


class Connection:
    """One client's connection. More messages per second than ``max_per_second``, pings and pongs included, end it."""

    def __init__(
        self, request: web.Request, clock: Clock, faults: FaultPlan, max_per_second: int | None = None
    ) -> None:
        self._request = request
        self._clock = clock
        self._faults = faults
        self._socket = web.WebSocketResponse(autoping=False, max_msg_size=_MAX_MESSAGE)
        self._outbox: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()  # seconds
        self._reordered: list[bytes] = []
        self._heard_at = clock.monotonic()
        self._received: deque[float] | None = None if max_per_second is None else deque(maxlen=max_per_second)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return self._request.remote or "unknown"

    async def serve(self, take: Callable[[bytes], Awaitable[None]]) -> web.WebSocketResponse:
        """Pass every message to ``take`` until the connection ends."""
        await self._socket.prepare(self._request)
        for work in (self._write(), self._keep_alive(), self._end_of_life()):
            self._spawn(work)
        try:
            async for message in self._socket:
                if self._exceeds_limit():
                    await self._socket.close(code=_POLICY, message=_TOO_MANY)
                    break
                if message.type is WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._heard_at = self._clock.monotonic()
                elif message.type is WSMsgType.TEXT:
                    await take(message.data.encode())
        except ConnectionError:  # the client disconnected while it was answered
            pass
        finally:
            for task in tuple(self._tasks):
                task.cancel()
        return self._socket

    def send(self, payload: Any) -> None:
        """Send ``payload``, without faults."""
        self._outbox.put_nowait((msgspec.json.encode(payload), 0))

    def send_event(self, payload: Any, route: str) -> None:
        """Send an event, subject to the faults of ``route``."""
        text = msgspec.json.encode(payload)
        faults = {rule.kind: rule for rule in self._faults.event(route)}
        if FaultKind.CUT in faults:
            return self.cut()
        if FaultKind.DROP in faults:
            return None
        if FaultKind.REORDER in faults:
            self._reordered.append(text)
            self._spawn(self._release_after(faults[FaultKind.REORDER].seconds))
            return None
        seconds = faults[FaultKind.DELAY].seconds if FaultKind.DELAY in faults else 0
        for _ in range(2 if FaultKind.DOUBLE in faults else 1):
            self._outbox.put_nowait((text, seconds))
        self._release()
        return None

    def cut(self) -> None:
        """Reset the connection."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()

    def _exceeds_limit(self) -> bool:
        """Count a message; whether there were too many in the last second."""
        if self._received is None:
            return False
        now, received = self._clock.monotonic(), self._received
        is_full = len(received) == received.maxlen and now - received[0] < 1
        received.append(now)
        return is_full

    async def _write(self) -> None:
        with suppress(ConnectionError):  # the reader meets the same error and ends the connection
            while True:
                text, seconds = await self._outbox.get()
                if seconds:
                    await self._clock.sleep(seconds)
                await self._socket.send_str(text.decode())

    async def _keep_alive(self) -> None:
        with suppress(ConnectionError):
            while self._clock.monotonic() - self._heard_at <= _PONG_SECONDS:
                await self._socket.ping()
                await self._clock.sleep(_PING_SECONDS)
            await self._socket.close()

    async def _end_of_life(self) -> None:
        await self._clock.sleep(_LIFE_SECONDS)
        await self._socket.close()

    async def _release_after(self, seconds: float) -> None:
        """Send reordered events that no other event has followed."""
        await self._clock.sleep(seconds)
        self._release()

    def _release(self) -> None:
        reordered, self._reordered = self._reordered, []
        for text in reordered:
            self._outbox.put_nowait((text, 0))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Connections:
    """All open connections."""

    def __init__(self) -> None:
        self._open: dict[Connection, Callable[[], None]] = {}

    def add(self, connection: Connection, announce_shutdown: Callable[[], None]) -> None:
        """Add a connection; ``announce_shutdown`` sends its protocol's notice that the server stops."""
        self._open[connection] = announce_shutdown

    def remove(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def __len__(self) -> int:
        return len(self._open)

    def announce_shutdown(self) -> None:
        """Announce on every connection that the server stops."""
        for announce in tuple(self._open.values()):
            announce()

    def cut(self) -> int:
        """Reset all connections; their number."""
        connections = tuple(self._open)
        for connection in connections:
            connection.cut()
        return len(connections)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(connection.close() for connection in tuple(self._open)), return_exceptions=True)

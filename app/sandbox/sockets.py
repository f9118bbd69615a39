"""One websocket connection as Binance keeps it: pings every 20 seconds, an end after 24 hours or when a client says too much, and
events that may go wrong.

What is said on it is the affair of ``ws_api`` and ``market_socket``; this sends in order, never blocks who speaks, and ends.
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

#: Binance's own numbers: a ping each 20 s, a pong within a minute, a day for a connection.
_PING_SECONDS = 20
_PONG_SECONDS = 60
_LIFE_SECONDS = 24 * 3600

#: An endpoint of Binance takes messages of a few kilobytes; a list of a thousand streams has thirty.
_MAX_MESSAGE = 1_000_000


#: How Binance closes the connection of a client that sends too much, and what it says.
_POLICY, _TOO_MANY = 1008, b"Too many requests"


class Connection:
    """One client. ``serve`` returns when it is over. More messages than ``most_a_second``, pings and pongs included, end it."""

    def __init__(self, request: web.Request, clock: Clock, faults: FaultPlan, most_a_second: int | None = None) -> None:
        self._request = request
        self._clock = clock
        self._faults = faults
        self._socket = web.WebSocketResponse(autoping=False, max_msg_size=_MAX_MESSAGE)
        self._outbox: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()  # float: seconds, never money
        self._held: list[bytes] = []
        self._heard_at = clock.monotonic()
        self._received: deque[float] | None = None if most_a_second is None else deque(maxlen=most_a_second)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return self._request.remote or "unknown"

    async def serve(self, take: Callable[[bytes], Awaitable[None]]) -> web.WebSocketResponse:
        """Give every message to ``take`` until the connection is over."""
        await self._socket.prepare(self._request)
        for work in (self._write(), self._keep_alive(), self._end_of_life()):
            self._spawn(work)
        try:
            async for message in self._socket:
                if self._is_too_much():
                    await self._socket.close(code=_POLICY, message=_TOO_MANY)
                    break
                if message.type is WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self._heard_at = self._clock.monotonic()
                elif message.type is WSMsgType.TEXT:
                    await take(message.data.encode())
        except ConnectionError:  # the client went away while it was answered
            pass
        finally:
            for task in tuple(self._tasks):
                task.cancel()
        return self._socket

    def send(self, payload: Any) -> None:
        """Send ``payload`` after what was sent before."""
        self._outbox.put_nowait((msgspec.json.encode(payload), 0))

    def tell(self, payload: Any, route: str) -> None:
        """Send an event, unless a fault of ``route`` befalls it."""
        text = msgspec.json.encode(payload)
        struck = {rule.kind: rule for rule in self._faults.event(route)}
        if FaultKind.CUT in struck:
            return self.cut()
        if FaultKind.DROP in struck:
            return None
        if FaultKind.REORDER in struck:
            self._held.append(text)
            self._spawn(self._release_after(struck[FaultKind.REORDER].seconds))
            return None
        seconds = struck[FaultKind.DELAY].seconds if FaultKind.DELAY in struck else 0
        for _ in range(2 if FaultKind.DOUBLE in struck else 1):
            self._outbox.put_nowait((text, seconds))
        self._release()
        return None

    def cut(self) -> None:
        """Reset the connection."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """End the connection politely."""
        await self._socket.close()

    def _is_too_much(self) -> bool:
        """Note a message; whether there were more in the last second than there may be."""
        if self._received is None:
            return False
        now, received = self._clock.monotonic(), self._received
        is_full = len(received) == received.maxlen and now - received[0] < 1
        received.append(now)
        return is_full

    async def _write(self) -> None:
        with suppress(ConnectionError):  # the reader sees the same end and ends the connection
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

    async def _release_after(self, seconds: float) -> None:  # float: seconds, never money
        """What no event followed is sent in the end."""
        await self._clock.sleep(seconds)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for text in held:
            self._outbox.put_nowait((text, 0))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Connections:
    """All connections that are open, so that the server can announce its end."""

    def __init__(self) -> None:
        self._open: dict[Connection, Callable[[Any], None]] = {}

    def add(self, connection: Connection, announce: Callable[[Any], None]) -> None:
        self._open[connection] = announce

    def remove(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def __len__(self) -> int:
        return len(self._open)

    def announce(self, event: Any) -> None:
        """Tell every client ``event``, each in the form of its socket."""
        for announce in tuple(self._open.values()):
            announce(event)

    def cut(self) -> int:
        """Reset all; how many there were."""
        connections = tuple(self._open)
        for connection in connections:
            connection.cut()
        return len(connections)

    async def close(self) -> None:
        """Close all politely."""
        await asyncio.gather(*(connection.close() for connection in tuple(self._open)), return_exceptions=True)

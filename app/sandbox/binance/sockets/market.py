"""The market streams' sockets: ``/ws/<stream>``, ``/stream?streams=<a>/<b>``, and subscriptions on either.

A market may have them below several paths, each of which carries some of the streams. Every name is accepted: an unknown one, or
one of another path, sends nothing, as on Binance.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from app.paper.refusals import PaperUnavailable
from app.sandbox.binance.endpoint import shutdown_notice
from app.sandbox.binance.sockets.events import StreamEvents
from app.sandbox.binance.sockets.session import StreamSession
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.faults import FaultPlan
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

_SECOND = 1

#: Whether a path carries a stream.
Carries = Callable[[str], bool]


def everything(stream: str) -> bool:
    """A path that carries all streams."""
    return True


class MarketSockets:
    """All listeners of market streams, which get events once per second."""

    def __init__(
        self,
        venue: BinanceVenue,
        events: StreamEvents,
        faults: FaultPlan,
        connections: Connections,
        paths: Mapping[str, Carries],
        max_per_second: int = 5,
    ) -> None:
        self._venue = venue
        self._events = events
        self._faults = faults
        self._connections = connections
        self._paths = paths
        self._max_per_second = max_per_second
        #: The number of clients' messages, by method.
        self.messages: Counter[str] = Counter()
        self._listeners: dict[str, set[MarketSession]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        return [
            route
            for path in self._paths
            for route in (
                web.get(f"{path}/ws", self._raw),
                web.get(path + "/ws/{streams:.+}", self._raw),
                web.get(f"{path}/stream", self._combined),
            )
        ]

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def subscribe(self, session: StreamSession, streams: list[str]) -> None:
        assert isinstance(session, MarketSession)
        for stream in streams:
            if session.carries(stream):
                self._listeners[stream].add(session)
            session.streams[stream] = None

    async def unsubscribe(self, session: StreamSession, streams: list[str]) -> None:
        assert isinstance(session, MarketSession)
        for stream in streams:
            self._listeners[stream].discard(session)
            session.streams.pop(stream, None)

    async def _raw(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.match_info.get("streams", ""), is_combined=False)

    async def _combined(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.query.get("streams", ""), is_combined=True)

    async def _serve(self, request: web.Request, names: str, *, is_combined: bool) -> web.WebSocketResponse:
        connection = Connection(request, self._venue.clock, self._faults, self._max_per_second)
        carries = next(carries for path, carries in self._paths.items() if request.path.startswith(path))
        session = MarketSession(connection, self, carries, is_combined=is_combined)
        await self.subscribe(session, [name for name in names.split("/") if name])
        self._connections.add(connection, lambda: connection.send(shutdown_notice(self._venue.clock)))
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            await self.unsubscribe(session, list(session.streams))

    async def _run(self) -> None:
        """Advance the market and send the streams' events, once per second."""
        while True:
            await self._venue.clock.sleep(_SECOND)
            wanted = [stream for stream, sessions in self._listeners.items() if sessions]
            try:
                events = await self._venue.run(self._read, wanted)
            except PaperUnavailable:  # another process has locked the store: this second's events come with the next
                continue
            for stream, payloads in events.items():
                for session in tuple(self._listeners[stream]):
                    for payload in payloads:
                        session.send(stream, payload, "market")

    def _read(self, wanted: list[str]) -> Mapping[str, list[Any]]:
        self._venue.exchange.advance()
        self._events.start_second(milliseconds(self._venue.clock.now()))
        return {stream: self._events.events(stream) for stream in wanted}


class MarketSession(StreamSession):
    """One connection, on a path that carries some of the streams."""

    def __init__(self, connection: Connection, sockets: MarketSockets, carries: Carries, *, is_combined: bool) -> None:
        super().__init__(connection, sockets, is_combined=is_combined)
        self.carries = carries

"""The market streams' sockets: ``/ws/<stream>``, ``/stream?streams=<a>/<b>``, and requests such as SUBSCRIBE on either.

A market may have them below several paths, each of which carries some of the streams. Every name is accepted: an unknown one, or
one of another path, sends nothing, as on Binance.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from app.paper.refusals import PaperUnavailable
from app.sandbox.binance.endpoint import shutdown_notice
from app.sandbox.binance.stream_events import StreamEvents
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.faults import FaultPlan
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

#: How many streams one connection may have.
_MAX_STREAMS = 1_024

_SECOND = 1

#: Whether a path carries a stream.
Carries = Callable[[str], bool]


def _everything(stream: str) -> bool:
    return True


class MarketSockets:
    """All listeners of market streams, which get events once per second."""

    def __init__(
        self,
        venue: BinanceVenue,
        events: StreamEvents,
        faults: FaultPlan,
        connections: Connections,
        paths: Mapping[str, Carries] | None = None,
        max_per_second: int = 5,
    ) -> None:
        self._venue = venue
        self._events = events
        self._faults = faults
        self._connections = connections
        self._paths = paths or {"": _everything}
        self._max_per_second = max_per_second
        #: The number of clients' messages, by method.
        self.messages: Counter[str] = Counter()
        self._listeners: dict[str, set[_Session]] = defaultdict(set)
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

    def subscribe(self, session: _Session, streams: list[str]) -> None:
        for stream in streams:
            if session.carries(stream):
                self._listeners[stream].add(session)
            session.streams[stream] = None

    def unsubscribe(self, session: _Session, streams: list[str]) -> None:
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
        session = _Session(connection, self, carries, is_combined=is_combined)
        self.subscribe(session, [name for name in names.split("/") if name])
        self._connections.add(connection, lambda: connection.send(shutdown_notice(self._venue.clock)))
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            self.unsubscribe(session, list(session.streams))

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
                    session.send(stream, payloads)

    def _read(self, wanted: list[str]) -> Mapping[str, list[Any]]:
        self._venue.exchange.advance()
        self._events.start_second(milliseconds(self._venue.clock.now()))
        return {stream: self._events.events(stream) for stream in wanted}


class _Session:
    """One connection and its streams."""

    def __init__(self, connection: Connection, sockets: MarketSockets, carries: Carries, *, is_combined: bool) -> None:
        self._connection = connection
        self._sockets = sockets
        self._is_combined = is_combined
        self.carries = carries
        self.streams: dict[str, None] = {}

    def send(self, stream: str, payloads: list[Any]) -> None:
        for payload in payloads:
            event = {"stream": stream, "data": payload} if self._is_combined else payload
            self._connection.send_event(event, "market")

    async def take(self, text: bytes) -> None:
        """Answer one request of the client."""
        try:
            request = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._connection.send({"error": {"code": 3, "msg": f"Invalid JSON: {error}"}})
        number, parameters = request.get("id"), request.get("params", [])
        action = self._actions().get(str(request.get("method")))
        self._sockets.messages[str(request.get("method"))] += 1
        if action is None:
            return self._refuse(number, 2, "Invalid request: unknown variant of method")
        if not isinstance(parameters, list):
            return self._refuse(number, 2, "Invalid request: params must be a list")
        return action(number, parameters)

    def _actions(self) -> Mapping[str, Callable[[Any, list[Any]], None]]:
        return {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": lambda number, _: self._answer(number, list(self.streams)),
            "SET_PROPERTY": self._set_property,
            "GET_PROPERTY": lambda number, _: self._answer(number, self._is_combined),
        }

    def _subscribe(self, number: Any, streams: list[Any]) -> None:
        if not all(isinstance(stream, str) for stream in streams):
            return self._refuse(number, 2, "Invalid request: params must be texts")
        if len(self.streams) + len(streams) > _MAX_STREAMS:
            return self._refuse(number, 2, "Invalid request: too many streams")
        self._sockets.subscribe(self, streams)
        return self._answer(number, None)

    def _unsubscribe(self, number: Any, streams: list[Any]) -> None:
        self._sockets.unsubscribe(self, [stream for stream in streams if stream in self.streams])
        self._answer(number, None)

    def _set_property(self, number: Any, parameters: list[Any]) -> None:
        if len(parameters) != 2 or parameters[0] != "combined":
            return self._refuse(number, 2, "Invalid request: the property is combined")
        self._is_combined = parameters[1] in (True, "true")
        return self._answer(number, None)

    def _answer(self, number: Any, result: Any) -> None:
        self._connection.send({"result": result, "id": number})

    def _refuse(self, number: Any, code: int, message: str) -> None:
        self._connection.send({"code": code, "msg": message, "id": number})

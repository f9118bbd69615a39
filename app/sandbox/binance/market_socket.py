"""The market streams' socket: ``/ws/<stream>``, ``/stream?streams=<a>/<b>``, and SUBSCRIBE and its kin on either.

A market may have them below paths of its own, each of which carries a part of them.

Names are taken as they come: one that means nothing, or that another path carries, stays silent, as on Binance.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from app.clock import Clock
from app.paper.refusals import PaperUnavailable
from app.sandbox.binance.spot.stream_events import StreamEvents
from app.sandbox.faults import FaultPlan
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds
from app.sandbox.venue import Venue

#: What one connection may listen to.
_MOST_STREAMS = 1_024

_SECOND = 1

#: Which streams a path carries.
Carries = Callable[[str], bool]


def _everything(stream: str) -> bool:
    return True


class MarketSockets:
    """All listeners of market streams, told once a second."""

    def __init__(
        self,
        venue: Venue,
        events: StreamEvents,
        faults: FaultPlan,
        connections: Connections,
        paths: Mapping[str, Carries] | None = None,
        most_a_second: int = 5,
    ) -> None:
        self._venue = venue
        self._events = events
        self._faults = faults
        self._connections = connections
        self._paths = paths or {"": _everything}
        self._most_a_second = most_a_second
        #: How many messages of clients came, by method.
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
        self._task = asyncio.create_task(self._beat())

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
        connection = Connection(request, self._venue.clock, self._faults, self._most_a_second)
        carries = next(carries for path, carries in self._paths.items() if request.path.startswith(path))
        session = _Session(connection, self, carries, is_combined=is_combined)
        self.subscribe(session, [name for name in names.split("/") if name])
        self._connections.add(connection, connection.send)
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            self.unsubscribe(session, list(session.streams))

    async def _beat(self) -> None:
        """Let the market come to the present and tell who listens, once a second."""
        while True:
            await self._venue.clock.sleep(_SECOND)
            wanted = [stream for stream, sessions in self._listeners.items() if sessions]
            try:
                told = await self._venue.run(self._told, wanted)
            except PaperUnavailable:  # somebody else holds the store: this second is told with the next
                continue
            for stream, payloads in told.items():
                for session in tuple(self._listeners[stream]):
                    session.tell(stream, payloads)

    def _told(self, wanted: list[str]) -> Mapping[str, list[Any]]:
        self._venue.exchange.advance()
        self._events.begin(_now_ms(self._venue.clock))
        return {stream: self._events.events(stream) for stream in wanted}


class _Session:
    """One connection and the streams that it listens to."""

    def __init__(self, connection: Connection, sockets: MarketSockets, carries: Carries, *, is_combined: bool) -> None:
        self._connection = connection
        self._sockets = sockets
        self._is_combined = is_combined
        self.carries = carries
        self.streams: dict[str, None] = {}

    def tell(self, stream: str, payloads: list[Any]) -> None:
        for payload in payloads:
            event = {"stream": stream, "data": payload} if self._is_combined else payload
            self._connection.tell(event, "market")

    async def take(self, text: bytes) -> None:
        """Answer a request of the client."""
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
        if len(self.streams) + len(streams) > _MOST_STREAMS:
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


def _now_ms(clock: Clock) -> int:
    return milliseconds(clock.now())

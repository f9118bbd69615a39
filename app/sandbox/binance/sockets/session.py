"""One connection to streams: which it has, whether its events bear their stream's name, and the requests that change either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from app.sandbox.sockets import Connection

#: How many streams one connection may have.
_MAX_STREAMS = 1_024


class Hub(Protocol):
    """What sends the events. ``messages`` counts clients' messages by method."""

    messages: Counter[str]

    async def subscribe(self, session: StreamSession, streams: list[str]) -> None:
        """Send the streams to ``session``, which has them from now on."""

    async def unsubscribe(self, session: StreamSession, streams: list[str]) -> None:
        """End streams of ``session``."""


class StreamSession:
    """One connection and its streams."""

    def __init__(self, connection: Connection, hub: Hub, *, is_combined: bool) -> None:
        self._connection = connection
        self._hub = hub
        self._is_combined = is_combined
        self.streams: dict[str, None] = {}

    def send(self, stream: str, payload: Any, route: str) -> None:
        """Send an event of ``stream``, subject to the faults of ``route``."""
        self._connection.send_event(self._event(stream, payload), route)

    def tell(self, stream: str, payload: Any) -> None:
        """Send an event of ``stream``, without faults."""
        self._connection.send(self._event(stream, payload))

    def _event(self, stream: str, payload: Any) -> Any:
        return {"stream": stream, "data": payload} if self._is_combined else payload

    async def take(self, text: bytes) -> None:
        """Answer one request of the client."""
        try:
            request = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._connection.send({"error": {"code": 3, "msg": f"Invalid JSON: {error}"}})
        number, parameters = request.get("id"), request.get("params", [])
        action = self._actions().get(str(request.get("method")))
        self._hub.messages[str(request.get("method"))] += 1
        if action is None:
            return self._refuse(number, 2, "Invalid request: unknown variant of method")
        if not isinstance(parameters, list):
            return self._refuse(number, 2, "Invalid request: params must be a list")
        return await action(number, parameters)

    def _actions(self) -> Mapping[str, Callable[[Any, list[Any]], Awaitable[None]]]:
        return {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": self._list,
            "SET_PROPERTY": self._set_property,
            "GET_PROPERTY": self._get_property,
        }

    async def _list(self, number: Any, _: list[Any]) -> None:
        self._answer(number, list(self.streams))

    async def _get_property(self, number: Any, _: list[Any]) -> None:
        self._answer(number, self._is_combined)

    async def _subscribe(self, number: Any, streams: list[Any]) -> None:
        if not all(isinstance(stream, str) for stream in streams):
            return self._refuse(number, 2, "Invalid request: params must be texts")
        if len(self.streams) + len(streams) > _MAX_STREAMS:
            return self._refuse(number, 2, "Invalid request: too many streams")
        await self._hub.subscribe(self, streams)
        return self._answer(number, None)

    async def _unsubscribe(self, number: Any, streams: list[Any]) -> None:
        await self._hub.unsubscribe(self, [stream for stream in streams if stream in self.streams])
        self._answer(number, None)

    async def _set_property(self, number: Any, parameters: list[Any]) -> None:
        if len(parameters) != 2 or parameters[0] != "combined":
            return self._refuse(number, 2, "Invalid request: the property is combined")
        self._is_combined = parameters[1] in (True, "true")
        return self._answer(number, None)

    def _answer(self, number: Any, result: Any) -> None:
        self._connection.send({"result": result, "id": number})

    def _refuse(self, number: Any, code: int, message: str) -> None:
        self._connection.send({"code": code, "msg": message, "id": number})

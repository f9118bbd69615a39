"""The spot market's websocket API: with the user stream, as subscriptions of a connection.

One connection may have the streams of several accounts. Source: "User Data Stream" in Binance's spot API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.sandbox.binance.endpoint import Call, Endpoint, Security
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.feed import Payload, UserFeed
from app.sandbox.binance.gate import Gate
from app.sandbox.binance.parameters import optional, whole
from app.sandbox.binance.sockets.api import Session, WsApi, method_of
from app.sandbox.faults import FaultPlan
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds


class SpotWsApi(WsApi):
    """The websocket API, with the user stream of ``feed``."""

    def __init__(
        self,
        path: str,
        endpoints: Iterable[Endpoint],
        feed: UserFeed,
        *,
        gate: Gate,
        faults: FaultPlan,
        connections: Connections,
    ) -> None:
        super().__init__(path, endpoints, gate=gate, faults=faults, connections=connections)
        self.feed = feed

    def _session(self, connection: Connection, *, tells_limits: bool) -> Session:
        return _SpotSession(connection, self, tells_limits=tells_limits)


class _SpotSession(Session):
    """One connection and its subscriptions to user streams."""

    def __init__(self, connection: Connection, api: SpotWsApi, *, tells_limits: bool) -> None:
        super().__init__(connection, api, tells_limits=tells_limits)
        self._feed = api.feed
        self._subscriptions: dict[int, tuple[str, Callable[[], None]]] = {}
        self._next_subscription = 0

    def close(self) -> None:
        for number in tuple(self._subscriptions):
            self._end(number)

    def _own_endpoints(self) -> Sequence[Endpoint]:
        which = (optional("subscriptionId", whole),)
        return (
            *super()._own_endpoints(),
            method_of("session.subscriptions", self._list),
            method_of("userDataStream.subscribe", self._subscribe_session),
            method_of("userDataStream.subscribe.signature", self._subscribe, Security.SIGNED),
            method_of("userDataStream.unsubscribe", self._unsubscribe, parameters=which),
        )

    async def _list(self, call: Call) -> list[dict[str, int]]:
        return [{"subscriptionId": number} for number in self._subscriptions]

    async def _subscribe_session(self, call: Call) -> dict[str, int]:
        if self._account is None:
            raise ApiError(-1002, "You are not authorized to execute this request.", status=401)
        return await self._begin(self._account)

    async def _subscribe(self, call: Call) -> dict[str, int]:
        return await self._begin(call.account)

    async def _unsubscribe(self, call: Call) -> dict[str, Any]:
        asked = call.values.get("subscriptionId")
        if asked is not None and asked not in self._subscriptions:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        for number in [asked] if asked is not None else list(self._subscriptions):
            self._end(number)
            event = {"e": "eventStreamTerminated", "E": milliseconds(call.now)}
            self._connection.send({"subscriptionId": number, "event": event})
        return {}

    async def _begin(self, account: str) -> dict[str, int]:
        if any(account == subscribed for subscribed, _ in self._subscriptions.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1

        def send(event: Payload) -> None:
            self._connection.send_event({"subscriptionId": number, "event": event}, "user")

        self._subscriptions[number] = (account, await self._feed.listen(account, send))
        return {"subscriptionId": number}

    def _end(self, number: int) -> None:
        _, stop = self._subscriptions.pop(number)
        stop()

    def _session_status(self, call: Call) -> dict[str, Any]:
        return {**super()._session_status(call), "userDataStream": bool(self._subscriptions)}

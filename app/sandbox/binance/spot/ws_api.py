"""The websocket API: the REST endpoints as methods of a socket, sessions, and the user stream.

Signatures are over the parameters sorted by name. One connection may have the streams of several accounts.
Source: "WebSocket API" and "User Data Stream" in Binance's spot API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.domain.decimals import plain
from app.sandbox.binance.endpoint import (
    Call,
    Endpoint,
    Handler,
    Message,
    Security,
    shutdown_notice,
    weighing,
)
from app.sandbox.binance.failures import ApiError, bad_key
from app.sandbox.binance.feed import Payload, UserFeed
from app.sandbox.binance.gate import Gate
from app.sandbox.binance.parameters import Parameter, optional, whole
from app.sandbox.faults import FaultPlan
from app.sandbox.rest import Answer
from app.sandbox.signatures import Ed25519Verifier
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

_DECODER: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)

#: The parameters of authentication, which every request may have.
_AUTHENTICATION = frozenset({"apiKey", "signature"})


class WsApi:
    """The websocket API of one market. ``path`` is its socket's."""

    def __init__(
        self,
        path: str,
        endpoints: Iterable[Endpoint],
        *,
        gate: Gate,
        feed: UserFeed,
        faults: FaultPlan,
        connections: Connections,
    ) -> None:
        self._path = path
        self.gate = gate
        self.feed = feed
        self._faults = faults
        self._connections = connections
        self.methods = {each.ws_method: each for each in endpoints if each.ws_method is not None}

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self._path, self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        connection = Connection(request, self.gate.clock, self._faults)
        session = _Session(connection, self)
        self._connections.add(connection, lambda: connection.send({"event": shutdown_notice(self.gate.clock)}))
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            session.close()


class _Session:
    """One connection: the account that is logged on, and the subscriptions to user streams."""

    def __init__(self, connection: Connection, api: WsApi) -> None:
        self._connection = connection
        self._api = api
        self._gate = api.gate
        self._api_key = ""
        self._account: str | None = None
        self._logged_on_at: int | None = None
        self._subscriptions: dict[int, tuple[str, Callable[[], None]]] = {}
        self._next_subscription = 0
        self._methods = api.methods | {each.path: each for each in self._own_endpoints()}

    async def take(self, text: bytes) -> None:
        """Answer one request."""
        try:
            request = _DECODER.decode(text)
            number, method, parameters = request.get("id"), request.get("method"), request.get("params") or {}
            pairs = {name: _as_text(value) for name, value in parameters.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, TypeError):
            return self._answer(None, self._refused(ApiError(-1135, "Invalid JSON Request")))
        endpoint = self._methods.get(str(method))
        if endpoint is None:
            return self._answer(number, self._refused(ApiError(-1020, "This operation is not supported.")))
        return self._answer(number, await self._gate.answer(endpoint, self._message(pairs)))

    def close(self) -> None:
        """End all subscriptions."""
        for number in tuple(self._subscriptions):
            self._end(number)

    def _message(self, pairs: Mapping[str, str]) -> Message:
        signed = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()) if name != "signature")
        self._api_key = pairs.get("apiKey", self._api_key)
        uses_session = "apiKey" not in pairs and self._account is not None
        return Message(
            address=self._connection.address,
            pairs=[(name, value) for name, value in pairs.items() if name not in _AUTHENTICATION],
            api_key=pairs.get("apiKey"),
            signed=signed.encode(),
            signature=pairs.get("signature"),
            account=self._account if uses_session else None,
        )

    def _refused(self, error: ApiError) -> Answer:
        return self._gate.refused(error, self._connection.address)

    def _answer(self, number: Any, answer: Answer) -> None:
        now = milliseconds(self._gate.clock.now())
        limit = self._gate.usage.described()[0]
        counts = [{**limit, "count": self._gate.usage.used(self._connection.address, now)}]
        content = {"result": answer.payload} if answer.status == 200 else {"error": _error(answer, now)}
        self._connection.send({"id": number, "status": answer.status, **content, "rateLimits": counts})

    # The methods of a connection.

    def _own_endpoints(self) -> tuple[Endpoint, ...]:
        which = (optional("subscriptionId", whole),)
        return (
            _method("session.logon", self._log_on, Security.SIGNED),
            _method("session.status", self._status),
            _method("session.logout", self._log_out),
            _method("session.subscriptions", self._list),
            _method("userDataStream.subscribe", self._subscribe_session),
            _method("userDataStream.subscribe.signature", self._subscribe, Security.SIGNED),
            _method("userDataStream.unsubscribe", self._unsubscribe, parameters=which),
        )

    async def _log_on(self, call: Call) -> dict[str, Any]:
        key = self._gate.keys.find(self._api_key)
        # Binance lets only Ed25519 keys log on.
        if key is None or not isinstance(key.verifier, Ed25519Verifier):
            raise bad_key()
        self._account, self._logged_on_at = call.account, milliseconds(call.now)
        return self._session_status(call)

    async def _status(self, call: Call) -> dict[str, Any]:
        return self._session_status(call)

    async def _log_out(self, call: Call) -> dict[str, Any]:
        self._account = self._logged_on_at = None
        return self._session_status(call)

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

        self._subscriptions[number] = (account, await self._api.feed.listen(account, send))
        return {"subscriptionId": number}

    def _end(self, number: int) -> None:
        _, stop = self._subscriptions.pop(number)
        stop()

    def _session_status(self, call: Call) -> dict[str, Any]:
        return {
            "apiKey": self._api_key if self._account else None,
            "authorizedSince": self._logged_on_at,
            "connectedSince": milliseconds(call.now),
            "returnRateLimits": True,
            "serverTime": milliseconds(call.now),
            "userDataStream": bool(self._subscriptions),
        }


def _method(
    name: str,
    answer: Handler,
    security: Security = Security.NONE,
    parameters: tuple[Parameter, ...] = (),
) -> Endpoint:
    return Endpoint(
        method="WS",
        path=name,
        answer=answer,
        parameters=parameters,
        security=security,
        route="account",
        weigh=weighing(2),
        ws_method=name,
    )


def _error(answer: Answer, now: int) -> dict[str, Any]:
    if not isinstance(answer.payload, dict):
        return {"code": -1000, "msg": "An unknown error occurred while processing the request."}
    retry_after = answer.headers.get("Retry-After")
    if retry_after is None:
        return dict(answer.payload)
    return {**answer.payload, "data": {"serverTime": now, "retryAfter": now + int(retry_after) * 1_000}}


def _as_text(value: Any) -> str:
    """A parameter's value as it is signed. Raises ``TypeError`` for other values."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int):
        return str(value)
    raise TypeError("a parameter is a text, a number or a truth value")

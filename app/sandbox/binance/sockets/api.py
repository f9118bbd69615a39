"""The websocket API: a market's REST endpoints as methods of a socket, and sessions.

Signatures are over the parameters sorted by name. Source: "WebSocket API" in Binance's spot documentation, and what that of USD-M
futures says of it in general.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Message, Security, shutdown_notice, weighing
from app.sandbox.binance.failures import ApiError, bad_key, unsupported
from app.sandbox.binance.gate import Gate
from app.sandbox.binance.parameters import Parameter, as_text, truth
from app.sandbox.faults import FaultPlan
from app.sandbox.rest import Answer
from app.sandbox.signatures import Ed25519Verifier
from app.sandbox.sockets import Connection, Connections
from app.sandbox.times import milliseconds

_DECODER: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)

#: Whether answers tell the rate limits: a parameter of every request, and of the connection's address.
_RATE_LIMITS = "returnRateLimits"

#: The parameters that every request may have, which no endpoint reads.
_OF_EVERY_REQUEST = frozenset({"apiKey", "signature", _RATE_LIMITS})

#: What clients send with a signature, to public methods too, where it means nothing.
_OF_SIGNED_REQUESTS = frozenset({"timestamp", "recvWindow"})

#: A method may be called by the version of its market's API, too.
_VERSION = re.compile(r"v[0-9]/")


class WsApi:
    """The websocket API of one market. ``path`` is its socket's."""

    def __init__(
        self, path: str, endpoints: Iterable[Endpoint], *, gate: Gate, faults: FaultPlan, connections: Connections
    ) -> None:
        self._path = path
        self.gate = gate
        self._faults = faults
        self._connections = connections
        self.methods = {each.ws_method: each for each in endpoints if each.ws_method is not None}

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self._path, self._serve)]

    def _session(self, connection: Connection, *, tells_limits: bool) -> Session:
        """The session of a new connection."""
        return Session(connection, self, tells_limits=tells_limits)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        connection = Connection(request, self.gate.clock, self._faults)
        session = self._session(connection, tells_limits=request.query.get(_RATE_LIMITS, "").lower() != "false")
        self._connections.add(connection, lambda: connection.send({"event": shutdown_notice(self.gate.clock)}))
        try:
            return await connection.serve(session.take)
        finally:
            self._connections.remove(connection)
            session.close()


class Session:
    """One connection, and the account that is logged on. ``tells_limits``: whether answers tell the rate limits if not asked."""

    def __init__(self, connection: Connection, api: WsApi, *, tells_limits: bool) -> None:
        self._connection = connection
        self._gate = api.gate
        self._tells_limits = tells_limits
        self._connected_at = milliseconds(api.gate.clock.now())
        self._api_key = ""
        self._account: str | None = None
        self._logged_on_at: int | None = None
        self._methods = api.methods | {each.path: each for each in self._own_endpoints()}

    async def take(self, text: bytes) -> None:
        """Answer one request."""
        try:
            request = _DECODER.decode(text)
            number, method, parameters = request.get("id"), str(request.get("method")), request.get("params") or {}
            pairs = {name: as_text(value) for name, value in parameters.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, TypeError):
            return self._answer(None, self._refused(ApiError(-1135, "Invalid JSON Request")), self._tells_limits)
        tells_limits = self._tells_limits
        try:
            if _RATE_LIMITS in pairs:
                tells_limits = truth(_RATE_LIMITS, pairs[_RATE_LIMITS])
            endpoint = self._methods.get(method) or self._methods.get(_VERSION.sub("", method))
            if endpoint is None:
                raise unsupported(f"method {method}")
        except ApiError as error:
            return self._answer(number, self._refused(error), tells_limits)
        return self._answer(number, await self._gate.answer(endpoint, self._message(endpoint, pairs)), tells_limits)

    def close(self) -> None:
        """End what the connection began."""

    def _message(self, endpoint: Endpoint, pairs: Mapping[str, str]) -> Message:
        signed = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()) if name != "signature")
        self._api_key = pairs.get("apiKey", self._api_key)
        ignored = _OF_EVERY_REQUEST
        if endpoint.security is not Security.SIGNED:
            ignored |= _OF_SIGNED_REQUESTS
        uses_session = "apiKey" not in pairs and self._account is not None
        return Message(
            address=self._connection.address,
            pairs=[(name, value) for name, value in pairs.items() if name not in ignored],
            api_key=pairs.get("apiKey"),
            signed=signed.encode(),
            signature=pairs.get("signature"),
            account=self._account if uses_session else None,
        )

    def _refused(self, error: ApiError) -> Answer:
        return self._gate.refused(error, self._connection.address)

    def _answer(self, number: Any, answer: Answer, tells_limits: bool) -> None:
        now = milliseconds(self._gate.clock.now())
        is_good = answer.status == 200
        content: dict[str, Any] = {"result": answer.payload} if is_good else {"error": _error(answer, now)}
        if tells_limits:
            used = self._gate.usage.used(self._connection.address, now)
            content["rateLimits"] = [{**self._gate.usage.described()[0], "count": used}]
        self._connection.send({"id": number, "status": answer.status, **content})

    # The methods of a connection.

    def _own_endpoints(self) -> Sequence[Endpoint]:
        return (
            method_of("session.logon", self._log_on, Security.SIGNED),
            method_of("session.status", self._status),
            method_of("session.logout", self._log_out),
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

    def _session_status(self, call: Call) -> dict[str, Any]:
        return {
            "apiKey": self._api_key if self._account else None,
            "authorizedSince": self._logged_on_at,
            "connectedSince": self._connected_at,
            "returnRateLimits": self._tells_limits,
            "serverTime": milliseconds(call.now),
        }


def method_of(
    name: str,
    answer: Handler,
    security: Security = Security.NONE,
    parameters: tuple[Parameter, ...] = (),
) -> Endpoint:
    """A method of a connection, which REST does not have."""
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

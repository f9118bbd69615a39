"""Admission: parameters from the query or the body, and for private endpoints the key, the time and the signature.

Source: "Integration Guidance" in Bybit's documentation
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from app.clock import Clock
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.sandbox import rest
from app.sandbox.bybit.failures import SPOT, ApiError, enveloped, error_of, invalid
from app.sandbox.keys import KeyRing
from app.sandbox.rest import Answer
from app.sandbox.times import milliseconds

#: A timestamp may be this far ahead of the exchange's clock.
_AHEAD_MS = 1_000
_DEFAULT_RECV_WINDOW_MS = "5000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was admitted: its account, empty for a public endpoint, and its parameters, all of them texts or bools."""

    account: str
    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """A parameter, None without; an empty one counts as none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool | dict | list):
            raise invalid(name)
        return str(value)

    def required(self, name: str) -> str:
        """A parameter that must be there."""
        value = self.text(name)
        if value is None:
            raise invalid(f"{name} is required")
        return value

    def number(self, name: str) -> Decimal | None:
        """A positive number, None without."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise invalid(name) from None
        if not number.is_finite() or number <= 0:
            raise invalid(name)
        return number

    def whole(self, name: str) -> int | None:
        """A whole number, None without."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdecimal():
            raise invalid(name)
        return int(value)

    def rows(self, default: int, most: int) -> int:
        """How many rows are asked for."""
        limit = self.whole("limit")
        if limit is not None and not 1 <= limit <= most:
            raise invalid(f"limit must be from 1 to {most}")
        return limit or default

    def flag(self, name: str) -> bool:
        """A bool, false without."""
        return self.values.get(name) in (True, "true")


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that the API serves. ``route`` is its name in fault rules, or finds it by the parameters."""

    method: str
    path: str
    answer: Handler
    is_private: bool = True
    route: str | Callable[[Mapping[str, str]], str] = "market"


class Gate:
    """Admits requests and answers them."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def rest_endpoint(self, endpoint: Endpoint) -> rest.Endpoint:
        """``endpoint`` as the REST server takes it."""

        async def read(request: web.Request) -> rest.CarryOut:
            return partial(self._answer, endpoint, request, await request.read())

        route = endpoint.route
        found = route if isinstance(route, str) else lambda request: route(request.query)
        return rest.Endpoint(method=endpoint.method, path=endpoint.path, route=found, read=read)

    async def _answer(self, endpoint: Endpoint, request: web.Request, body: bytes, delay: float | None) -> Answer:
        category = request.query.get("category", SPOT)
        try:
            account = self._account(request, body) if endpoint.is_private else ""
            call = Call(account=account, values=_values(request, body))
            category = call.text("category") or SPOT
            if delay is not None:
                await self._clock.sleep(delay)
            result = await endpoint.answer(call)
        except ApiError as error:
            return self.refused(error)
        except PaperRefusal as refusal:
            return self.refused(error_of(refusal, category))
        except PaperUnavailable:
            return self.refused(ApiError(10016, "Internal server error."))
        return Answer(payload=enveloped(result, self._now_ms()))

    def refused(self, error: ApiError) -> Answer:
        """The answer of ``error``."""
        body = enveloped({}, self._now_ms(), code=error.code, message=error.message)
        return Answer(status=error.status, payload=body, headers=error.headers)

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())

    def _account(self, request: web.Request, body: bytes) -> str:
        """The account of the key, once time and signature are right."""
        key = self._keys.find(request.headers.get("X-BAPI-API-KEY", ""))
        if key is None:
            raise ApiError(10003, "API key is invalid.")
        stamp = request.headers.get("X-BAPI-TIMESTAMP", "")
        window = request.headers.get("X-BAPI-RECV-WINDOW", _DEFAULT_RECV_WINDOW_MS)
        if not (stamp.isdecimal() and stamp.isascii() and window.isdecimal() and window.isascii()):
            raise ApiError(10002, "The request time exceeds the time window range.")
        now = self._now_ms()
        if not now - int(window) <= int(stamp) < now + _AHEAD_MS:
            advice = (
                f"invalid request, please check your server timestamp or recv_window param. req_timestamp[{stamp}],"
            )
            raise ApiError(10002, f"{advice}server_timestamp[{now}],recv_window[{window}]")
        signed = request.raw_path.partition("?")[2].encode() if request.method == "GET" else body
        whole = f"{stamp}{key.api_key}{window}".encode() + signed
        if not key.verifier.verifies(whole, request.headers.get("X-BAPI-SIGN", "")):
            raise ApiError(10004, "error sign! please check your signature generation algorithm.")
        return key.account


def _values(request: web.Request, body: bytes) -> Mapping[str, Any]:
    if request.method == "GET":
        return dict(parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True))
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        raise invalid("the body is not a JSON object") from None

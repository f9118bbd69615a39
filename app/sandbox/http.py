"""REST as aiohttp serves it: a request becomes a message, goes through the gate, and its answer is sent, or spoilt on purpose.

Everything that a client can see of a fault on a call happens here: what is carried out is decided before what is answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from urllib.parse import unquote

import msgspec
from aiohttp import web

from app.clock import Clock
from app.sandbox import answers
from app.sandbox.endpoint import Answer, Endpoint, Message
from app.sandbox.failures import ApiError
from app.sandbox.faults import FaultKind, FaultPlan, FaultRule
from app.sandbox.gate import Gate
from app.sandbox.parameters import split
from app.sandbox.times import milliseconds

_JSON = "application/json"

#: How long an unanswered request is held open; longer than any client waits.
_HANG_SECONDS = 120

#: What carries the request out and then does something else than answer.
_SPOILS: Mapping[FaultKind, Callable[[Answer], Answer]] = {
    FaultKind.ACCEPT_500: answers.plain_500,
    FaultKind.ACCEPT_503: answers.unknown_503,
    FaultKind.ACCEPT_504: answers.timeout_504,
    FaultKind.GARBLE_TYPE: answers.other_type,
    FaultKind.GARBLE_ERROR: answers.error_under_200,
    FaultKind.GARBLE_TEXT: answers.no_json,
}

#: What does not carry the request out.
_REFUSALS: Mapping[FaultKind, Callable[[int, float], Answer]] = {
    FaultKind.REFUSE_UNAVAILABLE: answers.unavailable,
    FaultKind.REFUSE_INTERNAL: answers.internal_error,
    FaultKind.REFUSE_OVERLOADED: answers.overloaded,
    FaultKind.REFUSE_502: answers.bad_gateway,
    FaultKind.REFUSE_429: answers.too_many,
    FaultKind.REFUSE_418: answers.ban,
}

_HANGS = frozenset({FaultKind.ACCEPT_HANG, FaultKind.LOSE_HANG})
_RESETS = frozenset({FaultKind.ACCEPT_RESET, FaultKind.LOSE_RESET})
_LOSSES = frozenset({FaultKind.LOSE_HANG, FaultKind.LOSE_RESET})


class HttpFace:
    """The REST server of all markets. ``closing`` ends the requests that are held open; ``requests`` counts them by route."""

    def __init__(
        self, gate: Gate, faults: FaultPlan, clock: Clock, *, closing: asyncio.Event, requests: Counter[str]
    ) -> None:
        self._gate = gate
        self._requests = requests
        self._faults = faults
        self._clock = clock
        self._closing = closing

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """A route for each endpoint."""
        return [web.route(each.method, each.path, self._handler(each)) for each in endpoints]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._requests[endpoint.route] += 1
            message = await _message(request)
            if isinstance(message, ApiError):
                return _response(self._gate.refused(message, _address(request)))
            fault = self._faults.call(endpoint.route)
            if fault is None:
                return _response(await self._gate.answer(endpoint, message))
            return await self._misbehave(fault, endpoint, message, request)

        return handle

    async def _misbehave(
        self, fault: FaultRule, endpoint: Endpoint, message: Message, request: web.Request
    ) -> web.StreamResponse:
        if fault.kind in _REFUSALS:
            now = milliseconds(self._clock.now())
            return _response(_REFUSALS[fault.kind](now, fault.seconds))
        if fault.kind in _LOSSES:
            return await self._silence(fault, request)
        answer = await self._carried_out(fault, endpoint, message)
        if fault.kind in _HANGS or fault.kind in _RESETS:
            return await self._silence(fault, request)
        if fault.kind is FaultKind.GARBLE_CUT:
            return await _half(answer, request)
        if fault.kind is FaultKind.SLOW:
            await self._clock.sleep(fault.seconds)
        if fault.kind is FaultKind.HIDE:
            youngest = milliseconds(self._clock.now()) - int(fault.seconds * 1_000)
            return _response(answers.without_younger(answer, youngest))
        return _response(_SPOILS.get(fault.kind, _as_it_is)(answer))

    async def _carried_out(self, fault: FaultRule, endpoint: Endpoint, message: Message) -> Answer:
        if fault.kind is not FaultKind.LATE:
            return await self._gate.answer(endpoint, message)
        try:
            call = self._gate.admit(endpoint, message)
            await self._clock.sleep(fault.seconds)
            return await self._gate.perform(endpoint, call, message.address)
        except ApiError as error:
            return self._gate.refused(error, message.address)

    async def _silence(self, fault: FaultRule, request: web.Request) -> web.StreamResponse:
        """Answer nothing: let the client wait, or reset the connection at once."""
        if fault.kind in _HANGS:
            await self._hang()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()  # goes nowhere; aiohttp wants one

    async def _hang(self) -> None:
        """Until everybody has given up, or the server stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), _HANG_SECONDS)


async def _message(request: web.Request) -> Message | ApiError:
    """The request as the gate takes it. Where a parameter stands in query and body, the query's counts."""
    query = request.raw_path.partition("?")[2]
    try:
        body = (await request.read()).decode("ascii")
    except UnicodeDecodeError:
        return ApiError(-1100, "Illegal characters found in a parameter.")
    unsigned_query, in_query = _unsigned(query)
    unsigned_body, in_body = _unsigned(body)
    pairs = split(unsigned_query)
    in_both = {name for name, _ in pairs}
    pairs += [(name, value) for name, value in split(unsigned_body) if name not in in_both]
    return Message(
        address=_address(request),
        pairs=pairs,
        api_key=request.headers.get("X-MBX-APIKEY"),
        signed=(unsigned_query + unsigned_body).encode(),
        signature=in_query or in_body,
    )


def _unsigned(raw: str) -> tuple[str, str | None]:
    """``raw`` without its signature, byte for byte, and the signature. A plus in base64 may come unescaped."""
    pieces = raw.split("&")
    kept = [piece for piece in pieces if not piece.startswith("signature=")]
    found = [piece.partition("=")[2] for piece in pieces if piece.startswith("signature=")]
    return "&".join(kept), unquote(found[-1]) if found else None


def _response(answer: Answer) -> web.Response:
    if answer.html is not None:
        return web.Response(status=answer.status, text=answer.html, content_type="text/html", headers=answer.headers)
    return web.Response(
        status=answer.status,
        body=msgspec.json.encode(answer.payload),
        content_type=_JSON,
        charset="utf-8",
        headers=answer.headers,
    )


async def _half(answer: Answer, request: web.Request) -> web.StreamResponse:
    """Send half of the answer under the length of the whole, and hang up."""
    body = msgspec.json.encode(answer.payload)
    response = web.StreamResponse(status=200, headers={"Content-Type": _JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _address(request: web.Request) -> str:
    return request.remote or "unknown"


def _as_it_is(answer: Answer) -> Answer:
    return answer

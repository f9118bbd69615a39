"""The REST server with faults: a request is carried out and answered, unless it gets a fault.

All faults of calls are implemented here: first whether the call is carried out, then how it is answered. The answers are in the
exchange's protocol: an ``Endpoint`` carries requests out, and ``FaultAnswers`` has the answers to faults.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from app.clock import Clock
from app.sandbox.faults import FaultKind, FaultPlan, FaultRule
from app.sandbox.times import milliseconds

_JSON = "application/json"

#: How long an unanswered request is kept open: longer than any client waits.
_HANG_SECONDS = 120

_HANGS = frozenset({FaultKind.ACCEPT_HANG, FaultKind.LOSE_HANG})
_RESETS = frozenset({FaultKind.ACCEPT_RESET, FaultKind.LOSE_RESET, FaultKind.DELIST, FaultKind.NEW_RULES})
_LOSSES = frozenset({FaultKind.LOSE_HANG, FaultKind.LOSE_RESET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer. ``html`` replaces the payload where the exchange's front end answers instead of its API."""

    status: int = 200
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    html: str | None = None


#: Carries a request out: at once, or so many seconds after it was admitted.
CarryOut = Callable[[float | None], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that a market serves. ``route`` is its name in fault rules, or finds it by the request and its body.

    ``read`` returns how to carry the request out, or the answer to a request that can't be read.
    """

    method: str
    path: str
    route: str | Callable[[web.Request, bytes], str]
    read: Callable[[web.Request], Awaitable[CarryOut | Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAnswers:
    """An exchange's answers to calls with a fault.

    ``spoiled`` are made from the right answer to a call that was carried out. ``refusals``, of calls that were not, are made from
    the time and the fault's seconds. ``without_younger`` removes an answer's rows that are younger than a time. Times are in
    milliseconds since 1970.
    """

    spoiled: Mapping[FaultKind, Callable[[Answer], Answer]]
    refusals: Mapping[FaultKind, Callable[[int, float], Answer]]
    without_younger: Callable[[Answer, int], Answer]


class RestServer:
    """The REST server of one market. ``closing`` ends the requests that are kept open; ``requests`` counts them by route.
    ``strike`` does what a fault does to the order that an answer is about, or to its symbol.
    """

    def __init__(
        self,
        answers: FaultAnswers,
        faults: FaultPlan,
        clock: Clock,
        *,
        closing: asyncio.Event,
        requests: Counter[str],
        strike: Callable[[FaultRule, Answer], Awaitable[None]],
    ) -> None:
        self._answers = answers
        self._faults = faults
        self._clock = clock
        self._closing = closing
        self._requests = requests
        self._strike = strike

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """A route for each endpoint."""
        return [web.route(each.method, each.path, self._handler(each)) for each in endpoints]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            route = endpoint.route if isinstance(endpoint.route, str) else endpoint.route(request, body)
            self._requests[route] += 1
            carry_out = await endpoint.read(request)
            if isinstance(carry_out, Answer):
                return response(carry_out)
            fault = self._faults.call(route)
            if fault is None:
                return response(await carry_out(None))
            return await self._misbehave(fault, carry_out, request)

        return handle

    async def _misbehave(self, fault: FaultRule, carry_out: CarryOut, request: web.Request) -> web.StreamResponse:
        if fault.kind in self._answers.refusals:
            return response(self._answers.refusals[fault.kind](milliseconds(self._clock.now()), fault.seconds))
        if fault.kind in _LOSSES:
            return await self._no_answer(fault, request)
        answer = await carry_out(fault.seconds if fault.kind is FaultKind.LATE else None)
        if fault.kind in (FaultKind.SLOW, FaultKind.AMEND):
            await self._clock.sleep(fault.seconds)
        await self._strike(fault, answer)
        if fault.kind in _HANGS or fault.kind in _RESETS:
            return await self._no_answer(fault, request)
        if fault.kind is FaultKind.GARBLE_CUT:
            return await _half(answer, request)
        if fault.kind is FaultKind.FORGET:
            answer = await carry_out(None)
        if fault.kind is FaultKind.HIDE:
            youngest = milliseconds(self._clock.now()) - int(fault.seconds * 1_000)
            return response(self._answers.without_younger(answer, youngest))
        spoil = self._answers.spoiled.get(fault.kind)
        return response(answer if spoil is None else spoil(answer))

    async def _no_answer(self, fault: FaultRule, request: web.Request) -> web.StreamResponse:
        """Let the client wait, or reset the connection at once."""
        if fault.kind in _HANGS:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _HANG_SECONDS)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()  # aiohttp needs one; it is never sent


def response(answer: Answer) -> web.Response:
    """``answer`` as it is sent."""
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
    """Send half of the answer with the content length of all of it, and close the connection."""
    body = msgspec.json.encode(answer.payload)
    response = web.StreamResponse(status=200, headers={"Content-Type": _JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response

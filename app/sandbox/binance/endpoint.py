"""The requests that a market serves, between the wire and its handlers: a message, its endpoint, and the call it becomes.

A market is a list of ``Endpoint``; the REST server and the websocket API serve the same list. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from app.clock import Clock
from app.sandbox.binance.parameters import Parameter
from app.sandbox.times import milliseconds

Handler = Callable[["Call"], Awaitable[Any]]

#: The weight of a request, by its parameters as they were sent.
Weigh = Callable[[Mapping[str, str]], int]


class Security(Enum):
    """What an endpoint demands of its caller."""

    NONE = "nothing"
    KEY = "an API key"
    SIGNED = "an API key, a timestamp and a signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request as it was sent. ``signature`` is for the exact bytes ``signed``; ``account`` is that of a session's log-on."""

    address: str
    pairs: Sequence[tuple[str, str]] = ()
    api_key: str | None = None
    signed: bytes = b""
    signature: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was admitted: its account (empty for a public endpoint), its values, and its time."""

    account: str
    values: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that a market serves.

    ``route`` is its name in fault rules, ``ws_method`` its name on the websocket API, None where it has none. ``makes_orders`` says
    that it counts against the order limits.
    """

    method: str
    path: str
    answer: Handler
    parameters: Sequence[Parameter] = ()
    security: Security = Security.NONE
    route: str = "market"
    weigh: Weigh
    ws_method: str | None = None
    makes_orders: bool = False


def public(
    path: str,
    answer: Handler,
    parameters: Sequence[Parameter],
    weigh: Weigh,
    ws_method: str | None = None,
) -> Endpoint:
    """An endpoint of market data."""
    return Endpoint(method="GET", path=path, answer=answer, parameters=parameters, weigh=weigh, ws_method=ws_method)


def query(
    path: str,
    answer: Handler,
    parameters: Sequence[Parameter],
    route: str,
    weigh: Weigh,
    ws_method: str | None = None,
) -> Endpoint:
    """A signed endpoint that reads something of an account."""
    return Endpoint(
        method="GET",
        path=path,
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route=route,
        weigh=weigh,
        ws_method=ws_method,
    )


def weighing(weight: int) -> Weigh:
    """The same weight for every request."""
    return lambda _: weight


def weighing_by(name: str, *, present: int, absent: int) -> Weigh:
    """Different weights with and without the parameter ``name``."""
    return lambda sent: present if name in sent else absent


def shutdown_notice(clock: Clock) -> dict[str, Any]:
    """The event by which streams announce that the server stops."""
    return {"e": "serverShutdown", "E": milliseconds(clock.now())}

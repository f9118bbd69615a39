"""The vocabulary between the wire and a market: a message that came, the endpoint it is for, the call it became, the answer.

A market is a list of ``Endpoint``; the REST server and the websocket API serve the same list. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from app.sandbox.parameters import Parameter


class Security(Enum):
    """What an endpoint asks of its caller."""

    NONE = "nothing"
    KEY = "an API key"
    SIGNED = "an API key, a timestamp and a signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request as it came. ``signed`` is the exact text that ``signature`` is for; ``account`` is that of a session's log-on."""

    address: str
    pairs: Sequence[tuple[str, str]] = ()
    api_key: str | None = None
    signed: bytes = b""
    signature: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in: whose it is (empty where nobody was asked), its values, and when it came."""

    account: str
    values: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back. ``html`` stands instead of a payload where Binance's front answers for the API."""

    status: int = 200
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    html: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that a market takes.

    ``route`` is what ``faults`` know it by. ``weigh`` sees the parameters as they came. ``ws_method`` is its name on the websocket
    API, None where it has none. ``makes_orders`` says that it counts against the order limits.
    """

    method: str
    path: str
    answer: Callable[[Call], Awaitable[Any]]
    parameters: Sequence[Parameter] = ()
    security: Security = Security.NONE
    route: str = "market"
    weigh: Callable[[Mapping[str, str]], int]
    ws_method: str | None = None
    makes_orders: bool = False


def weighing(weight: int) -> Callable[[Mapping[str, str]], int]:
    """The same weight for every request."""
    return lambda _: weight


def weighing_by(name: str, *, present: int, absent: int) -> Callable[[Mapping[str, str]], int]:
    """Another weight with the parameter ``name`` than without."""
    return lambda sent: present if name in sent else absent

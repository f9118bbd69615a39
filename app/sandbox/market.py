"""A market as the server and its operator see it, whichever exchange's protocol it speaks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from aiohttp import web

from app.clock import Clock
from app.paper.pairs import Pair
from app.sandbox.faults import FaultPlan
from app.sandbox.keys import KeyRing
from app.sandbox.sockets import Connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the markets of one server share. ``requests`` counts REST requests by route, those with a fault too."""

    clock: Clock
    keys: KeyRing = field(default_factory=KeyRing)
    faults: FaultPlan = field(default_factory=FaultPlan)
    connections: Connections = field(default_factory=Connections)
    requests: Counter[str] = field(default_factory=Counter)


class Market(Protocol):
    """One market of the server. After ``close`` it may be started again."""

    async def start(self) -> None:
        """Start what must run before clients connect."""

    def start_streams(self) -> None:
        """Start the market streams, once the server listens."""

    async def stop(self) -> None:
        """Stop the streams; may be called twice."""

    def close(self) -> None:
        """Release the market's thread, once no request is under way."""

    def routes(self, closing: asyncio.Event) -> list[web.RouteDef]:
        """The market's routes. ``closing`` is set when the server stops."""

    async def open_account(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """Open an account with these balances. Raises ``PaperRefusal`` if the name is taken."""

    def find_pair(self, symbol: str) -> Pair | None:
        """The pair that the protocol calls ``symbol``, if the market has it."""

    def set_limits(self, text: bytes) -> Any:
        """Set the rate limits from JSON; the new limits. Raises ``ValueError`` for a text that is not valid."""

    async def truth(self) -> dict[str, Any]:
        """Every account, order, fill and balance at one moment."""

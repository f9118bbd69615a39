"""The futures market as a part of the sandbox: its endpoints, gate, feed and sockets put together, started and stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web

from app.clock import Clock
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.binance.futures.account import FuturesAccountQueries
from app.sandbox.binance.futures.feed import FuturesFeed
from app.sandbox.binance.futures.market import FuturesMarketData
from app.sandbox.binance.futures.orders import FuturesOrderEntry
from app.sandbox.binance.futures.positions import FuturesPositions
from app.sandbox.binance.futures.refusals import futures_error
from app.sandbox.binance.futures.sockets import ListenKeys, UserSockets
from app.sandbox.binance.futures.stream_events import FuturesStreamEvents
from app.sandbox.binance.futures.truth import futures_truth
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.market_socket import MarketSockets
from app.sandbox.books import Books
from app.sandbox.faults import FaultPlan
from app.sandbox.gate import Gate
from app.sandbox.http import HttpFace
from app.sandbox.keys import KeyRing
from app.sandbox.limits import Limits, Usage
from app.sandbox.sockets import Connections

#: Those of a new account on Binance's USD-M market, where orders are counted by ten seconds and by minute; here also by day.
_LIMITS = Limits(weight=2_400, orders_10s=300, orders_day=200_000)

#: What clients may send on one connection.
_MOST_A_SECOND = 10


def _is_public(stream: str) -> bool:
    """Whether Binance carries the stream below ``/public``, where the fast ones are; the others are below ``/market``."""
    what = stream.partition("@")[2]
    return what.startswith(("depth", "bookTicker", "trade")) or stream == "!bookTicker"


def _is_other(stream: str) -> bool:
    return not _is_public(stream)


class FuturesMarket:
    """One futures market over ``exchange``, which belongs to the caller."""

    def __init__(
        self,
        exchange: PaperPerpetualExchange,
        clock: Clock,
        *,
        keys: KeyRing,
        limits: Limits | None,
        faults: FaultPlan,
        connections: Connections,
    ) -> None:
        self.venue = FuturesVenue(exchange, clock)
        self.usage = Usage(limits or _LIMITS)
        self._clock = clock
        self._keys = keys
        self._faults = faults
        self._books = Books(exchange)
        self._feed = FuturesFeed(self.venue)
        self._listen_keys = ListenKeys(clock)
        self._user_sockets = UserSockets(self._listen_keys, self._feed, clock, faults=faults, connections=connections)
        events = FuturesStreamEvents(self.venue, self._books)
        paths = {"/market": _is_other, "/public": _is_public}
        self.market_sockets = MarketSockets(self.venue, events, faults, connections, paths, _MOST_A_SECOND)

    async def start(self) -> None:
        """Get ready for connections."""
        await self._feed.start()

    def begin(self) -> None:
        """Tell the market streams."""
        self.market_sockets.start()

    async def stop(self) -> None:
        """Tell nothing more; may be called twice."""
        await self.market_sockets.close()
        await self._feed.close()

    def close(self) -> None:
        """Let go of the thread, once no request is under way."""
        self.venue.close()

    def routes(self, closing: asyncio.Event, requests: Counter[str]) -> list[web.RouteDef]:
        """Everything that it serves."""
        gate = Gate(self._keys, self.usage, self._clock, futures_error)
        face = HttpFace(gate, self._faults, self._clock, closing=closing, requests=requests)
        parts = (
            FuturesOrderEntry(self.venue),
            FuturesAccountQueries(self.venue),
            FuturesPositions(self.venue),
            FuturesMarketData(self.venue, self.usage, self._books),
            self._listen_keys,
        )
        endpoints = [endpoint for part in parts for endpoint in part.endpoints()]
        return [*face.routes(endpoints), *self._user_sockets.routes(), *self.market_sockets.routes()]

    async def open_account(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """An account with money of its own. Raises ``PaperRefusal`` if there is one of that name."""
        await self.venue.run(self.venue.exchange.create_account, name, balances)

    async def truth(self) -> dict[str, Any]:
        """What really happened here."""
        return futures_truth(await self.venue.run(self.venue.exchange.snapshot), self.venue.symbols, self._keys)

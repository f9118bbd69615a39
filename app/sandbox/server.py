"""The sandbox as a server: its parts put together, started and stopped.

Spot is always there and futures where there is an exchange for it; keys, faults, connections and the operator's door are shared by
both, while each has a gate, limits and a thread of its own.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.admin import Admin
from app.sandbox.binance.futures.server import FuturesMarket
from app.sandbox.binance.market_socket import MarketSockets
from app.sandbox.binance.spot.account import AccountQueries
from app.sandbox.binance.spot.feed import UserFeed
from app.sandbox.binance.spot.market import MarketData
from app.sandbox.binance.spot.orders import OrderEntry
from app.sandbox.binance.spot.stream_events import StreamEvents
from app.sandbox.binance.spot.wallet import NoDerivatives, Wallet
from app.sandbox.binance.spot.ws_api import WsApi
from app.sandbox.books import Books
from app.sandbox.endpoint import Endpoint
from app.sandbox.faults import FaultPlan
from app.sandbox.gate import Gate
from app.sandbox.http import HttpFace
from app.sandbox.keys import KeyRing
from app.sandbox.limits import Limits, Usage
from app.sandbox.prices import SteeredPath
from app.sandbox.sockets import Connections
from app.sandbox.venue import Venue

WS_API_PATH = "/ws-api/v3"

#: Between the answer that an outage comes and the outage.
_NOTICE_SECONDS = 0.05

_HOST = "127.0.0.1"

#: A stopping server gives what is under way this long; what hangs on purpose is let go at once.
_STOP_SECONDS = 2


class Market(Protocol):
    """A part of a market."""

    def endpoints(self) -> Sequence[Endpoint]:
        """What it serves."""


class Sandbox:
    """One local Binance over ``exchange``, which belongs to the caller. It may be started again after ``stop``."""

    def __init__(
        self,
        exchange: PaperExchange,
        clock: Clock,
        *,
        limits: Limits | None = None,
        path: SteeredPath | None = None,
        futures: PaperPerpetualExchange | None = None,
    ) -> None:
        self.keys = KeyRing()
        self.faults = FaultPlan()
        self.usage = Usage(limits or Limits())
        self.connections = Connections()
        #: How many requests came over REST, by route; those that went wrong on purpose too.
        self.requests: Counter[str] = Counter()
        self._exchange = exchange
        self._futures_exchange = futures
        self._futures: FuturesMarket | None = None
        self._limits = limits
        self._clock = clock
        self._path = path
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{_HOST}:{self._port}"

    @property
    def rest_url(self) -> str:
        return f"http://{self.url}/api"

    @property
    def ws_api_url(self) -> str:
        return f"ws://{self.url}{WS_API_PATH}"

    @property
    def stream_url(self) -> str:
        return f"ws://{self.url}/"

    @property
    def futures_rest_url(self) -> str:
        return f"http://{self.url}/fapi"

    @property
    def futures_stream_url(self) -> str:
        return f"ws://{self.url}/"

    async def start(self, port: int = 0) -> None:
        """Serve on loopback; port 0 takes a free one. Raises ``OSError`` if the port is taken."""
        self._closing = asyncio.Event()
        self._venue = Venue(self._exchange, self._clock)
        self._feed = UserFeed(self._venue)
        await self._feed.start()
        if self._futures_exchange is not None:
            self._futures = FuturesMarket(
                self._futures_exchange,
                self._clock,
                keys=self.keys,
                limits=self._limits,
                faults=self.faults,
                connections=self.connections,
            )
            await self._futures.start()
        self._runner = web.AppRunner(
            self._application(), access_log=None, handler_cancellation=False, shutdown_timeout=_STOP_SECONDS
        )
        await self._runner.setup()
        self._port = port
        await self.listen()
        self._market_sockets.start()
        if self._futures is not None:
            self._futures.begin()

    def listen(self) -> asyncio.Task[None]:
        """Take connections. The port is open when this returns; what the answer stands for is that they are served."""
        listener = socket.create_server((_HOST, self._port))
        self._port = listener.getsockname()[1]
        return asyncio.create_task(self._accept(listener))

    def refuse_connections(self) -> None:
        """Close the port and reset every connection, as an exchange that is down; ``listen`` ends it."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    async def stop(self) -> None:
        """Stop serving; may be called twice."""
        if self._runner is None:
            return
        self._closing.set()
        self.refuse_connections()
        await self._market_sockets.close()
        await self._feed.close()
        if self._futures is not None:
            await self._futures.stop()
        await self._runner.cleanup()
        self._venue.close()
        if self._futures is not None:
            self._futures.close()
        self._runner = None

    async def _accept(self, listener: socket.socket) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(self._runner.server, sock=listener)

    async def _outage(self, seconds: float) -> None:  # float: seconds, never money
        await self._clock.sleep(_NOTICE_SECONDS)
        self.refuse_connections()
        await self._clock.sleep(seconds)
        await self.listen()

    def _application(self) -> web.Application:
        gate = Gate(self.keys, self.usage, self._clock)
        books = Books(self._exchange)
        spot = self._markets(books)
        face = HttpFace(gate, self.faults, self._clock, closing=self._closing, requests=self.requests)
        stream_events = StreamEvents(self._exchange, self._venue.symbols, books)
        self._market_sockets = MarketSockets(self._venue, stream_events, self.faults, self.connections)
        ws_api = WsApi(WS_API_PATH, spot, gate=gate, feed=self._feed, faults=self.faults, connections=self.connections)
        admin = Admin(
            self._venue,
            keys=self.keys,
            faults=self.faults,
            usage=self.usage,
            connections=self.connections,
            path=self._path,
            requests=self.requests,
            outage=self._outage,
            futures=self._futures,
        )
        application = web.Application()
        if self._futures is not None:  # first, because a listen key could be the name of a spot stream
            application.add_routes(self._futures.routes(self._closing, self.requests))
        for routes in (face.routes(spot), ws_api.routes(), self._market_sockets.routes(), admin.routes()):
            application.add_routes(routes)
        return application

    def _markets(self, books: Books) -> Sequence[Endpoint]:
        parts: list[Market] = [
            OrderEntry(self._venue),
            AccountQueries(self._venue, self.usage),
            MarketData(self._venue, self.usage, books),
            Wallet(self._venue),
            NoDerivatives("/dapi/v1/exchangeInfo"),
        ]
        if self._futures is None:
            parts.append(NoDerivatives("/fapi/v1/exchangeInfo"))
        return [endpoint for part in parts for endpoint in part.endpoints()]

"""The sandbox as a server: its markets are put together here, started and stopped.

The exchange's spot market is always served, its futures market where there is an exchange for it. They share keys, faults,
connections and the operator's routes; each has its own thread.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.admin import Admin
from app.sandbox.binance.futures.market import FuturesMarket
from app.sandbox.binance.limits import Limits
from app.sandbox.binance.rest import not_served as binance_not_served
from app.sandbox.binance.spot.market import WS_API_PATH, SpotMarket
from app.sandbox.bybit import market as bybit
from app.sandbox.hyperliquid import market as hyperliquid
from app.sandbox.kraken import market as kraken
from app.sandbox.market import Market, Shared
from app.sandbox.okx import market as okx
from app.sandbox.prices import SteeredPath

#: Between the answer that announces an outage and the outage.
_NOTICE_SECONDS = 0.05

_HOST = "127.0.0.1"

#: How long a stopping server waits for requests under way; those that hang because of a fault end at once.
_STOP_SECONDS = 2


#: The protocols beside Binance's: each module has its markets, its answer to what nothing serves, and the gateway's settings that
#: lead its connectors here.
_PROTOCOLS = {"bybit": bybit, "okx": okx, "kraken": kraken, "hyperliquid": hyperliquid}

#: How names are written that are no words.
_TITLES = {"okx": "OKX"}

#: Where a key has a passphrase, too.
_WITH_PASSPHRASE = frozenset({"okx"})


class Sandbox:
    """One local exchange over ``exchange``, which belongs to the caller. It may be started again after ``stop``.

    ``protocol`` is the exchange whose protocol it speaks. ``limits`` are Binance's.
    """

    spot: Market
    futures: Market | None

    def __init__(
        self,
        exchange: PaperExchange,
        clock: Clock,
        *,
        limits: Limits | None = None,
        path: SteeredPath | None = None,
        futures: PaperPerpetualExchange | None = None,
        protocol: str = "binance",
    ) -> None:
        self._clock = clock
        self._path = path
        self._shared = Shared(clock=clock)
        self.keys = self._shared.keys
        self.faults = self._shared.faults
        self.connections = self._shared.connections
        self.requests = self._shared.requests
        self._protocol = protocol
        if protocol in _PROTOCOLS:
            self.spot, self.futures = _PROTOCOLS[protocol].markets(exchange, futures, self._shared)
        else:
            self.spot = SpotMarket(exchange, self._shared, limits, has_futures=futures is not None)
            self.futures = None if futures is None else FuturesMarket(futures, self._shared, limits)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Host and port, without a scheme or path."""
        return f"{_HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """The address of all of the REST protocol."""
        return f"http://{self.url}"

    @property
    def title(self) -> str:
        """The exchange's name."""
        return _TITLES.get(self._protocol, self._protocol.capitalize())

    @property
    def has_passphrases(self) -> bool:
        """Whether a key has a passphrase, too."""
        return self._protocol in _WITH_PASSPHRASE

    @property
    def addresses(self) -> Mapping[str, str]:
        """The gateway's settings that lead its connectors here."""
        if self._protocol in _PROTOCOLS:
            return dict.fromkeys(_PROTOCOLS[self._protocol].ADDRESSES, self.base_url)
        return {
            "ORDERGATE_BINANCE_REST_URL": self.rest_url,
            "ORDERGATE_BINANCE_WS_API_URL": self.ws_api_url,
            "ORDERGATE_BINANCE_STREAM_URL": self.stream_url,
            "ORDERGATE_BINANCE_PERPETUAL_REST_URL": self.futures_rest_url,
            "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": self.futures_stream_url,
        }

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
        for market in self._markets():
            await market.start()
        self._runner = web.AppRunner(
            self._application(), access_log=None, handler_cancellation=False, shutdown_timeout=_STOP_SECONDS
        )
        await self._runner.setup()
        self._port = port
        await self.listen()
        for market in self._markets():
            market.start_streams()

    def listen(self) -> asyncio.Task[None]:
        """Open the port. It is open when this returns; the task ends when connections are served."""
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
        for market in self._markets():
            await market.stop()
        await self._runner.cleanup()
        for market in self._markets():
            market.close()
        self._runner = None

    async def _accept(self, listener: socket.socket) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(self._runner.server, sock=listener)

    async def _outage(self, seconds: float) -> None:
        await self._clock.sleep(_NOTICE_SECONDS)
        self.refuse_connections()
        await self._clock.sleep(seconds)
        await self.listen()

    def _markets(self) -> tuple[Market, ...]:
        """Futures come first, because the path of a listen key could be that of a spot stream."""
        return (self.spot,) if self.futures is None else (self.futures, self.spot)

    @web.middleware
    async def _name_what_is_missing(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer a request that nothing serves in the exchange's form, with its method and path."""
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            return self._not_served(request, sorted(error.allowed_methods))
        except web.HTTPNotFound:
            return self._not_served(request, ())

    @property
    def _not_served(self) -> Callable[[web.Request, Sequence[str]], web.Response]:
        """How the protocol answers what nothing serves."""
        served = _PROTOCOLS.get(self._protocol)
        return binance_not_served if served is None else served.not_served

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._name_what_is_missing])
        for market in self._markets():
            application.add_routes(market.routes(self._closing))
        admin = Admin(self.spot, self.futures, self._shared, path=self._path, outage=self._outage)
        application.add_routes(admin.routes())
        return application

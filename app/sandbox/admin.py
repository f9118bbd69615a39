"""The operator's door, ``/sandbox/...``: accounts and keys, faults, limits, prices, streams, and the truth.

It has no password: a sandbox serves loopback, and there is nothing in it but play money.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.futures.server import FuturesMarket
from app.sandbox.failures import ApiError
from app.sandbox.faults import FaultPlan, FaultRule
from app.sandbox.keys import KeyRing
from app.sandbox.limits import Limits, Usage
from app.sandbox.prices import SteeredPath
from app.sandbox.sockets import Connections
from app.sandbox.times import milliseconds
from app.sandbox.truth import truth
from app.sandbox.venue import Venue

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to open, or a further key of one. Without ``balances`` it gets the exchange's usual ones on first use.

    Futures have money of their own.
    """

    name: str
    api_key: str
    secret: str | None = None
    public_key: str | None = None
    balances: dict[str, Decimal] | None = None
    futures_balances: dict[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFaults:
    """The rules to put in force, and the seed of their draws."""

    seed: int = 0
    faults: list[FaultRule] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """How many seconds something waits or lasts."""

    seconds: float = 10  # float: seconds, never money


class Admin:
    """The routes of the operator."""

    def __init__(
        self,
        venue: Venue,
        *,
        keys: KeyRing,
        faults: FaultPlan,
        usage: Usage,
        connections: Connections,
        path: SteeredPath | None,
        requests: Counter[str],
        outage: Callable[[float], Awaitable[None]],
        futures: FuturesMarket | None = None,
    ) -> None:
        self._venue = venue
        self._keys = keys
        self._faults = faults
        self._usage = usage
        self._connections = connections
        self._path = path
        self._requests = requests
        self._outage = outage
        self._futures = futures
        self._outages: set[asyncio.Future[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sandbox/accounts", _guarded(self.open_account)),
            web.get("/sandbox/faults", _guarded(self.show_faults)),
            web.put("/sandbox/faults", _guarded(self.set_faults)),
            web.delete("/sandbox/faults", _guarded(self.clear_faults)),
            web.put("/sandbox/limits", _guarded(self.set_limits)),
            web.put("/sandbox/prices", _guarded(self.set_prices)),
            web.post("/sandbox/streams/cut", _guarded(self.cut_streams)),
            web.post("/sandbox/streams/shutdown", _guarded(self.shut_streams_down)),
            web.post("/sandbox/outage", _guarded(self.go_down)),
            web.get("/sandbox/truth", _guarded(self.truth)),
        ]

    async def open_account(self, request: web.Request) -> Any:
        new = await _body(request, NewAccount)
        if new.balances is not None:
            await self._venue.run(self._venue.exchange.create_account, new.name, new.balances)
        if new.futures_balances is not None:
            if self._futures is None:
                raise ValueError("this sandbox has no futures market")
            await self._futures.open_account(new.name, new.futures_balances)
        self._keys.add(new.name, new.api_key, secret=new.secret, public_key=new.public_key)
        return {"name": new.name, "api_keys": self._keys.of_account(new.name)}

    async def show_faults(self, request: web.Request) -> Any:
        return {
            "seed": self._faults.seed,
            "faults": self._faults.rules,
            "counts": dict(self._faults.counts),
            "requests": dict(self._requests),
        }

    async def set_faults(self, request: web.Request) -> Any:
        new = await _body(request, NewFaults)
        self._faults.set(new.seed, new.faults)
        return await self.show_faults(request)

    async def clear_faults(self, request: web.Request) -> Any:
        self._faults.clear()
        return await self.show_faults(request)

    async def set_limits(self, request: web.Request) -> Any:
        """Of every market."""
        self._usage.limits = await _body(request, Limits)
        if self._futures is not None:
            self._futures.usage.limits = self._usage.limits
        return self._usage.limits

    async def set_prices(self, request: web.Request) -> Any:
        """Prices by symbol; null lets the market go its own way again."""
        if self._path is None:
            raise ValueError("the market of this sandbox is not steered by hand")
        for symbol, price in (await _body(request, dict[str, Decimal | None])).items():
            pair = self._pair(symbol)
            if price is None:
                self._path.prices.pop(pair.trading_pair, None)
            else:
                self._path.prices[pair.trading_pair] = price
        return {"prices": {name: str(price) for name, price in self._path.prices.items()}}

    async def cut_streams(self, request: web.Request) -> Any:
        return {"cut": self._connections.cut()}

    async def shut_streams_down(self, request: web.Request) -> Any:
        """Tell all streams that the server stops, and close them a while later."""
        shutdown = await _body(request, Pause)
        told = len(self._connections)
        self._connections.announce({"e": "serverShutdown", "E": milliseconds(self._venue.clock.now())})
        await self._venue.clock.sleep(shutdown.seconds)
        await self._connections.close()
        return {"closed": told}

    async def go_down(self, request: web.Request) -> Any:
        """Answer, and then reset every connection and refuse new ones for a while."""
        pause = await _body(request, Pause)
        outage = asyncio.ensure_future(self._outage(pause.seconds))
        self._outages.add(outage)
        outage.add_done_callback(self._outages.discard)
        return {"seconds": pause.seconds}

    async def truth(self, request: web.Request) -> Any:
        snapshot = await self._venue.run(self._venue.exchange.snapshot)
        found = truth(snapshot, self._venue.symbols, self._keys)
        return found if self._futures is None else {**found, "futures": await self._futures.truth()}

    def _pair(self, symbol: str) -> Pair:
        """The pair of that name, of whichever market has it."""
        if self._futures is not None and symbol not in self._venue.symbols.pairs:
            return self._futures.venue.pair(symbol)
        return self._venue.pair(symbol)


def _guarded(action: Callable[[web.Request], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """``action`` as a handler: its answer as JSON, and what it refuses as a 400 with the reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return _json(200, await action(request))
        except (ValueError, PaperRefusal, ApiError) as error:
            return _json(400, {"error": str(error)})

    return handle


async def _body(request: web.Request, kind: type[Body]) -> Body:
    return msgspec.json.decode(await request.read() or b"{}", type=kind)


def _json(status: int, payload: Any) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(payload), content_type="application/json")

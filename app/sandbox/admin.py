"""The operator's routes, ``/sandbox/...``: accounts and keys, faults, limits, prices, streams, and the truth.

They have no password: a sandbox serves loopback, and its money is play money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.faults import FaultRule
from app.sandbox.keys import PASSPHRASE
from app.sandbox.market import Market, Shared
from app.sandbox.prices import SteeredPath

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to open, or a further key of one. Without ``balances`` it gets the default ones on first use.

    The futures market has its own balances.
    """

    name: str
    api_key: str
    secret: str | None = None
    public_key: str | None = None
    passphrase: str = PASSPHRASE
    balances: dict[str, Decimal] | None = None
    futures_balances: dict[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFaults:
    """The fault rules to apply, and the seed of their draws."""

    seed: int = 0
    faults: list[FaultRule] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A duration in seconds."""

    seconds: float = 10


class Admin:
    """The operator's routes."""

    def __init__(
        self,
        spot: Market,
        futures: Market | None,
        shared: Shared,
        *,
        path: SteeredPath | None,
        outage: Callable[[float], Awaitable[None]],
    ) -> None:
        self._spot = spot
        self._futures = futures
        self._shared = shared
        self._path = path
        self._outage = outage
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
        new, keys = await _body(request, NewAccount), self._shared.keys
        if new.balances is not None:
            await self._spot.open_account(new.name, new.balances)
        if new.futures_balances is not None:
            if self._futures is None:
                raise ValueError("this sandbox has no futures market")
            await self._futures.open_account(new.name, new.futures_balances)
        keys.add(new.name, new.api_key, secret=new.secret, public_key=new.public_key, passphrase=new.passphrase)
        return {"name": new.name, "api_keys": keys.of_account(new.name)}

    async def show_faults(self, request: web.Request) -> Any:
        faults = self._shared.faults
        return {
            "seed": faults.seed,
            "faults": faults.rules,
            "counts": dict(faults.counts),
            "requests": dict(self._shared.requests),
        }

    async def set_faults(self, request: web.Request) -> Any:
        new = await _body(request, NewFaults)
        self._shared.faults.set(new.seed, new.faults)
        return await self.show_faults(request)

    async def clear_faults(self, request: web.Request) -> Any:
        self._shared.faults.clear()
        return await self.show_faults(request)

    async def set_limits(self, request: web.Request) -> Any:
        """Set the limits of every market."""
        text = await request.read() or b"{}"
        if self._futures is not None:
            self._futures.set_limits(text)
        return self._spot.set_limits(text)

    async def set_prices(self, request: web.Request) -> Any:
        """Set prices by symbol; null returns a pair to its synthetic path."""
        if self._path is None:
            raise ValueError("the prices of this sandbox can't be set")
        for symbol, price in (await _body(request, dict[str, Decimal | None])).items():
            pair = self._pair(symbol)
            if price is None:
                self._path.prices.pop(pair.trading_pair, None)
            else:
                self._path.prices[pair.trading_pair] = price
        return {"prices": {name: str(price) for name, price in self._path.prices.items()}}

    async def cut_streams(self, request: web.Request) -> Any:
        return {"cut": self._shared.connections.cut()}

    async def shut_streams_down(self, request: web.Request) -> Any:
        """Announce on all streams that the server stops, and close them after a while."""
        shutdown, connections = await _body(request, Pause), self._shared.connections
        count = len(connections)
        connections.announce_shutdown()
        await self._shared.clock.sleep(shutdown.seconds)
        await connections.close()
        return {"closed": count}

    async def go_down(self, request: web.Request) -> Any:
        """Answer, then reset every connection and refuse new ones for a while."""
        pause = await _body(request, Pause)
        outage = asyncio.ensure_future(self._outage(pause.seconds))
        self._outages.add(outage)
        outage.add_done_callback(self._outages.discard)
        return {"seconds": pause.seconds}

    async def truth(self, request: web.Request) -> Any:
        spot = await self._spot.truth()
        return spot if self._futures is None else {**spot, "futures": await self._futures.truth()}

    def _pair(self, symbol: str) -> Pair:
        """The pair of that symbol, of whichever market has it."""
        pair = self._spot.find_pair(symbol)
        if pair is None and self._futures is not None:
            pair = self._futures.find_pair(symbol)
        if pair is None:
            raise ValueError(f"Invalid symbol {symbol}")
        return pair


def _guarded(action: Callable[[web.Request], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler that answers ``action``'s result as JSON, or a 400 with the reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return _json(200, await action(request))
        except (ValueError, PaperRefusal) as error:
            return _json(400, {"error": str(error)})

    return handle


async def _body(request: web.Request, kind: type[Body]) -> Body:
    return msgspec.json.decode(await request.read() or b"{}", type=kind)


def _json(status: int, payload: Any) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(payload), content_type="application/json")

"""One of Binance's markets as a part of the sandbox: its endpoints, gate, feed and sockets put together, started and stopped."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import Any, Protocol

import msgspec
from aiohttp import web

from app.domain.decimals import EXACT
from app.paper.orders import PaperOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.answers import FAULT_ANSWERS
from app.sandbox.binance.endpoint import Endpoint
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.feed import UserFeed
from app.sandbox.binance.gate import Gate
from app.sandbox.binance.limits import Limits, Usage
from app.sandbox.binance.rest import rest_endpoints
from app.sandbox.binance.sockets.market import MarketSockets
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.market import Shared
from app.sandbox.rest import Answer, RestServer


class Part(Protocol):
    """A part of a market."""

    def endpoints(self) -> Sequence[Endpoint]:
        """What it serves."""


class BinanceMarket(ABC):
    """One market over the exchange of ``venue``. The market's modules make its parts."""

    market_sockets: MarketSockets
    _feed: UserFeed

    def __init__(self, venue: BinanceVenue, shared: Shared, limits: Limits) -> None:
        self.usage = Usage(limits)
        self._venue = venue
        self._shared = shared
        self._gate = Gate(shared.keys, self.usage, shared.clock, self._error_of)

    @abstractmethod
    def _error_of(self, refusal: PaperRefusal) -> ApiError:
        """The market's error for a refusal of the paper exchange."""

    @abstractmethod
    def _parts(self) -> Iterable[Part]:
        """The parts whose endpoints the market serves."""

    @abstractmethod
    def _socket_routes(self, endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
        """The routes of sockets beside the market streams."""

    @abstractmethod
    def _amended(self, order: PaperOrder, amount: Decimal) -> None:
        """Amend a resting order as its owner may do elsewhere: to ``amount``, and what else the market lets change. Raises
        ``PaperRefusal``. Used on the exchange's thread.
        """

    @abstractmethod
    async def truth(self) -> dict[str, Any]:
        """Every account, order, fill and balance at one moment."""

    async def start(self) -> None:
        """Start the feed."""
        self._venue.open()
        await self._feed.start()

    def start_streams(self) -> None:
        """Start the market streams."""
        self.market_sockets.start()

    async def stop(self) -> None:
        """Stop the streams and the feed; may be called twice."""
        await self.market_sockets.close()
        await self._feed.close()

    def close(self) -> None:
        """End the exchange's thread, once no request is under way."""
        self._venue.close()

    def routes(self, closing: asyncio.Event) -> list[web.RouteDef]:
        """All routes of the market."""
        shared = self._shared
        server = RestServer(
            FAULT_ANSWERS,
            shared.faults,
            shared.clock,
            closing=closing,
            requests=shared.requests,
            strike=self._strike,
        )
        endpoints = [endpoint for part in self._parts() for endpoint in part.endpoints()]
        return [
            *server.routes(rest_endpoints(endpoints, self._gate)),
            *self._socket_routes(endpoints),
            *self.market_sockets.routes(),
        ]

    async def _strike(self, fault: FaultRule, answer: Answer) -> None:
        """Do what ``fault`` does to the order that ``answer`` is about, or to its symbol."""
        payload = answer.payload
        if answer.status != 200 or not isinstance(payload, dict) or "orderId" not in payload:
            return
        symbol, order_id = payload["symbol"], payload["orderId"]
        match fault.kind:
            case FaultKind.AMEND:
                await self._venue.run(self._halve, symbol, order_id)
            case FaultKind.FORGET:
                await self._venue.run(self._forget, symbol, order_id, fault.seconds)
            case FaultKind.DELIST:
                self._venue.symbols.delist(symbol, fault.seconds)
            case FaultKind.NEW_RULES:
                self._venue.symbols.change_rules(symbol, fault.seconds)

    def _forget(self, symbol: str, order_id: int, seconds: float) -> None:
        pair = self._venue.symbols.pairs.get(symbol)
        if pair is not None:
            self._venue.forget(self._venue.symbols.paper_id(pair.trading_pair, order_id), seconds)

    def _halve(self, symbol: str, order_id: int) -> None:
        """Take half of what is left from the order, if it rests."""
        pair = self._venue.symbols.pairs.get(symbol)
        if pair is None:
            return
        order = self._venue.exchange.resting(self._venue.symbols.paper_id(pair.trading_pair, order_id))
        if order is None:
            return
        with localcontext(EXACT), suppress(PaperRefusal):
            self._amended(order, order.filled_amount + order.remaining / 2 // pair.step * pair.step)

    async def open_account(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """Open an account with these balances. Raises ``PaperRefusal`` if the name is taken."""
        await self._venue.run(self._venue.exchange.create_account, name, balances)

    def find_pair(self, symbol: str) -> Pair | None:
        return self._venue.symbols.pairs.get(symbol)

    def set_limits(self, text: bytes) -> Limits:
        """Set the rate limits from JSON."""
        self.usage.limits = msgspec.json.decode(text, type=Limits)
        return self.usage.limits

"""Bybit's categories as markets of the sandbox. They share their paths, so spot has the routes of both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import Any

from aiohttp import web

from app.domain.decimals import EXACT
from app.paper.exchange import PaperExchange
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.refusals import PaperRefusal
from app.sandbox import rest
from app.sandbox.bybit.account import Account
from app.sandbox.bybit.answers import FAULT_ANSWERS
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, SPOT, ApiError
from app.sandbox.bybit.gate import Gate
from app.sandbox.bybit.market_data import MarketData
from app.sandbox.bybit.orders import Orders
from app.sandbox.bybit.queries import Queries
from app.sandbox.bybit.venue import BybitVenue, link_id_of
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.market import Shared
from app.sandbox.rest import Answer, RestServer
from app.sandbox.truth import truth


def markets(
    exchange: PaperExchange, futures: PaperPerpetualExchange | None, shared: Shared
) -> tuple[BybitMarket, BybitMarket | None]:
    """Spot, and linear where there is an exchange for it."""
    venues = {SPOT: BybitVenue(SPOT, exchange, shared.clock)}
    if futures is not None:
        venues[LINEAR] = BybitVenue(LINEAR, futures, shared.clock)
    api = _Api(Categories(venues), shared)
    found = {name: BybitMarket(venue, shared, api if name == SPOT else None) for name, venue in venues.items()}
    return found[SPOT], found.get(LINEAR)


def not_served(request: web.Request, allowed: Sequence[str]) -> web.Response:
    """The answer to a request that nothing serves."""
    text = f"Request path not found: the sandbox has no {request.method} {request.path}"
    error = ApiError(10017, text, status=405 if allowed else 404)
    return rest.response(Answer(status=error.status, payload={"retCode": error.code, "retMsg": error.message}))


class _Api:
    """All endpoints."""

    def __init__(self, categories: Categories, shared: Shared) -> None:
        self._categories = categories
        self._shared = shared

    def routes(self, closing: asyncio.Event) -> list[web.RouteDef]:
        shared, categories = self._shared, self._categories
        gate = Gate(shared.keys, shared.clock)
        server = RestServer(
            FAULT_ANSWERS,
            shared.faults,
            shared.clock,
            closing=closing,
            requests=shared.requests,
            strike=self._strike,
        )
        parts = (Orders(categories), Queries(categories), Account(categories), MarketData(categories))
        return server.routes(gate.rest_endpoint(each) for part in parts for each in part.endpoints())

    async def _strike(self, fault: FaultRule, answer: Answer) -> None:
        """Do what ``fault`` does to the order that ``answer`` is about, or to its symbol."""
        identity = _order_of(answer)
        for venue in self._categories.venues.values():
            number = 0 if identity is None else venue.paper_id(identity)
            if number:
                await venue.run(_strike, venue, fault, number)


def _order_of(answer: Answer) -> str | None:
    """The id of the one order that an answer is about."""
    result = answer.payload.get("result", {})
    rows = result.get("list")
    found: str | None = None
    if rows is None:
        found = result.get("orderId")
    elif len(rows) == 1:
        found = rows[0].get("orderId")
    return found


def _strike(venue: BybitVenue, fault: FaultRule, number: int) -> None:
    order = venue.exchange.resting(number)
    if order is None:
        return
    pair = venue.exchange.pairs[order.trading_pair]
    symbol = order.trading_pair.replace("-", "")
    match fault.kind:
        case FaultKind.AMEND:
            with localcontext(EXACT), suppress(PaperRefusal):
                amount = order.filled_amount + order.remaining / 2 // pair.step * pair.step
                venue.exchange.amend(None, exchange_order_id=number, amount=amount)
        case FaultKind.FORGET:
            venue.forget(number, fault.seconds)
        case FaultKind.DELIST:
            venue.listings.delist(symbol, fault.seconds)
        case FaultKind.NEW_RULES:
            venue.listings.change_rules(symbol, fault.seconds)


class BybitMarket:
    """One category over its exchange."""

    def __init__(self, venue: BybitVenue, shared: Shared, api: _Api | None) -> None:
        self._venue = venue
        self._shared = shared
        self._api = api

    async def start(self) -> None:
        """Make the exchange's thread."""
        self._venue.open()

    def start_streams(self) -> None:
        """There are none."""

    async def stop(self) -> None:
        """There are no streams to stop."""

    def close(self) -> None:
        """End the exchange's thread, once no request is under way."""
        self._venue.close()

    def routes(self, closing: asyncio.Event) -> list[web.RouteDef]:
        """All routes for spot, none for linear."""
        return [] if self._api is None else self._api.routes(closing)

    async def open_account(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """Open an account with these balances. Raises ``PaperRefusal`` if the name is taken."""
        await self._venue.run(self._venue.exchange.create_account, name, balances)

    def find_pair(self, symbol: str) -> Pair | None:
        return self._venue.listings.pairs.get(symbol)

    def set_limits(self, text: bytes) -> Any:
        raise ValueError("this exchange has no rate limits of its own here; the fault refuse_429 has their answer")

    async def truth(self) -> dict[str, Any]:
        venue = self._venue
        snapshot = await venue.run(venue.exchange.snapshot)
        return truth(snapshot, self._shared.keys, lambda _, number: venue.wire_id(number), order_id=link_id_of)

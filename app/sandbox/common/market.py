"""The markets of an exchange that share their paths: the first one has the routes of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import Any

from aiohttp import web

from app.domain.decimals import EXACT
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.common.calls import Endpoint
from app.sandbox.common.gate import Gate
from app.sandbox.common.venue import NamingVenue
from app.sandbox.countdowns import Countdowns
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.market import Shared
from app.sandbox.rest import Answer, FaultAnswers, RestServer
from app.sandbox.truth import truth

#: The routes of an exchange, once it is known when the server stops.
Routes = Callable[[asyncio.Event], list[web.RouteDef]]


def api(
    gate: Gate,
    endpoints: Iterable[Endpoint],
    venues: Iterable[NamingVenue],
    shared: Shared,
    answers: FaultAnswers,
    order_of: Callable[[Answer], str | None],
) -> Routes:
    """The routes of all ``endpoints``. ``order_of`` is the id of the one order that an answer is about."""
    served, exchanges = tuple(endpoints), tuple(venues)

    async def strike(fault: FaultRule, answer: Answer) -> None:
        """Do what ``fault`` does to the order that ``answer`` is about, or to its symbol."""
        identity = order_of(answer)
        for venue in exchanges:
            number = 0 if identity is None else venue.paper_id(identity)
            if number:
                await venue.run(_strike, venue, fault, number)

    def routes(closing: asyncio.Event) -> list[web.RouteDef]:
        server = RestServer(
            answers, shared.faults, shared.clock, closing=closing, requests=shared.requests, strike=strike
        )
        return server.routes(map(gate.rest_endpoint, served))

    return routes


def _strike(venue: NamingVenue, fault: FaultRule, number: int) -> None:
    order = venue.exchange.resting(number)
    if order is None:
        return
    pair = venue.exchange.pairs[order.trading_pair]
    symbol = venue.symbol_of(order.trading_pair)
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


class PlainMarket:
    """One market over its exchange, without streams and limits of its own."""

    def __init__(
        self, venue: NamingVenue, shared: Shared, routes: Routes | None, countdowns: Countdowns | None = None
    ) -> None:
        self._venue = venue
        self._countdowns = countdowns
        self._shared = shared
        self._routes = routes

    async def start(self) -> None:
        """Make the exchange's thread."""
        self._venue.open()
        if self._countdowns is not None:
            self._countdowns.start()

    def start_streams(self) -> None:
        """There are none."""

    async def stop(self) -> None:
        """Pause the countdowns. There are no streams to stop."""
        if self._countdowns is not None:
            await self._countdowns.stop()

    def close(self) -> None:
        """End the exchange's thread, once no request is under way."""
        self._venue.close()

    def routes(self, closing: asyncio.Event) -> list[web.RouteDef]:
        """All routes of the exchange for its first market, none for the others."""
        return [] if self._routes is None else self._routes(closing)

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
        return truth(
            snapshot,
            self._shared.keys,
            lambda _, number: venue.wire_id(number),
            order_id=venue.client_id_of,
            shown_fill=venue.shown_fill,
            shown_order=venue.shown_order,
            is_recorded=venue.is_recorded,
        )

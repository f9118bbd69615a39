"""Bybit's categories as markets of the sandbox. They share their paths, so spot has the routes of both."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox import rest
from app.sandbox.bybit.account import Account
from app.sandbox.bybit.answers import FAULT_ANSWERS
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, SPOT
from app.sandbox.bybit.gate import Gate
from app.sandbox.bybit.market_data import MarketData
from app.sandbox.bybit.orders import Orders
from app.sandbox.bybit.queries import Queries
from app.sandbox.bybit.venue import BybitVenue
from app.sandbox.common.market import PlainMarket, api
from app.sandbox.market import Shared
from app.sandbox.rest import Answer

#: The gateway's settings that lead its connectors here.
ADDRESSES = ("ORDERGATE_BYBIT_URL", "ORDERGATE_BYBIT_PERPETUAL_URL")


def markets(
    exchange: PaperExchange, futures: PaperPerpetualExchange | None, shared: Shared
) -> tuple[PlainMarket, PlainMarket | None]:
    """Spot, and linear where there is an exchange for it."""
    venues = {SPOT: BybitVenue(SPOT, exchange, shared.clock)}
    if futures is not None:
        venues[LINEAR] = BybitVenue(LINEAR, futures, shared.clock)
    categories = Categories(venues)
    parts = (Orders(categories), Queries(categories), Account(categories), MarketData(categories))
    endpoints = [each for part in parts for each in part.endpoints()]
    gate = Gate(shared.keys, shared.clock)
    routes = api(gate, endpoints, venues.values(), shared, FAULT_ANSWERS, _order_of)
    found = {name: PlainMarket(venue, shared, routes if name == SPOT else None) for name, venue in venues.items()}
    return found[SPOT], found.get(LINEAR)


def not_served(request: web.Request, allowed: Sequence[str]) -> web.Response:
    """The answer to a request that nothing serves."""
    text = f"Request path not found: the sandbox has no {request.method} {request.path}"
    return rest.response(Answer(status=405 if allowed else 404, payload={"retCode": 10017, "retMsg": text}))


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

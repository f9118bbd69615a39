"""OKX's types of instruments as markets of the sandbox. They share their paths, so spot has the routes of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox import rest
from app.sandbox.common.market import PlainMarket, api
from app.sandbox.market import Shared
from app.sandbox.okx.account import Account
from app.sandbox.okx.answers import FAULT_ANSWERS
from app.sandbox.okx.failures import enveloped
from app.sandbox.okx.gate import Gate
from app.sandbox.okx.instruments import Instruments
from app.sandbox.okx.market_data import MarketData
from app.sandbox.okx.orders import Orders
from app.sandbox.okx.queries import Queries
from app.sandbox.okx.venue import SPOT, SWAP, OkxVenue
from app.sandbox.rest import Answer

#: The gateway's settings that lead its connectors here.
ADDRESSES = ("ORDERGATE_OKX_URL", "ORDERGATE_OKX_PERPETUAL_URL")


def markets(
    exchange: PaperExchange, futures: PaperPerpetualExchange | None, shared: Shared
) -> tuple[PlainMarket, PlainMarket | None]:
    """Spot, and swaps where there is an exchange for them."""
    venues = {SPOT: OkxVenue(SPOT, exchange, shared.clock)}
    if futures is not None:
        venues[SWAP] = OkxVenue(SWAP, futures, shared.clock)
    instruments = Instruments(venues)
    parts = (Orders(instruments), Queries(instruments), Account(instruments), MarketData(instruments))
    endpoints = [each for part in parts for each in part.endpoints()]
    routes = api(Gate(shared.keys, shared.clock), endpoints, venues.values(), shared, FAULT_ANSWERS, _order_of)
    found = {name: PlainMarket(venue, shared, routes if name == SPOT else None) for name, venue in venues.items()}
    return found[SPOT], found.get(SWAP)


def not_served(request: web.Request, allowed: Sequence[str]) -> web.Response:
    """The answer to a request that nothing serves."""
    text = f"The requested resource was not found: the sandbox has no {request.method} {request.path}"
    body = enveloped([], code="50115" if allowed else "404", message=text)
    return rest.response(Answer(status=405 if allowed else 404, payload=body))


def _order_of(answer: Answer) -> str | None:
    """The id of the one order that an answer is about."""
    data: Sequence[Any] = answer.payload.get("data") or ()
    found: str | None = data[0].get("ordId") if len(data) == 1 and isinstance(data[0], dict) else None
    return found

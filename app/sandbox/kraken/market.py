"""Kraken's spot market as a market of the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox import rest
from app.sandbox.common.market import PlainMarket, api
from app.sandbox.countdowns import Countdowns
from app.sandbox.kraken.account import Account
from app.sandbox.kraken.answers import FAULT_ANSWERS
from app.sandbox.kraken.failures import enveloped
from app.sandbox.kraken.gate import Gate
from app.sandbox.kraken.market_data import MarketData
from app.sandbox.kraken.orders import Orders
from app.sandbox.kraken.queries import Queries
from app.sandbox.kraken.venue import KrakenVenue
from app.sandbox.market import Shared
from app.sandbox.rest import Answer

#: The gateway's settings that lead its connectors here.
ADDRESSES = ("ORDERGATE_KRAKEN_URL",)


def markets(
    exchange: PaperExchange, futures: PaperPerpetualExchange | None, shared: Shared
) -> tuple[PlainMarket, PlainMarket | None]:
    """Spot. Kraken's futures are another API, which is not served."""
    venue = KrakenVenue(exchange, shared.clock)
    countdowns = Countdowns(venue, venue.cancel_all)
    parts = (Orders(venue, countdowns), Queries(venue), Account(venue), MarketData(venue))
    endpoints = [each for part in parts for each in part.endpoints()]
    routes = api(Gate(shared.keys, shared.clock), endpoints, [venue], shared, FAULT_ANSWERS, _order_of)
    return PlainMarket(venue, shared, routes, countdowns), None


def not_served(request: web.Request, allowed: Sequence[str]) -> web.Response:
    """The answer to a request that nothing serves."""
    text = f"EGeneral:Unknown method: the sandbox has no {request.method} {request.path}"
    return rest.response(Answer(status=405 if allowed else 404, payload=enveloped(None, text)))


def _order_of(answer: Answer) -> str | None:
    """The id of the one order that an answer is about."""
    result = answer.payload.get("result")
    if not isinstance(result, dict):
        return None
    identities: list[Any] = list(result.get("txid") or result.get("open") or result.get("closed") or result)
    return str(identities[0]) if len(identities) == 1 else None

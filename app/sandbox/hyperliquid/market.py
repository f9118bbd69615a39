"""Hyperliquid's perpetuals as a market of the sandbox, beside a spot market that lists nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from app.paper.exchange import PaperExchange
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox import rest
from app.sandbox.common.market import PlainMarket, api
from app.sandbox.hyperliquid.actions import Actions
from app.sandbox.hyperliquid.answers import FAULT_ANSWERS
from app.sandbox.hyperliquid.gate import Gate
from app.sandbox.hyperliquid.info import Info
from app.sandbox.hyperliquid.venue import HyperliquidVenue
from app.sandbox.market import Shared
from app.sandbox.rest import Answer

#: The gateway's settings that lead its connectors here.
ADDRESSES = ("ORDERGATE_HYPERLIQUID_PERPETUAL_URL",)


class _Unlisted(PlainMarket):
    """A market without pairs."""

    def find_pair(self, symbol: str) -> Pair | None:
        return None


def markets(
    exchange: PaperExchange, futures: PaperPerpetualExchange | None, shared: Shared
) -> tuple[PlainMarket, PlainMarket | None]:
    """Perpetuals. Raises ``ValueError`` where there is no exchange for them."""
    if futures is None:
        raise ValueError("a local Hyperliquid has perpetuals only")
    venue = HyperliquidVenue(futures, shared.clock)
    endpoints = (*Actions(venue).endpoints(), *Info(venue, shared.keys).endpoints())
    routes = api(Gate(shared.keys, shared.clock), endpoints, [venue], shared, FAULT_ANSWERS, _order_of)
    return _Unlisted(HyperliquidVenue(exchange, shared.clock), shared, None), PlainMarket(venue, shared, routes)


def not_served(request: web.Request, allowed: Sequence[str]) -> web.Response:
    """The answer to a request that nothing serves."""
    text = f"Not found: the sandbox has no {request.method} {request.path}"
    return rest.response(Answer(status=405 if allowed else 404, payload={"status": "err", "response": text}))


def _order_of(answer: Answer) -> str | None:
    """The number of the one order that an answer is about."""
    payload = answer.payload
    if isinstance(payload, list):
        found: Any = payload[0] if len(payload) == 1 else None
    elif isinstance(payload, dict) and payload.get("status") == "order":
        found = payload["order"]["order"]
    else:
        statuses = payload.get("response", {}).get("data", {}).get("statuses") if isinstance(payload, dict) else None
        only = statuses[0] if statuses and len(statuses) == 1 and isinstance(statuses[0], dict) else {}
        found = only.get("resting") or only.get("filled")
    return str(found["oid"]) if isinstance(found, dict) and "oid" in found else None

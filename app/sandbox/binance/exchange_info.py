"""What both markets' ``exchangeInfo`` have: the head of the answer, and filters of a pair."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.paper.pairs import Pair
from app.sandbox.binance.numbers import wire
from app.sandbox.times import milliseconds

#: The limit of filters that the exchange does not enforce; no test places as many orders.
MAX_ORDERS = 1_000_000


def head(now: datetime, rate_limits: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer without its symbols."""
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(now),
        "rateLimits": rate_limits,
        "exchangeFilters": [],
    }


def price_filter(pair: Pair) -> dict[str, Any]:
    return {
        "filterType": "PRICE_FILTER",
        "minPrice": wire(pair.min_price),
        "maxPrice": wire(pair.max_price),
        "tickSize": wire(pair.tick),
    }


def lot_size(pair: Pair) -> dict[str, Any]:
    return {
        "filterType": "LOT_SIZE",
        "minQty": wire(pair.min_amount),
        "maxQty": wire(pair.max_amount),
        "stepSize": wire(pair.step),
    }

"""``exchangeInfo``: the pairs of the paper exchange with their rules as Binance's filters, and the rate limits. Plain functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.domain.decimals import ZERO
from app.paper.pairs import Pair
from app.sandbox.binance.numbers import PLACES, places, wire
from app.sandbox.binance.spot.terms import ORDER_TYPES
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.limits import Usage
from app.sandbox.times import milliseconds

#: Of filters that the exchange does not enforce, numbers that no order of a test reaches.
MOST_ORDERS = 1_000_000


def exchange_info(pairs: Sequence[Pair], usage: Usage, now: datetime) -> dict[str, Any]:
    """The whole answer."""
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(now),
        "rateLimits": [*usage.described(), _RAW_REQUESTS],
        "exchangeFilters": [],
        "symbols": [symbol_info(pair) for pair in pairs],
    }


def symbol_info(pair: Pair) -> dict[str, Any]:
    """One symbol."""
    base_places = max(PLACES, places(pair.step))
    quote_places = max(PLACES, places(pair.tick))
    return {
        "symbol": symbol_of(pair.trading_pair),
        "status": "TRADING" if pair.is_trading else "BREAK",
        "baseAsset": pair.base,
        "baseAssetPrecision": base_places,
        "quoteAsset": pair.quote,
        "quotePrecision": quote_places,
        "quoteAssetPrecision": quote_places,
        "baseCommissionPrecision": base_places,
        "quoteCommissionPrecision": quote_places,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(pair),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_TAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER"],
    }


_RAW_REQUESTS = {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000}


def _filters(pair: Pair) -> list[dict[str, Any]]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": wire(pair.min_price),
            "maxPrice": wire(pair.max_price),
            "tickSize": wire(pair.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": wire(pair.min_amount),
            "maxQty": wire(pair.max_amount),
            "stepSize": wire(pair.step),
        },
        # As on most of Binance's symbols: no step of its own, so that LOT_SIZE's holds.
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": wire(ZERO),
            "maxQty": wire(pair.max_market_amount),
            "stepSize": wire(ZERO),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": wire(pair.min_notional),
            "applyMinToMarket": True,
            "maxNotional": wire(pair.max_notional),
            "applyMaxToMarket": True,
            "avgPriceMins": 0,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]

"""The spot market's ``exchangeInfo``: the exchange's pairs with their rules as Binance's filters, and the rate limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.domain.decimals import ZERO
from app.paper.pairs import Pair
from app.sandbox.binance.exchange_info import MAX_ORDERS, head, lot_size, price_filter
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.numbers import PLACES, places, wire
from app.sandbox.binance.spot.terms import ORDER_TYPES
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.binance.terms import SELF_TRADE_PREVENTION

_RAW_REQUESTS = {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000}


def exchange_info(pairs: Sequence[Pair], usage: Usage, now: datetime) -> dict[str, Any]:
    """The answer."""
    limits = [*usage.described(), _RAW_REQUESTS]
    return {**head(now, limits), "symbols": [_symbol(pair) for pair in pairs]}


def _symbol(pair: Pair) -> dict[str, Any]:
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
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(pair),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": SELF_TRADE_PREVENTION,
        "allowedSelfTradePreventionModes": [SELF_TRADE_PREVENTION],
    }


def _filters(pair: Pair) -> list[dict[str, Any]]:
    return [
        price_filter(pair),
        lot_size(pair),
        # As on most of Binance's symbols, it has no step, so that LOT_SIZE's applies.
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
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]

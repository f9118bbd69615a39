"""The futures market's ``exchangeInfo``: the pairs of the paper exchange with their rules as Binance's filters. Plain functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.domain.decimals import plain
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import SETTLEMENT
from app.paper.perpetual.margin import MAINTENANCE
from app.sandbox.binance.exchange_info import MOST_ORDERS
from app.sandbox.binance.futures.terms import ORDER_TYPES, TIMES_IN_FORCE
from app.sandbox.binance.numbers import places, wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.limits import Usage
from app.sandbox.times import milliseconds

#: Perpetuals are delivered on Christmas of the year 2100, as on Binance, and these were listed when the sandbox's story begins.
_DELIVERED = milliseconds(datetime(2100, 12, 25, 8, tzinfo=UTC))
_LISTED = milliseconds(datetime(2019, 9, 8, tzinfo=UTC))

_PERCENT = 100


def futures_info(pairs: Sequence[Pair], usage: Usage, now: datetime) -> dict[str, Any]:
    """The whole answer."""
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(now),
        "futuresType": "U_MARGINED",
        "rateLimits": usage.described(),
        "exchangeFilters": [],
        "assets": [{"asset": SETTLEMENT, "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": [_symbol(pair) for pair in pairs],
    }


def _symbol(pair: Pair) -> dict[str, Any]:
    symbol = symbol_of(pair.trading_pair)
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _DELIVERED,
        "onboardDate": _LISTED,
        "status": "TRADING" if pair.is_trading else "SETTLING",
        "maintMarginPercent": plain(MAINTENANCE * _PERCENT),
        "requiredMarginPercent": plain(MAINTENANCE * _PERCENT * 2),
        "baseAsset": pair.base,
        "quoteAsset": pair.quote,
        "marginAsset": pair.quote,
        "pricePrecision": places(pair.tick),
        "quantityPrecision": places(pair.step),
        "baseAssetPrecision": places(pair.step),
        "quotePrecision": places(pair.tick),
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.000000",
        "marketTakeBound": "1.00",
        "maxMoveOrderLimit": MOST_ORDERS,
        "filters": _filters(pair),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(pair: Pair) -> list[dict[str, Any]]:
    step, least = wire(pair.step), wire(pair.min_amount)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": wire(pair.min_price),
            "maxPrice": wire(pair.max_price),
            "tickSize": wire(pair.tick),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": wire(pair.max_amount), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": wire(pair.max_market_amount), "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": MOST_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": plain(pair.min_notional)},
    ]

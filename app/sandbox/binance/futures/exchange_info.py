"""The futures market's ``exchangeInfo``: the exchange's pairs with their rules as Binance's filters, and the rate limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.domain.decimals import plain
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import SETTLEMENT
from app.paper.perpetual.margin import MAINTENANCE
from app.sandbox.binance.exchange_info import MAX_ORDERS, head, lot_size, price_filter
from app.sandbox.binance.futures.terms import ORDER_TYPES, TIMES_IN_FORCE
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.numbers import places, wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.times import milliseconds

#: The delivery date of perpetuals, as on Binance, and the listing date of every pair.
_DELIVERY = milliseconds(datetime(2100, 12, 25, 8, tzinfo=UTC))
_LISTING = milliseconds(datetime(2019, 9, 8, tzinfo=UTC))

_PERCENT = 100


def futures_info(pairs: Sequence[Pair], usage: Usage, now: datetime) -> dict[str, Any]:
    """The answer."""
    return {
        **head(now, usage.described()),
        "futuresType": "U_MARGINED",
        "assets": [{"asset": SETTLEMENT, "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": [_symbol(pair) for pair in pairs],
    }


def _symbol(pair: Pair) -> dict[str, Any]:
    symbol = symbol_of(pair.trading_pair)
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _DELIVERY,
        "onboardDate": _LISTING,
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
        "maxMoveOrderLimit": MAX_ORDERS,
        "filters": _filters(pair),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(pair: Pair) -> list[dict[str, Any]]:
    market_lot_size = {"filterType": "MARKET_LOT_SIZE", "maxQty": wire(pair.max_market_amount)}
    return [
        price_filter(pair),
        lot_size(pair),
        {**lot_size(pair), **market_lot_size},
        {"filterType": "MAX_NUM_ORDERS", "limit": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": plain(pair.min_notional)},
    ]

"""Binance's ``exchangeInfo`` as trading rules: every filter that can be checked before sending, and the two names of each pair.

Filters about averages and account state (PERCENT_PRICE, MAX_NUM_ORDERS, MAX_POSITION ...) are left to the exchange to judge, and so
is any filter or status that is new. A symbol that can't be read is named and left out; it does not take the others with it.
Source: "Filters" in Binance's spot API documentation, "Exchange Information" in the USD-M futures one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.connectors.binance.limits import rate_limits
from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import mapping, optional_number, rows, text
from app.connectors.common.venue import Markets
from app.domain.decimals import ZERO
from app.domain.markets.trading_rule import TradingRule

#: The only status in which new orders are taken; HALT, BREAK, END_OF_DAY, CANCEL_ONLY, SETTLING and words to come refuse them.
_OPEN_STATUS = "TRADING"


def spot_markets(payload: Any) -> Markets:
    """The markets that spot's ``exchangeInfo`` describes. Raises ``Unreadable``."""
    return _markets(payload, _spot_rule)


def perpetual_markets(payload: Any) -> Markets:
    """The perpetuals that futures' ``exchangeInfo`` describes; dated futures share names with them and are left out."""
    return _markets(payload, _perpetual_rule)


def _markets(payload: Any, rule_of: Callable[[Mapping[str, Any]], TradingRule | None]) -> Markets:
    answer = mapping(payload)
    rules: dict[str, TradingRule] = {}
    symbols: dict[str, str] = {}
    unreadable = []
    listed, limits = answer.get("symbols"), answer.get("rateLimits", [])
    if not isinstance(listed, list) or not isinstance(limits, list):
        raise Unreadable("symbols and rateLimits are not lists")
    if listed and not any(isinstance(each, dict) for each in listed):
        raise Unreadable("symbols are no objects")
    for each in listed:
        try:
            row = mapping(each)
            symbol, rule = text(row, "symbol"), rule_of(row)
        except Exception as error:  # noqa: BLE001 - whatever is odd about one symbol, the others are read, and it is named
            name = each.get("symbol") if isinstance(each, dict) else None
            unreadable.append(f"{name}: {error if isinstance(error, Unreadable) else type(error).__name__}")
            continue
        known = None if rule is None else rules.get(rule.trading_pair)
        if rule is not None and (known is None or not known.is_trading):
            rules[rule.trading_pair] = rule
            symbols[rule.trading_pair] = symbol
    return Markets(
        rules=MappingProxyType(rules),
        symbols=MappingProxyType(symbols),
        pairs=MappingProxyType({symbol: pair for pair, symbol in symbols.items()}),
        rate_limits=rate_limits([row for row in limits if isinstance(row, dict)]),
        unreadable=tuple(unreadable),
    )


def _spot_rule(row: Mapping[str, Any]) -> TradingRule:
    quote = text(row, "quoteAsset")
    precision = row.get("quoteAssetPrecision", row.get("quotePrecision"))
    is_trading = row.get("status") == _OPEN_STATUS and row.get("isSpotTradingAllowed", True) is not False
    return _rule(row, quote, is_trading=is_trading, quote_step=_step(precision))


def _perpetual_rule(row: Mapping[str, Any]) -> TradingRule | None:
    # PERPETUAL, TRADIFI_PERPETUAL, and PERPETUAL_DELIVERING once a contract is being wound up: the same pair all along.
    if "PERPETUAL" not in str(row.get("contractType", "")).split("_"):
        return None
    rule = _rule(row, text(row, "marginAsset"), is_trading=row.get("status") == _OPEN_STATUS, quote_step=ZERO)
    # Error -4164 of the futures API: the minimum does not hold for orders that can only reduce a position.
    return replace(rule, notional_applies_to_reduce_only=False)


def _rule(row: Mapping[str, Any], collateral: str, *, is_trading: bool, quote_step: Decimal) -> TradingRule:
    filters = {str(one.get("filterType")): one for one in rows(row.get("filters", []))}
    price, lot, market_lot = (filters.get(name, {}) for name in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    minimum, maximum = _positive(lot, "minQty"), _positive(lot, "maxQty")
    order_types = row.get("orderTypes", row.get("OrderType"))
    if not isinstance(order_types, list):
        order_types = ["LIMIT", "MARKET"]
    return TradingRule(
        trading_pair=f"{text(row, 'baseAsset')}-{text(row, 'quoteAsset')}",
        min_order_size=minimum or ZERO,
        max_order_size=maximum,
        min_base_amount_increment=_positive(lot, "stepSize") or ZERO,
        market_min_order_size=_highest(minimum, _positive(market_lot, "minQty")),
        market_max_order_size=_lowest(maximum, _positive(market_lot, "maxQty")),
        market_min_base_amount_increment=_positive(market_lot, "stepSize"),
        min_price=_positive(price, "minPrice") or ZERO,
        max_price=_positive(price, "maxPrice"),
        min_price_increment=_positive(price, "tickSize") or ZERO,
        min_quote_amount_increment=quote_step,
        supports_limit_orders="LIMIT" in order_types,
        supports_market_orders="MARKET" in order_types,
        is_trading=is_trading,
        buy_order_collateral_token=collateral,
        sell_order_collateral_token=collateral,
        **_notional(filters),
    )


def _notional(filters: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The limits of what an order is worth, and which of them bind MARKET orders, as fields of a rule."""
    if "NOTIONAL" in filters:
        both = filters["NOTIONAL"]
        return {
            "min_notional_size": _positive(both, "minNotional") or ZERO,
            "max_notional_size": _positive(both, "maxNotional"),
            "min_notional_applies_to_market": both.get("applyMinToMarket", True) is not False,
            "max_notional_applies_to_market": both.get("applyMaxToMarket", True) is not False,
        }
    one = filters.get("MIN_NOTIONAL", {})
    return {
        "min_notional_size": _positive(one, "minNotional") or _positive(one, "notional") or ZERO,
        "min_notional_applies_to_market": one.get("applyToMarket", True) is not False,
    }


def _positive(one: Mapping[str, Any], name: str) -> Decimal | None:
    """A bound of a filter; zero disables that part of it."""
    bound = optional_number(one, name)
    if bound is not None and bound < ZERO:
        raise Unreadable(f"{name} is negative")
    return bound


def _step(precision: Any) -> Decimal:
    if isinstance(precision, int) and not isinstance(precision, bool) and 0 <= precision <= 18:
        return Decimal(1).scaleb(-precision)
    return ZERO


def _highest(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    known = [bound for bound in (one, other) if bound is not None]
    return max(known) if known else None


def _lowest(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    known = [bound for bound in (one, other) if bound is not None]
    return min(known) if known else None

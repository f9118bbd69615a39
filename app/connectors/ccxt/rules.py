"""The markets that ccxt reads as trading rules, in base units.

ccxt gives steps as numbers, as digits after the point, or as significant digits, and amounts of perpetuals in contracts. Here all
of them become steps in base units, exactly. A market that can't be read is named and left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.connectors.ccxt.row import Row
from app.connectors.common.answers import Unreadable
from app.connectors.common.venue import Markets
from app.domain.decimals import EXACT, ZERO, bounded
from app.domain.markets.trading_rule import TradingRule

#: ccxt's words for how a market's precision is meant: digits after the point, significant digits, a step.
_DECIMAL_PLACES, _SIGNIFICANT_DIGITS = 2, 3


def markets_of(api: Any, row: Row) -> Markets:
    """The markets of ``row`` that ``api`` has read."""
    rules: dict[str, TradingRule] = {}
    symbols: dict[str, str] = {}
    unreadable = []
    for symbol, market in api.markets.items():
        if not is_of(market, row):
            continue
        try:
            rule = _rule(market, api.precisionMode, row)
        except Exception as error:  # noqa: BLE001 - whatever is odd about one market, the others are read, and it is named
            unreadable.append(f"{symbol}: {error if isinstance(error, Unreadable) else type(error).__name__}")
            continue
        known = rules.get(rule.trading_pair)
        if known is None or not known.is_trading:
            rules[rule.trading_pair] = rule
            symbols[rule.trading_pair] = symbol
    return Markets(
        rules=MappingProxyType(rules),
        symbols=MappingProxyType(symbols),
        pairs=MappingProxyType({symbol: pair for pair, symbol in symbols.items()}),
        separator="/",
        unreadable=tuple(sorted(unreadable)),
    )


def contract_size(market: Mapping[str, Any]) -> Decimal:
    """How much of the base one unit of an amount is: one, except where a perpetual counts contracts."""
    size = market.get("contractSize")
    if not market.get("contract") or size is None:
        return Decimal(1)
    return bounded(Decimal(size))


def is_of(market: Mapping[str, Any], row: Row) -> bool:
    """Whether it is a spot market, or a perpetual that is settled in its quote; inverse and dated contracts are not served."""
    if row.market == "spot":
        return market.get("type") == "spot"
    is_settled_so = not row.settle or market.get("settle") == row.settle
    return market.get("type") == "swap" and bool(market.get("linear")) and is_settled_so


def _rule(market: Mapping[str, Any], precision_mode: int, row: Row) -> TradingRule:
    base, quote = market["base"], market["quote"]
    if not base or not quote or "-" in base or "-" in quote:
        raise Unreadable("its assets have no names of ours")
    size = contract_size(market)
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    amounts, prices, costs = (limits.get(name) or {} for name in ("amount", "price", "cost"))
    collateral = market.get("settle") or quote
    return TradingRule(
        trading_pair=f"{base}-{quote}",
        min_order_size=EXACT.multiply(_number(amounts.get("min")) or ZERO, size),
        max_order_size=_scaled(_number(amounts.get("max")), size),
        min_base_amount_increment=EXACT.multiply(_step(precision.get("amount"), precision_mode), size),
        min_price=_number(prices.get("min")) or ZERO,
        max_price=_number(prices.get("max")),
        min_price_increment=_tick(precision, precision_mode, row),
        max_price_significant_digits=row.price_digits,
        min_notional_size=_number(costs.get("min")) or ZERO,
        max_notional_size=_number(costs.get("max")),
        notional_applies_to_reduce_only=not row.is_perpetual,
        is_trading=market.get("active") is not False,
        buy_order_collateral_token=collateral,
        sell_order_collateral_token=collateral if row.is_perpetual else base,
    )


def _tick(precision: Mapping[str, Any], precision_mode: int, row: Row) -> Decimal:
    """The step of a price. Where prices go by significant digits, ccxt's is that of the price as it stood when it was read."""
    if row.price_digits is None:
        return _step(precision.get("price"), precision_mode)
    # Hyperliquid's page "Tick and lot size": the places of a price and of an amount together are price_places at most.
    amount_step = _step(precision.get("amount"), precision_mode)
    return EXACT.divide(Decimal(1).scaleb(-row.price_places), amount_step)


def _number(value: Any) -> Decimal | None:
    """The number, None where there is none; zero stands for "none", too."""
    if value is None:
        return None
    found = bounded(Decimal(value) if isinstance(value, int | str) else value)
    if not isinstance(found, Decimal):
        raise Unreadable("a limit is no exact number")
    return found or None


def _scaled(value: Decimal | None, size: Decimal) -> Decimal | None:
    return None if value is None else EXACT.multiply(value, size)


def _step(precision: Any, mode: int) -> Decimal:
    """The step that a precision stands for; zero where there is none, or where it is about significant digits."""
    found = _number(precision)
    if found is None and not (mode == _DECIMAL_PLACES and precision is not None):
        return ZERO
    if mode == _SIGNIFICANT_DIGITS:
        return ZERO
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(found or 0))
    assert found is not None
    return found

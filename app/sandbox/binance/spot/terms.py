"""A new order's parameters and what they mean together: which a type needs, which it must not have, how precise they are.

The exchange's filters and the account's money are judged by ``app.paper``. Source: "New order" in Binance's spot documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.orders import NewOrder
from app.paper.pairs import Pair
from app.sandbox.binance.numbers import PLACES, places
from app.sandbox.failures import ApiError, missing, missing_both, new_order_rejected, not_required, too_precise
from app.sandbox.parameters import (
    Parameter,
    anything,
    client_id,
    decimal,
    optional,
    required,
    symbol,
    whole,
    words,
)
from app.sandbox.venue import new_id

#: Types that Binance knows and this market, by its ``orderTypes``, does not take.
_NOT_TAKEN = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}

ORDER_TYPES = tuple(kind.value for kind in OrderType)

TERMS: tuple[Parameter, ...] = (
    required("symbol", symbol),
    required("side", words("BUY", "SELL", code=-1117, message="Invalid side.")),
    required("type", words(*ORDER_TYPES, *_NOT_TAKEN, code=-1116, message="Invalid orderType.")),
    optional("timeInForce", words("GTC", "IOC", "FOK", code=-1115, message="Invalid timeInForce.")),
    optional("quantity", decimal),
    optional("quoteOrderQty", decimal),
    optional("price", decimal),
    optional("newClientOrderId", client_id),
    optional("strategyId", whole),
    optional("strategyType", whole),
    optional("stopPrice", decimal),
    optional("trailingDelta", whole),
    optional("icebergQty", decimal),
    optional("newOrderRespType", words("ACK", "RESULT", "FULL")),
    optional("selfTradePreventionMode", words("NONE", "EXPIRE_TAKER")),
    optional("computeCommissionRates", anything),
)

#: What each type must have and must not have.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
}
_MUST_NOT_HAVE: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("quoteOrderQty", "stopPrice", "trailingDelta"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
}


def new_order(account: str, values: Mapping[str, Any], pair: Pair) -> NewOrder:
    """The order that ``values`` ask for. Raises ``ApiError``."""
    _check_together(values)
    for name, precision in (("price", pair.tick), ("quantity", pair.step), ("quoteOrderQty", pair.tick)):
        _check_number(values, name, max(PLACES, places(precision)))
    return NewOrder(
        account=account,
        client_order_id=values.get("newClientOrderId") or new_id(),
        trading_pair=pair.trading_pair,
        trade_type=TradeType(values["side"]),
        order_type=OrderType(values["type"]),
        amount=values.get("quantity"),
        quote_amount=values.get("quoteOrderQty"),
        price=values.get("price"),
        time_in_force=TimeInForce(values.get("timeInForce", "GTC")),
    )


def response_type(values: Mapping[str, Any]) -> str:
    """How much the answer tells: all of it for LIMIT and MARKET orders, a receipt for others, unless asked otherwise."""
    asked = values.get("newOrderRespType")
    return asked or ("FULL" if values["type"] in ("LIMIT", "MARKET") else "ACK")


def _check_together(values: Mapping[str, Any]) -> None:
    kind = values["type"]
    if kind in _NOT_TAKEN:
        raise new_order_rejected(_NOT_TAKEN[kind])
    for name in _NEEDS[kind]:
        if name not in values:
            raise missing(name)
    for name in _MUST_NOT_HAVE[kind]:
        if name in values:
            raise not_required(name)
    if kind == "MARKET":
        if "quantity" not in values and "quoteOrderQty" not in values:
            raise missing_both("quantity", "quoteOrderQty")
        if "quantity" in values and "quoteOrderQty" in values:
            raise not_required("quoteOrderQty")
    if values.get("icebergQty"):
        raise new_order_rejected("Iceberg orders are not supported for this symbol.")


def _check_number(values: Mapping[str, Any], name: str, precision: int) -> None:
    number: Decimal | None = values.get(name)
    if number is None:
        return
    if places(number) > precision:
        raise too_precise(name)
    if number == ZERO:
        raise ApiError(-1013, f"Invalid {name}.")

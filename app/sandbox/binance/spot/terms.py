"""A new order's parameters and how they fit together: which a type needs, which it must not have, how precise they are.

``app.paper`` checks the exchange's filters and the account's funds. Source: "New order" in Binance's spot documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.orders import NewOrder
from app.paper.pairs import Pair
from app.sandbox.binance.failures import ApiError, filter_failure, missing_both, new_order_rejected, not_required
from app.sandbox.binance.parameters import (
    Parameter,
    client_id,
    decimal,
    optional,
    required,
    symbol,
    whole,
    words,
)
from app.sandbox.binance.terms import SELF_TRADE_MODE, SIDE, check_precision, check_presence
from app.sandbox.binance.venue import new_id

#: Types of Binance that are not in this market's ``orderTypes``.
_UNSUPPORTED = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}

ORDER_TYPES = tuple(kind.value for kind in OrderType)

TERMS: tuple[Parameter, ...] = (
    required("symbol", symbol),
    SIDE,
    required("type", words(*ORDER_TYPES, *_UNSUPPORTED, code=-1116, message="Invalid orderType.")),
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
    SELF_TRADE_MODE,
)

#: The parameters that each type must and must not have.
_MANDATORY: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
}
_FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("quoteOrderQty", "stopPrice", "trailingDelta"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
}


def new_order(account: str, values: Mapping[str, Any], pair: Pair) -> NewOrder:
    """The order that ``values`` ask for. Raises ``ApiError``."""
    _check_together(values)
    for name, step in (("price", pair.tick), ("quantity", pair.step), ("quoteOrderQty", pair.tick)):
        _check_number(values, name, step)
    if values.get("quantity", pair.min_amount) < pair.min_amount:
        raise filter_failure("MARKET_LOT_SIZE" if values["type"] == "MARKET" else "LOT_SIZE")
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
    """The type of the answer: FULL for LIMIT and MARKET orders, ACK for others, unless another is asked for."""
    asked = values.get("newOrderRespType")
    return asked or ("FULL" if values["type"] in ("LIMIT", "MARKET") else "ACK")


def _check_together(values: Mapping[str, Any]) -> None:
    kind = values["type"]
    if kind in _UNSUPPORTED:
        raise new_order_rejected(_UNSUPPORTED[kind])
    check_presence(values, _MANDATORY[kind], _FORBIDDEN[kind])
    if kind == "MARKET":
        if "quantity" not in values and "quoteOrderQty" not in values:
            raise missing_both("quantity", "quoteOrderQty")
        if "quantity" in values and "quoteOrderQty" in values:
            raise not_required("quoteOrderQty")
    if values.get("icebergQty"):
        raise new_order_rejected("Iceberg orders are not supported for this symbol.")


def _check_number(values: Mapping[str, Any], name: str, step: Decimal) -> None:
    number: Decimal | None = values.get(name)
    if number is None:
        return
    check_precision(name, number, step)
    if number == ZERO:
        raise ApiError(-1013, f"Invalid {name}.")

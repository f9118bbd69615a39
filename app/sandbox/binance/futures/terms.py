"""A new futures order's parameters and how they fit together, and the filters with more codes than the exchange's.

``app.paper`` checks margin and positions. Source: "New Order" in Binance's USD-M futures documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO, plain
from app.domain.enums import OrderType, PositionSide, TimeInForce, TradeType
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder
from app.sandbox.binance.failures import ApiError, not_required
from app.sandbox.binance.parameters import (
    Parameter,
    anything,
    decimal,
    futures_client_id,
    optional,
    required,
    symbol,
    truth,
    whole,
    words,
)
from app.sandbox.binance.terms import SELF_TRADE_MODE, SIDE, check_precision, check_presence
from app.sandbox.binance.venue import new_id

ORDER_TYPES = ("LIMIT", "MARKET")

#: Types of another endpoint, which this market does not have.
_ALGO_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")

TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX")

TERMS: tuple[Parameter, ...] = (
    required("symbol", symbol),
    SIDE,
    required("type", words(*ORDER_TYPES, *_ALGO_TYPES, code=-1116, message="Invalid orderType.")),
    optional("positionSide", words("BOTH", "LONG", "SHORT", code=-4060, message="Invalid position side.")),
    optional("timeInForce", words(*TIMES_IN_FORCE, code=-1115, message="Invalid timeInForce.")),
    optional("quantity", decimal),
    optional("price", decimal),
    optional("reduceOnly", truth),
    optional("newClientOrderId", futures_client_id),
    optional("newOrderRespType", words("ACK", "RESULT")),
    SELF_TRADE_MODE,
    optional("priceMatch", words("NONE")),
    optional("stopPrice", decimal),
    optional("closePosition", truth),
    optional("workingType", words("CONTRACT_PRICE", "MARK_PRICE")),
    optional("priceProtect", truth),
    optional("activationPrice", decimal),
    optional("callbackRate", decimal),
    optional("goodTillDate", whole),
    optional("triggerPrice", anything),
)

#: The parameters that name one order.
ONE_ORDER: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("origClientOrderId", futures_client_id),
)

#: The parameters of conditional orders.
_OF_ALGO_TYPES = ("stopPrice", "activationPrice", "callbackRate", "goodTillDate", "triggerPrice")

#: The parameters that each type must and must not have.
_MANDATORY: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "MARKET": ("quantity",),
}
_FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "LIMIT": _OF_ALGO_TYPES,
    "MARKET": ("timeInForce", "price", *_OF_ALGO_TYPES),
}


def new_order(account: str, values: Mapping[str, Any], pair: Pair) -> NewPerpetualOrder:
    """The order that ``values`` ask for. Raises ``ApiError``."""
    _check_together(values)
    _check_quantity(values["quantity"], pair, is_market=values["type"] == "MARKET")
    if "price" in values:
        _check_price(values["price"], pair)
    time_in_force = values.get("timeInForce", "GTC")
    is_maker = time_in_force == "GTX"
    return NewPerpetualOrder(
        account=account,
        client_order_id=values.get("newClientOrderId") or new_id(),
        trading_pair=pair.trading_pair,
        trade_type=TradeType(values["side"]),
        order_type=OrderType.LIMIT_MAKER if is_maker else OrderType(values["type"]),
        amount=values["quantity"],
        price=values.get("price"),
        time_in_force=TimeInForce.GTC if is_maker else TimeInForce(time_in_force),
        position_side=PositionSide(values.get("positionSide", "BOTH")),
        reduce_only=values.get("reduceOnly", False),
    )


def check_amendment(quantity: Decimal, price: Decimal, pair: Pair) -> None:
    """Check an order's new quantity and price. Raises ``ApiError``."""
    _check_quantity(quantity, pair, is_market=False)
    _check_price(price, pair)


def too_small(pair: Pair) -> ApiError:
    """The refusal of an order below the minimum notional."""
    least = plain(pair.min_notional)
    return ApiError(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def _check_together(values: Mapping[str, Any]) -> None:
    kind = values["type"]
    if kind in _ALGO_TYPES:
        text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise ApiError(-4120, text)
    check_presence(values, _MANDATORY[kind], _FORBIDDEN[kind])
    if values.get("closePosition"):
        raise ApiError(-4136, "Target strategy invalid for orderType MARKET,closePosition true")
    # In hedge mode the position side says whether an order reduces, so both together are refused.
    if "reduceOnly" in values and values.get("positionSide", "BOTH") != "BOTH":
        raise not_required("reduceonly")


def _check_price(price: Decimal, pair: Pair) -> None:
    check_precision("price", price, pair.tick)
    if price <= ZERO:
        raise ApiError(-4001, "Price less than 0.")
    if price < pair.min_price:
        raise ApiError(-4013, "Price less than min price.")
    if price > pair.max_price:
        raise ApiError(-4002, "Price greater than max price.")
    if price % pair.tick != ZERO:
        raise ApiError(-4014, "Price not increased by tick size.")


def _check_quantity(quantity: Decimal, pair: Pair, *, is_market: bool) -> None:
    check_precision("quantity", quantity, pair.step)
    if quantity <= ZERO:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    if quantity < pair.min_amount:
        raise ApiError(-4004, "Quantity less than min quantity.")
    if quantity > (pair.max_market_amount if is_market else pair.max_amount):
        raise ApiError(-4005, "Quantity greater than max quantity.")
    if quantity % pair.step != ZERO:
        raise ApiError(-4023, "Quantity not increased by step size.")

"""A new futures order's parameters and what they mean together, and the filters whose codes are finer than the exchange's.

Margin, position and book are judged by ``app.paper``. Source: "New Order" in Binance's USD-M futures documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO, plain
from app.domain.enums import OrderType, PositionSide, TimeInForce, TradeType
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder
from app.sandbox.binance.numbers import PLACES, places
from app.sandbox.failures import ApiError, missing, not_required, too_precise
from app.sandbox.parameters import (
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
from app.sandbox.venue import new_id

ORDER_TYPES = ("LIMIT", "MARKET")

#: Types that are ordered at another endpoint, which this market does not have.
_ALGO_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")

TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX")

TERMS: tuple[Parameter, ...] = (
    required("symbol", symbol),
    required("side", words("BUY", "SELL", code=-1117, message="Invalid side.")),
    required("type", words(*ORDER_TYPES, *_ALGO_TYPES, code=-1116, message="Invalid orderType.")),
    optional("positionSide", words("BOTH", "LONG", "SHORT", code=-4060, message="Invalid position side.")),
    optional("timeInForce", words(*TIMES_IN_FORCE, code=-1115, message="Invalid timeInForce.")),
    optional("quantity", decimal),
    optional("price", decimal),
    optional("reduceOnly", truth),
    optional("newClientOrderId", futures_client_id),
    optional("newOrderRespType", words("ACK", "RESULT")),
    optional("selfTradePreventionMode", words("NONE", "EXPIRE_TAKER")),
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

#: What only conditional orders have.
_OF_ALGO_TYPES = ("stopPrice", "activationPrice", "callbackRate", "goodTillDate", "triggerPrice")

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "MARKET": ("quantity",),
}
_MUST_NOT_HAVE: Mapping[str, tuple[str, ...]] = {
    "LIMIT": _OF_ALGO_TYPES,
    "MARKET": ("timeInForce", "price", *_OF_ALGO_TYPES),
}


def new_order(account: str, values: Mapping[str, Any], pair: Pair) -> NewPerpetualOrder:
    """The order that ``values`` ask for. Raises ``ApiError``."""
    _check_together(values)
    _check_quantity(values["quantity"], pair, is_market=values["type"] == "MARKET")
    if "price" in values:
        _check_price(values["price"], pair)
    lasting = values.get("timeInForce", "GTC")
    is_maker = lasting == "GTX"
    return NewPerpetualOrder(
        account=account,
        client_order_id=values.get("newClientOrderId") or new_id(),
        trading_pair=pair.trading_pair,
        trade_type=TradeType(values["side"]),
        order_type=OrderType.LIMIT_MAKER if is_maker else OrderType(values["type"]),
        amount=values["quantity"],
        price=values.get("price"),
        time_in_force=TimeInForce.GTC if is_maker else TimeInForce(lasting),
        position_side=PositionSide(values.get("positionSide", "BOTH")),
        reduce_only=values.get("reduceOnly", False),
    )


def too_small(pair: Pair) -> ApiError:
    """The refusal of an order that is worth less than the minimum."""
    least = plain(pair.min_notional)
    return ApiError(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def _check_together(values: Mapping[str, Any]) -> None:
    kind = values["type"]
    if kind in _ALGO_TYPES:
        text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise ApiError(-4120, text)
    for name in _NEEDS[kind]:
        if name not in values:
            raise missing(name)
    for name in _MUST_NOT_HAVE[kind]:
        if name in values:
            raise not_required(name)
    if values.get("closePosition"):
        raise ApiError(-4136, "Target strategy invalid for orderType MARKET,closePosition true")
    # In hedge mode the side of the position says what an order does, and both together are refused.
    if "reduceOnly" in values and values.get("positionSide", "BOTH") != "BOTH":
        raise not_required("reduceonly")


def _check_price(price: Decimal, pair: Pair) -> None:
    if places(price) > max(PLACES, places(pair.tick)):
        raise too_precise("price")
    if price <= ZERO:
        raise ApiError(-4001, "Price less than 0.")
    if price < pair.min_price:
        raise ApiError(-4013, "Price less than min price.")
    if price > pair.max_price:
        raise ApiError(-4002, "Price greater than max price.")
    if price % pair.tick != ZERO:
        raise ApiError(-4014, "Price not increased by tick size.")


def _check_quantity(quantity: Decimal, pair: Pair, *, is_market: bool) -> None:
    if places(quantity) > max(PLACES, places(pair.step)):
        raise too_precise("quantity")
    if quantity <= ZERO:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    if quantity < pair.min_amount:
        raise ApiError(-4004, "Quantity less than min quantity.")
    if quantity > (pair.max_market_amount if is_market else pair.max_amount):
        raise ApiError(-4005, "Quantity greater than max quantity.")
    if quantity % pair.step != ZERO:
        raise ApiError(-4023, "Quantity not increased by step size.")

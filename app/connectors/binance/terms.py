"""The parts of an order's terms that both markets of Binance write alike, and the terms that neither has.

Pure; what is refused here was not sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.connectors.common.numbers import wire_number
from app.domain.enums import OrderType, TimeInForce
from app.domain.errors import OrderRefused
from app.domain.order import Order


def limit_terms(order: Order) -> Mapping[str, str]:
    """Quantity and price of a LIMIT or LIMIT_MAKER order. Raises ``OrderRefused``."""
    if order.amount is None or order.price is None:
        raise refuse("a limit order needs an amount and a price")
    if order.order_type is OrderType.LIMIT_MAKER and order.time_in_force not in (None, TimeInForce.GTC):
        raise refuse("a LIMIT_MAKER order stays until it is cancelled; it has no other time in force")
    return {"quantity": wire_number(order.amount), "price": wire_number(order.price)}


def refuse(why: str) -> OrderRefused:
    """The refusal of terms that can't be said to Binance."""
    return OrderRefused(f"Not sent to Binance: {why}")

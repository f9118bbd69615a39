"""The terms and the state of an order as both markets' protocols have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.domain.enums import OrderState
from app.paper.orders import PaperOrder
from app.sandbox.binance.failures import missing, not_required, too_precise
from app.sandbox.binance.numbers import PLACES, places
from app.sandbox.binance.parameters import optional, required, words

SIDE = required("side", words("BUY", "SELL", code=-1117, message="Invalid side."))

#: Binance's name for what the paper exchange does about self-trades.
SELF_TRADE_PREVENTION = "EXPIRE_TAKER"
SELF_TRADE_MODE = optional("selfTradePreventionMode", words("NONE", SELF_TRADE_PREVENTION))

#: The paper exchange's reason of an order that met an order of its own account.
SELF_TRADE = "self_trade"

_DONE = {
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
}


def status(order: PaperOrder) -> str:
    """The order's status."""
    if order.is_open:
        return "PARTIALLY_FILLED" if order.filled_amount else "NEW"
    return "EXPIRED_IN_MATCH" if order.reason == SELF_TRADE else _DONE[order.state]


def check_presence(values: Mapping[str, Any], mandatory: Sequence[str], forbidden: Sequence[str]) -> None:
    """Check which parameters an order has. Raises ``ApiError``."""
    for name in mandatory:
        if name not in values:
            raise missing(name)
    for name in forbidden:
        if name in values:
            raise not_required(name)


def check_precision(name: str, number: Decimal, step: Decimal) -> None:
    """Check that ``number`` has no more decimal places than ``step``, or the wire. Raises ``ApiError``."""
    if places(number) > max(PLACES, places(step)):
        raise too_precise(name)

"""Hyperliquid's errors: sentences, of a whole action, or of one order in it. Refusals of the paper exchange map to them.

Source: "Error responses" in Hyperliquid's documentation. How a client id is refused that is in use no page says.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.common.errors import ApiError


def failure(text: str) -> ApiError:
    """An error of a whole action, of which the sentence is the code."""
    return ApiError(text, text)


def invalid(what: str) -> ApiError:
    """An action or question that can't be read."""
    return ApiError(what, f"Failed to deserialize the JSON body into the target type: {what}", status=422)


GONE = "Order was never placed, already canceled, or filled."
TICK = "Price must be divisible by tick size."
SIZE = "Order has invalid size."
MINIMUM = "Order must have minimum value of $10."
UNMATCHED = "Order could not immediately match against any resting orders."

_ERRORS: Mapping[RefusalCode, str] = {
    RefusalCode.INSUFFICIENT_BALANCE: "Insufficient margin to place order.",
    RefusalCode.DUPLICATE_ORDER_ID: "Duplicate cloid.",
    RefusalCode.UNKNOWN_ORDER: GONE,
    RefusalCode.PRICE_FILTER: TICK,
    RefusalCode.LOT_SIZE: SIZE,
    RefusalCode.MARKET_LOT_SIZE: SIZE,
    RefusalCode.NOTIONAL: MINIMUM,
    RefusalCode.REDUCE_ONLY: "Reduce only order would increase position.",
    RefusalCode.LEVERAGE: "Invalid leverage value",
}


def sentence_of(refusal: PaperRefusal) -> str:
    """The sentence of ``refusal``."""
    return _ERRORS.get(refusal.code, f"Invalid order: {refusal.text}")

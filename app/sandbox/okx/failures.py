"""OKX's errors: a code and a text, of a request as a whole or (``sCode``) of one order in it. Refusals of the paper exchange map to
them.

Source: "Error Code", "REST API" in OKX's documentation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.common.errors import ApiError


def enveloped(data: Any, *, code: str = "0", message: str = "") -> dict[str, Any]:
    """The body of an answer."""
    return {"code": code, "data": data, "msg": message}


def invalid(what: str) -> ApiError:
    """The refusal of a parameter."""
    return ApiError("51000", f"Parameter {what} error", status=400)


#: Of a question, of a cancel and of an amendment.
NO_SUCH_ORDER = ApiError("51603", "Order does not exist.")
NOT_CANCELABLE = ApiError(
    "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
)
NOT_AMENDABLE = ApiError("51503", "Order modification failed as the order has been filled, canceled or does not exist.")

_ERRORS: Mapping[RefusalCode, tuple[str, str]] = {
    RefusalCode.INSUFFICIENT_BALANCE: ("51008", "Order failed. Insufficient balance in account"),
    RefusalCode.DUPLICATE_ORDER_ID: ("51016", "Client order ID already exists."),
    RefusalCode.UNKNOWN_PAIR: ("51001", "Instrument ID doesn't exist."),
    RefusalCode.UNKNOWN_ORDER: ("51400", NOT_CANCELABLE.message),
    RefusalCode.MARKET_CLOSED: ("51022", "Contract suspended."),
    RefusalCode.PRICE_FILTER: ("51000", "Parameter px error"),
    RefusalCode.LOT_SIZE: ("51121", "Order quantity must be a multiple of the lot size."),
    RefusalCode.MARKET_LOT_SIZE: ("51202", "Market order amount exceeds the maximum amount."),
    RefusalCode.NOTIONAL: ("51020", "Your order should meet or exceed the minimum order amount."),
    RefusalCode.REDUCE_ONLY: (
        "51169",
        "Order failed because you don't have any positions in this direction for this contract to reduce or close.",
    ),
    RefusalCode.POSITION_SIDE: ("51000", "Parameter posSide error"),
    RefusalCode.POSITION_MODE: ("59000", "Setting failed. Cancel any open orders, close positions first."),
    RefusalCode.LEVERAGE: ("59102", "Leverage exceeds the maximum limit. Please lower the leverage."),
}


def error_of(refusal: PaperRefusal) -> ApiError:
    """The error of ``refusal``; one without an error of its own is about the parameters."""
    code, text = _ERRORS.get(refusal.code, ("51000", f"Parameter error: {refusal.text}"))
    return ApiError(code, text)

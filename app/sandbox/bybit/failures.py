"""Bybit's errors: a code and a text, under status 200. Refusals of the paper exchange map to them by category.

Source: "Error Codes" in Bybit's documentation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.common.errors import ApiError

SPOT, LINEAR = "spot", "linear"


def enveloped(result: Any, now_ms: int, *, code: int | str = 0, message: str = "OK") -> dict[str, Any]:
    """The body of an answer."""
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}


def invalid(what: str) -> ApiError:
    """The refusal of a parameter."""
    return ApiError(10001, f"params error: {what}")


def no_such_order(category: str) -> ApiError:
    """The refusal of a cancel, also of an order that is done."""
    if category == SPOT:
        return ApiError(170213, "Order does not exist.")
    return ApiError(110001, "order not exists or too late to cancel")


def duplicate(category: str) -> ApiError:
    """The refusal of an id that an order had before."""
    if category == SPOT:
        return ApiError(170141, "Duplicate clientOrderId")
    return ApiError(110072, "OrderLinkedID is duplicate")


_SPOT: Mapping[RefusalCode, tuple[int, str]] = {
    RefusalCode.INSUFFICIENT_BALANCE: (170131, "Insufficient balance."),
    RefusalCode.UNKNOWN_PAIR: (170121, "Invalid symbol."),
    RefusalCode.MARKET_CLOSED: (170005, "The symbol is not open for trading."),
    RefusalCode.PRICE_FILTER: (170134, "Order price has too many decimals."),
    RefusalCode.LOT_SIZE: (170137, "Order volume decimal too long."),
    RefusalCode.MARKET_LOT_SIZE: (170124, "Order amount too large."),
    RefusalCode.NOTIONAL: (170140, "Order value exceeded lower limit."),
}

_LINEAR: Mapping[RefusalCode, tuple[int, str]] = {
    RefusalCode.INSUFFICIENT_BALANCE: (110007, "ab not enough for new order"),
    RefusalCode.UNKNOWN_PAIR: (10001, "params error: symbol invalid"),
    RefusalCode.MARKET_CLOSED: (110092, "The symbol is not open for trading."),
    RefusalCode.PRICE_FILTER: (110003, "Order price exceeds the allowable range."),
    RefusalCode.LOT_SIZE: (10001, "Qty invalid"),
    RefusalCode.MARKET_LOT_SIZE: (10001, "The number of contracts exceeds maximum limit allowed"),
    RefusalCode.NOTIONAL: (110094, "Order notional value below the lower limit."),
    RefusalCode.REDUCE_ONLY: (110017, "current position is zero, cannot fix reduce-only order qty"),
    RefusalCode.POSITION_SIDE: (10001, "position idx not match position mode"),
    RefusalCode.LEVERAGE: (110013, "cannot set leverage due to risk limit"),
}


def error_of(refusal: PaperRefusal, category: str) -> ApiError:
    """The error of ``refusal``; one without an error of its own is about the parameters."""
    if refusal.code is RefusalCode.UNKNOWN_ORDER:
        return no_such_order(category)
    if refusal.code is RefusalCode.DUPLICATE_ORDER_ID:
        return duplicate(category)
    code, text = (_SPOT if category == SPOT else _LINEAR).get(refusal.code, (10001, refusal.text))
    return ApiError(code, text)

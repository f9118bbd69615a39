"""Kraken's errors: texts, under status 200. Refusals of the paper exchange map to them.

Source: "Error Messages" in the "Spot REST" guides of Kraken's documentation. How a client id that is in use is
refused no page says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.common.errors import ApiError


def enveloped(result: Any = None, *errors: str) -> dict[str, Any]:
    """The body of an answer: a result, or errors and none."""
    return {"error": list(errors)} if errors else {"error": [], "result": result}


def failure(text: str) -> ApiError:
    """An error, of which the text is the code."""
    return ApiError(text, text)


def invalid(what: str) -> ApiError:
    """The refusal of a parameter."""
    return failure(f"EGeneral:Invalid arguments:{what}")


UNKNOWN_ORDER = failure("EOrder:Unknown order")
UNKNOWN_PAIR = failure("EQuery:Unknown asset pair")

_ERRORS: Mapping[RefusalCode, str] = {
    RefusalCode.INSUFFICIENT_BALANCE: "EOrder:Insufficient funds",
    RefusalCode.DUPLICATE_ORDER_ID: "EOrder:Duplicate client order id",
    RefusalCode.UNKNOWN_PAIR: "EQuery:Unknown asset pair",
    RefusalCode.UNKNOWN_ORDER: "EOrder:Unknown order",
    RefusalCode.MARKET_CLOSED: "EService:Market in cancel_only mode",
    RefusalCode.PRICE_FILTER: "EOrder:Tick size check failed",
    RefusalCode.LOT_SIZE: "EGeneral:Invalid arguments:volume",
    RefusalCode.MARKET_LOT_SIZE: "EGeneral:Invalid arguments:volume",
    RefusalCode.NOTIONAL: "EOrder:Cost minimum not met",
}


def error_of(refusal: PaperRefusal) -> ApiError:
    """The error of ``refusal``; one without an error of its own is about the arguments."""
    return failure(_ERRORS.get(refusal.code, "EGeneral:Invalid arguments"))

"""The spot market's errors for refusals of the paper exchange."""

from __future__ import annotations

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.binance.failures import (
    SHARED_ERRORS,
    ApiError,
    ErrorTable,
    error_of,
    filter_failure,
    new_order_rejected,
)

_ERRORS: ErrorTable = {
    **SHARED_ERRORS,
    RefusalCode.INSUFFICIENT_BALANCE: lambda: new_order_rejected(
        "Account has insufficient balance for requested action."
    ),
    RefusalCode.DUPLICATE_ORDER_ID: lambda: new_order_rejected("Duplicate order sent."),
    RefusalCode.WOULD_TAKE: lambda: new_order_rejected("Order would immediately match and take."),
    RefusalCode.MARKET_CLOSED: lambda: ApiError(-1013, "Market is closed."),
    RefusalCode.PRICE_FILTER: lambda: filter_failure("PRICE_FILTER"),
    RefusalCode.LOT_SIZE: lambda: filter_failure("LOT_SIZE"),
    RefusalCode.MARKET_LOT_SIZE: lambda: filter_failure("MARKET_LOT_SIZE"),
    RefusalCode.NOTIONAL: lambda: filter_failure("NOTIONAL"),
}


def spot_error(refusal: PaperRefusal) -> ApiError:
    """The error of ``refusal``; one without an error of its own is -1013 with the exchange's text."""
    return error_of(refusal, _ERRORS, -1013)

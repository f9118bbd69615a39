"""What the paper exchange refuses, in Binance's codes and texts. One table and the function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.failures import ApiError, filter_failure, invalid_symbol, new_order_rejected, unknown_order

_ERRORS: Mapping[RefusalCode, Callable[[], ApiError]] = {
    RefusalCode.INSUFFICIENT_BALANCE: lambda: new_order_rejected(
        "Account has insufficient balance for requested action."
    ),
    RefusalCode.DUPLICATE_ORDER_ID: lambda: new_order_rejected("Duplicate order sent."),
    RefusalCode.WOULD_TAKE: lambda: new_order_rejected("Order would immediately match and take."),
    RefusalCode.MARKET_CLOSED: lambda: ApiError(-1013, "Market is closed."),
    RefusalCode.UNKNOWN_PAIR: invalid_symbol,
    RefusalCode.UNKNOWN_ORDER: unknown_order,
    RefusalCode.INVALID_INTERVAL: lambda: ApiError(-1120, "Invalid interval."),
    RefusalCode.PRICE_FILTER: lambda: filter_failure("PRICE_FILTER"),
    RefusalCode.LOT_SIZE: lambda: filter_failure("LOT_SIZE"),
    RefusalCode.MARKET_LOT_SIZE: lambda: filter_failure("MARKET_LOT_SIZE"),
    RefusalCode.NOTIONAL: lambda: filter_failure("NOTIONAL"),
}


def api_error(refusal: PaperRefusal) -> ApiError:
    """The answer to a request that the exchange refused; one without words of its own is -1013 with the exchange's text."""
    make = _ERRORS.get(refusal.code)
    return ApiError(-1013, refusal.text) if make is None else make()

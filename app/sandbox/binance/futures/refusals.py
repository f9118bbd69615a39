"""The futures market's errors for refusals of the paper exchange.

Source: "Error Codes" in Binance's USD-M futures API documentation.
"""

from __future__ import annotations

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.binance.failures import SHARED_ERRORS, ApiError, ErrorTable, error_of

_ERRORS: ErrorTable = {
    **SHARED_ERRORS,
    RefusalCode.INSUFFICIENT_BALANCE: lambda: ApiError(-2019, "Margin is insufficient."),
    RefusalCode.DUPLICATE_ORDER_ID: lambda: ApiError(-4116, "ClientOrderId is duplicated."),
    RefusalCode.WOULD_TAKE: lambda: ApiError(
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected."
        " The order will not be recorded in the order history.",
    ),
    RefusalCode.MARKET_CLOSED: lambda: ApiError(-4140, "Invalid symbol status for opening position."),
    RefusalCode.PRICE_FILTER: lambda: ApiError(-4014, "Price not increased by tick size."),
    RefusalCode.LOT_SIZE: lambda: ApiError(-4023, "Quantity not increased by step size."),
    RefusalCode.MARKET_LOT_SIZE: lambda: ApiError(-4023, "Quantity not increased by step size."),
    RefusalCode.REDUCE_ONLY: lambda: ApiError(-2022, "ReduceOnly Order is rejected."),
    RefusalCode.POSITION_SIDE: lambda: ApiError(-4061, "Order's position side does not match user's setting."),
    RefusalCode.POSITION_MODE: lambda: ApiError(-4068, "Position side cannot be changed if there exists position."),
}


def futures_error(refusal: PaperRefusal) -> ApiError:
    """The error of ``refusal``; one without an error of its own is -1130 with the exchange's text."""
    return error_of(refusal, _ERRORS, -1130)


def margin_error(refusal: PaperRefusal, *, is_added: bool) -> ApiError:
    """The error of a refused change of a position's margin."""
    if refusal.code is RefusalCode.INSUFFICIENT_BALANCE:
        return ApiError(-4050, "Cross balance insufficient.")
    if refusal.code is not RefusalCode.MARGIN:
        return futures_error(refusal)
    if is_added:
        return ApiError(-4054, "Cannot add position margin: position is 0.")
    return ApiError(-4051, "Isolated balance insufficient.")


def killed() -> ApiError:
    """The refusal of a fill-or-kill order that could not be filled completely."""
    return ApiError(
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected."
        " The order will not be recorded in the order history.",
    )


def no_need(code: int, what: str) -> ApiError:
    """The refusal of a change to the current setting."""
    return ApiError(code, f"No need to change {what}.")

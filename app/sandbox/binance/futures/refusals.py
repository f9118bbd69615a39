"""What the futures exchange refuses, in Binance's codes and texts. One table and the function that reads it.

Source: "Error Codes" in Binance's USD-M futures API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.failures import ApiError, invalid_symbol, unknown_order

_ERRORS: Mapping[RefusalCode, Callable[[], ApiError]] = {
    RefusalCode.INSUFFICIENT_BALANCE: lambda: ApiError(-2019, "Margin is insufficient."),
    RefusalCode.DUPLICATE_ORDER_ID: lambda: ApiError(-4116, "ClientOrderId is duplicated."),
    RefusalCode.WOULD_TAKE: lambda: ApiError(
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected."
        " The order will not be recorded in the order history.",
    ),
    RefusalCode.MARKET_CLOSED: lambda: ApiError(-4140, "Invalid symbol status for opening position."),
    RefusalCode.UNKNOWN_PAIR: invalid_symbol,
    RefusalCode.UNKNOWN_ORDER: unknown_order,
    RefusalCode.INVALID_INTERVAL: lambda: ApiError(-1120, "Invalid interval."),
    RefusalCode.PRICE_FILTER: lambda: ApiError(-4014, "Price not increased by tick size."),
    RefusalCode.LOT_SIZE: lambda: ApiError(-4023, "Quantity not increased by step size."),
    RefusalCode.MARKET_LOT_SIZE: lambda: ApiError(-4023, "Quantity not increased by step size."),
    RefusalCode.REDUCE_ONLY: lambda: ApiError(-2022, "ReduceOnly Order is rejected."),
    RefusalCode.POSITION_SIDE: lambda: ApiError(-4061, "Order's position side does not match user's setting."),
    RefusalCode.POSITION_MODE: lambda: ApiError(-4068, "Position side cannot be changed if there exists position."),
}


def futures_error(refusal: PaperRefusal) -> ApiError:
    """The answer to a request that the exchange refused; one without words of its own is -1130 with the exchange's text."""
    make = _ERRORS.get(refusal.code)
    return ApiError(-1130, refusal.text) if make is None else make()


def killed() -> ApiError:
    """The refusal of a fill-or-kill order that could not be filled whole."""
    return ApiError(
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected."
        " The order will not be recorded in the order history.",
    )


def no_need(code: int, what: str) -> ApiError:
    """The refusal of a setting that is as it is asked to be."""
    return ApiError(code, f"No need to change {what}.")

"""The exchange's refusals. A refusal proves that the operation changed nothing.

``PaperUnavailable`` proves that nothing was begun. Any other exception of this package proves nothing.
"""

from __future__ import annotations

from enum import StrEnum


class RefusalCode(StrEnum):
    """The reason of a refusal; a protocol in front of the exchange maps these to its own codes."""

    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    DUPLICATE_ORDER_ID = "DUPLICATE_ORDER_ID"
    WOULD_TAKE = "WOULD_TAKE"
    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    MARKET_CLOSED = "MARKET_CLOSED"
    INVALID_ORDER = "INVALID_ORDER"
    INVALID_ACCOUNT = "INVALID_ACCOUNT"
    INVALID_INTERVAL = "INVALID_INTERVAL"
    PRICE_FILTER = "PRICE_FILTER"
    LOT_SIZE = "LOT_SIZE"
    MARKET_LOT_SIZE = "MARKET_LOT_SIZE"
    NOTIONAL = "NOTIONAL"
    REDUCE_ONLY = "REDUCE_ONLY"
    POSITION_SIDE = "POSITION_SIDE"
    POSITION_MODE = "POSITION_MODE"
    LEVERAGE = "LEVERAGE"
    MARGIN = "MARGIN"


class PaperRefusal(Exception):
    """The exchange refused: ``code`` is for programs, ``text`` for people."""

    def __init__(self, code: RefusalCode, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class PaperUnavailable(Exception):
    """The exchange could not begin: its store is locked or unreachable, or the deadline had passed. Nothing was changed."""

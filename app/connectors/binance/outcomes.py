"""What an error answer of Binance proves: two tables, spot and perpetual, for ``common.judging``.

The rule behind them is Binance's own: a 4xx with a code was refused before or by the engine, a 5xx proves nothing, and the API
waits ten seconds for the engine before it answers -1007. Codes are stable and decide first; texts may change and only refine.

Mind the trap: -2021 and -2022 are halves of a cancel-replace on spot and ordinary refusals on futures.
Source: "General Info" and "Error Codes" in Binance's spot and USD-M futures API documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.connectors.common.judging import UNKNOWN, Outcomes
from app.domain.errors import (
    CredentialsRefused,
    DuplicateOrderId,
    ExchangeDown,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
    WouldTake,
)

#: The exchange's name in texts.
EXCHANGE = "Binance"

#: The timestamp lies outside recvWindow: refused before the engine saw it, and our idea of the exchange's clock is wrong.
CLOCK_IS_OFF = -1021

#: A cancel was refused, mostly because the order is done or was never there.
CANCEL_REFUSED = -2011

#: The text "Order does not exist." of a query; the only code that is a positive "no such order".
NO_SUCH_ORDER = -2013

#: Futures: the order's position side does not fit the account's position mode.
WRONG_POSITION_SIDE = -4061

#: Futures: the account is in the asked position mode already.
MODE_UNCHANGED = -4059

#: A 503 proves that nothing was placed only with one of these texts. Its third text, "Unknown error, please check your request or
#: try again later.", means the opposite.
_UNSENT_TEXTS = {
    503: frozenset({"Service Unavailable.", "Internal error; unable to process your request. Please try again."})
}

#: Overload protection answers before the engine, with any status.
_AT_ANY_STATUS: Mapping[int, type[Refused]] = {-1008: ExchangeDown}

_STATUSES: Mapping[int, type[Refused] | None] = {
    403: ExchangeDown,  # the firewall in front of the API
    408: UNKNOWN,  # a timeout
    409: UNKNOWN,  # one leg of two
    418: RateLimited,
    429: RateLimited,
}

_COMMON: Mapping[int, type[Refused] | None] = {
    -1002: CredentialsRefused,  # not authorised
    -1003: RateLimited,  # weight used up, or the address is banned
    -1006: UNKNOWN,  # the engine's answer was not understood
    -1007: UNKNOWN,  # the engine did not answer in ten seconds
    -1015: RateLimited,  # too many new orders
    CLOCK_IS_OFF: ExchangeDown,  # a later try has a fresh timestamp
    -1022: CredentialsRefused,  # signature
    -1099: CredentialsRefused,  # unauthenticated or unauthorised
    -2008: CredentialsRefused,  # no such key
    -2014: CredentialsRefused,  # the key's format
    -2015: CredentialsRefused,  # key, address or permission
}

#: The engine's refusals share one code and differ by text.
_ENGINE_TEXTS: Mapping[int, tuple[tuple[str, type[OrderRefused]], ...]] = {
    -2010: (
        ("insufficient balance", InsufficientBalance),
        ("duplicate order sent", DuplicateOrderId),
        ("would immediately match and take", WouldTake),
    ),
}


def _outcomes(own_codes: Mapping[int, type[Refused] | None]) -> Outcomes:
    return Outcomes(
        exchange=EXCHANGE,
        codes_at_any_status=_AT_ANY_STATUS,
        statuses=_STATUSES,
        unsent_texts=_UNSENT_TEXTS,
        texts=_ENGINE_TEXTS,
        codes=MappingProxyType({**_COMMON, **own_codes}),
        clock_is_off=CLOCK_IS_OFF,
        no_such_order=NO_SUCH_ORDER,
    )


SPOT = _outcomes({-2021: UNKNOWN, -2022: UNKNOWN})

PERPETUAL = _outcomes(
    {
        -2018: InsufficientBalance,
        -2019: InsufficientBalance,  # margin
        -4116: DuplicateOrderId,
        -5022: WouldTake,
    }
)


def code_and_message(payload: Any) -> tuple[int | None, str | None]:
    """The error code and the message in a decoded body; None for what it does not hold."""
    if not isinstance(payload, dict):
        return None, None
    code, message = payload.get("code"), payload.get("msg")
    if isinstance(code, str) and code.lstrip("-").isascii() and code.lstrip("-").isdecimal():
        code = int(code[:12])
    is_code = isinstance(code, int) and not isinstance(code, bool)
    return code if is_code else None, message if isinstance(message, str) else None

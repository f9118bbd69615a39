"""What an error answer of Binance proves: two tables, spot and perpetual, for ``common.judging``.

Only what is listed here proves that nothing was placed. A code that Binance adds tomorrow, or one whose documentation does not say
that the order was refused, proves nothing, and the order is asked about. Codes are stable and decide first; texts may change and
only refine. Mind the trap: -2021 and -2022 are halves of a cancel-replace on spot and ordinary refusals on futures.

Sources, by the numbers that the comments of the tables name:

1. "Error codes for Binance" in Binance's documentation of the spot API (errors.md), section by section.
2. "Error Codes" in its documentation of USD-M futures, section by section.
3. "General Info" of USD-M futures, HTTP return codes and the variants of a 503: "Unknown error, ..." may have succeeded, "Service
   Unavailable." and "Internal error; ..." have failed. Spot's documentation has no such list: there a 5xx never is a failure.
4. "Timing security" in both: a request whose timestamp does not fit is rejected before it is processed.
5. https://github.com/banbox/banbot/issues/114: a USD-M order that was answered 503 with -1008 was executed all the same, although
   source 3 calls that answer a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.connectors.common.judging import UNKNOWN, Outcomes
from app.domain.errors import (
    ClockRefused,
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

#: Overload protection. Source 3 says that the order failed and source 5 that it was executed; source 1 says neither.
OVERLOADED = -1008

_STATUSES: Mapping[int, type[Refused] | None] = {
    403: ExchangeDown,  # the firewall in front of the API
    408: UNKNOWN,  # a timeout
    409: UNKNOWN,  # one leg of two
    418: RateLimited,
    429: RateLimited,
}

#: Codes of both markets.
_COMMON: Mapping[int | str, type[Refused]] = {
    # Sources 1 and 2, "General Server or Network issues". Not listed: -1000, -1001, -1004, -1006, -1007, -1008 and -1016, which do
    # not say what became of the order.
    -1002: CredentialsRefused,  # not authorised
    -1003: RateLimited,  # weight used up, or the address is banned
    -1014: OrderRefused,  # unsupported order combination
    -1015: RateLimited,  # too many new orders
    -1020: OrderRefused,  # unsupported operation
    CLOCK_IS_OFF: ClockRefused,  # source 4: rejected; a later try has a fresh timestamp
    -1022: CredentialsRefused,  # signature
    -1099: CredentialsRefused,  # unauthenticated or unauthorised
    # "Request issues": a parameter is missing, malformed or not allowed.
    **dict.fromkeys(range(-1106, -1099), OrderRefused),
    -1108: OrderRefused,  # a parameter overflowed (spot), no such asset (futures)
    -1111: OrderRefused,  # too much precision
    -1112: OrderRefused,  # no orders on the book for the symbol
    **dict.fromkeys(range(-1121, -1113), OrderRefused),  # time in force, type, side, ids, symbol
    -1128: OrderRefused,  # combination of optional parameters
    -1130: OrderRefused,  # invalid data for a parameter
    -1131: OrderRefused,  # recvWindow is too long
    # "Processing issues".
    -2008: CredentialsRefused,  # no such key
    -2010: OrderRefused,  # the engine refused the order, see its texts
    CANCEL_REFUSED: OrderRefused,
    -2014: CredentialsRefused,  # the key's format
    -2015: CredentialsRefused,  # key, address or permission
}

#: Source 1: "The request didn't reach the Matching Engine", and what the engine itself answered. Futures' documentation has the two
#: codes without a meaning.
_SPOT: Mapping[int | str, type[Refused]] = {-1013: OrderRefused, -1010: OrderRefused}

_PERPETUAL: Mapping[int | str, type[Refused]] = {
    # Source 2, "Request issues".
    -1109: OrderRefused,  # account
    -1110: OrderRefused,  # symbol type
    -1122: OrderRefused,  # symbol status
    -1126: OrderRefused,  # asset is not supported
    -1136: OrderRefused,  # newOrderRespType
    # "Processing issues".
    -2017: CredentialsRefused,  # keys are locked
    -2018: InsufficientBalance,
    -2019: InsufficientBalance,  # margin
    # Unable to fill, would trigger, reduce-only, liquidation, position, too many orders, type with reduce-only, leverage.
    **dict.fromkeys(range(-2028, -2019), OrderRefused),
    # "Filters and other issues" of an order: price, quantity, id, limits of the price.
    **dict.fromkeys(range(-4005, -4000), OrderRefused),
    **dict.fromkeys((-4013, -4014, -4015, -4016, -4023, -4024, -4029, -4030), OrderRefused),
    **dict.fromkeys((-4183, -4184), OrderRefused),  # limit prices beside a stop price
    # Position side, reduce-only, permissions of account and symbol.
    **dict.fromkeys((-4060, WRONG_POSITION_SIDE, -4062, -4087, -4088, -4104, -4118), OrderRefused),
    **dict.fromkeys((-4140, -4141, -4144), OrderRefused),  # the symbol's status and name
    **dict.fromkeys((-4400, -4401, -4402, -4405, -4407, -4517, -4518, -4519), OrderRefused),
    -4116: DuplicateOrderId,
    -4120: OrderRefused,  # the type has an endpoint of its own
    -4131: OrderRefused,  # a market order and PERCENT_PRICE
    -4164: OrderRefused,  # notional
    -4192: OrderRefused,  # cooling-off period
    # Of a change of leverage or position mode: value, open orders, positions, eligibility, the other market.
    **dict.fromkeys((-4028, MODE_UNCHANGED, -4067, -4068, -4161), OrderRefused),
    **dict.fromkeys((-4202, -4203, -4205, -4206, -4208, -4209, -4220, -4403, -4531), OrderRefused),
    # "Order execution issues".
    -5021: OrderRefused,  # FOK
    -5022: WouldTake,
    -5025: OrderRefused,  # limit orders only
    -5028: ExchangeDown,  # the timestamp had left recvWindow when the order came to the engine
}

#: Source 3. The third text, "Unknown error, please check your request or try again later.", means the opposite.
_UNSENT_TEXTS = {
    503: frozenset({"Service Unavailable.", "Internal error; unable to process your request. Please try again."})
}

#: The engine's refusals share one code and differ by text: source 1, "Messages for -1010, -2010 and -2011".
_ENGINE_TEXTS: Mapping[int | str, tuple[tuple[str, type[OrderRefused]], ...]] = {
    -2010: (
        ("insufficient balance", InsufficientBalance),
        ("duplicate order sent", DuplicateOrderId),
        ("would immediately match and take", WouldTake),
    ),
}


#: The symbol, its status or its filters are not what the rules said: sources 1 and 2. Codes about the limits of the moment, such as
#: PERCENT_PRICE, are not listed, except that spot has one code for all filters.
_RULE_CODES = frozenset(
    (
        *(-1013, -1111, -1121, -1122),  # filters (spot), precision, symbol, its status (futures)
        *range(-4005, -4000),  # price and quantity too small or too large
        *(-4013, -4014, -4023, -4029, -4030),  # lowest price, tick, step, precisions
        *(-4140, -4141, -4144, -4164),  # the symbol's status and name, notional
    )
)


def _outcomes(
    own_codes: Mapping[int | str, type[Refused]], unsent_texts: Mapping[int, frozenset[str]] | None = None
) -> Outcomes:
    return Outcomes(
        exchange=EXCHANGE,
        statuses=_STATUSES,
        unsent_texts=unsent_texts or {},
        texts=_ENGINE_TEXTS,
        codes=MappingProxyType({**_COMMON, **own_codes}),
        overloaded=frozenset((OVERLOADED,)),
        clock_is_off=frozenset((CLOCK_IS_OFF,)),
        no_such_order=frozenset((NO_SUCH_ORDER,)),
        rule_codes=_RULE_CODES,
        rule_texts=("market is closed",),
    )


SPOT = _outcomes(_SPOT)

PERPETUAL = _outcomes(_PERPETUAL, _UNSENT_TEXTS)


def code_and_message(payload: Any) -> tuple[int | None, str | None]:
    """The error code and the message in a decoded body; None for what it does not hold."""
    if not isinstance(payload, dict):
        return None, None
    code, message = payload.get("code"), payload.get("msg")
    if isinstance(code, str) and code.lstrip("-").isascii() and code.lstrip("-").isdecimal():
        code = int(code[:12])
    is_code = isinstance(code, int) and not isinstance(code, bool)
    return code if is_code else None, message if isinstance(message, str) else None

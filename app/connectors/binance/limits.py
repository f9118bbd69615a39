"""Binance's rate limits: the headers that count, the limits in ``exchangeInfo``, and the pauses that errors ask for.

Weight is counted per address and orders per account. A 429, a 418, -1003 and -1015 ask for a pause.
Source: "Limits" in Binance's spot and USD-M futures API documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.connectors.binance.outcomes import EXCHANGE
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.limits import AddressLimits, RateLimit
from app.connectors.common.venue import ServerClock

WEIGHT_HEADER = "x-mbx-used-weight-"
ORDERS_HEADER = "x-mbx-order-count-"

#: Without a Retry-After: a ban starts at two minutes, weight is counted by the minute, orders by ten seconds at the least.
_BAN_MS = 120_000
_WEIGHT_MS = 60_000
_ORDERS_MS = 10_000

#: The weight of an address in a minute, until ``exchangeInfo`` has told.
SPOT_WEIGHT = 6_000
PERPETUAL_WEIGHT = 2_400

_TOO_MANY_REQUESTS = -1003
_TOO_MANY_ORDERS = -1015

_BANNED_UNTIL = re.compile(r"until (\d{13})\b", re.ASCII)

_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_HEADERS = {"REQUEST_WEIGHT": WEIGHT_HEADER, "ORDERS": ORDERS_HEADER}


def address_limits(clock: ServerClock) -> AddressLimits:
    """The gate of one address to Binance."""
    return AddressLimits(
        EXCHANGE, server_ms=clock.now_ms, monotonic_ms=clock.monotonic_ms, prefix=WEIGHT_HEADER, pause_ms=pause_ms
    )


def rate_limits(payload: Sequence[Mapping[str, Any]]) -> tuple[RateLimit, ...]:
    """The limits that ``exchangeInfo`` names. Unknown kinds and intervals are left out: no header that we read counts them."""
    return tuple(limit for limit in map(_rate_limit, payload) if limit is not None)


def pause_ms(error: ErrorAnswer, server_ms: int) -> int | None:
    """The milliseconds for which an error at the server time ``server_ms`` asks for no more calls; None where it does not."""
    if error.status not in (418, 429) and error.code not in (_TOO_MANY_REQUESTS, _TOO_MANY_ORDERS):
        return None
    retry_after = error.headers.get("retry-after", "")
    if retry_after.isascii() and retry_after.isdecimal():
        return int(retry_after) * 1000
    banned = _BANNED_UNTIL.search(error.message)
    if banned is not None:
        return max(int(banned[1]) - server_ms, 1000)
    if error.status == 418:
        return _BAN_MS
    return _ORDERS_MS if error.code == _TOO_MANY_ORDERS else _WEIGHT_MS


def _rate_limit(row: Mapping[str, Any]) -> RateLimit | None:
    header, seconds = _HEADERS.get(str(row.get("rateLimitType"))), _SECONDS.get(str(row.get("interval")))
    count, limit = row.get("intervalNum"), row.get("limit")
    if (
        header is None
        or seconds is None
        or not isinstance(count, int)
        or not isinstance(limit, int)
        or count < 1
        or limit < 1
    ):
        return None
    return RateLimit(
        header=f"{header}{count}{row['interval'][0].lower()}", window_ms=count * seconds * 1000, limit=limit
    )

"""How much of Binance's allowance is used, and when to stop asking.

Weight is counted per address and orders per account; both counts come back in headers, the limits in ``exchangeInfo``. After a
429, 418, -1003 or -1015 every call of the address is held until the time the exchange named: going on would turn a pause of
seconds into a ban of days. A held call raises ``RateLimited`` and nothing is sent. Nothing here waits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.connectors.common.answers import ErrorAnswer
from app.domain.errors import RateLimited

WEIGHT_HEADER = "x-mbx-used-weight-"
ORDERS_HEADER = "x-mbx-order-count-"

#: Questions stop at nine tenths of the weight, so that orders and cancels always have the last tenth.
_QUESTIONS_SHARE = 90

#: Without a Retry-After: a ban starts at two minutes, weight is counted by the minute, orders by ten seconds at the least.
_BAN_MS = 120_000
_WEIGHT_MS = 60_000
_ORDERS_MS = 10_000

#: No real ban is longer than three days; a longer one is a garbled header.
_LONGEST_MS = 3 * 24 * 3_600_000

_BANNED_UNTIL = re.compile(r"until (\d{13})\b", re.ASCII)

_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_HEADERS = {"REQUEST_WEIGHT": WEIGHT_HEADER, "ORDERS": ORDERS_HEADER}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most ``limit`` in each window of ``window_ms``, as counted in ``header``."""

    header: str
    window_ms: int
    limit: int


def rate_limits(payload: Sequence[Mapping[str, Any]]) -> tuple[RateLimit, ...]:
    """The limits that ``exchangeInfo`` names. Kinds and intervals that we do not know are left out: they have no header we read."""
    return tuple(limit for limit in map(_rate_limit, payload) if limit is not None)


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


class Usage:
    """The counts that headers of one ``kind`` last told, each good for the window it was told in."""

    def __init__(self, kind: str, server_ms: Callable[[], int]) -> None:
        self._kind = kind
        self._server_ms = server_ms
        self._told: dict[str, tuple[int, int]] = {}

    def note(self, headers: Mapping[str, str]) -> None:
        """Remember the counts in ``headers``; a header that is no number is not a count."""
        for name, value in headers.items():
            if name.startswith(self._kind) and value.isascii() and value.isdecimal():
                self._told[name] = (self._server_ms(), int(value))

    def full_for(self, limits: Sequence[RateLimit], *, percent: int = 100) -> int:
        """The milliseconds until all windows of the kind have room again; zero if they have now."""
        longest = 0
        for limit in limits:
            told = self._told.get(limit.header)
            # What was told in an earlier window is no more; but most of the time it is below the limit anyhow.
            if told is not None and told[1] * 100 >= limit.limit * percent and self.used_of(limit):
                longest = max(longest, limit.window_ms - self._server_ms() % limit.window_ms)
        return longest

    def used_of(self, limit: RateLimit) -> int:
        """What is used up in the present window of ``limit``, as last told."""
        told_at, used = self._told.get(limit.header, (0, 0))
        return used if told_at // limit.window_ms == self._server_ms() // limit.window_ms else 0


class AddressLimits:
    """The one gate of an address: ``check`` before each call, ``note`` after each answer."""

    def __init__(self, server_ms: Callable[[], int], monotonic_ms: Callable[[], int]) -> None:
        self._server_ms = server_ms
        self._monotonic_ms = monotonic_ms
        self._held_until_ms: int | None = None
        self._usage = Usage(WEIGHT_HEADER, server_ms)
        self.limits: tuple[RateLimit, ...] = ()

    @property
    def hold(self) -> timedelta | None:
        """How long the exchange wants no call; None if it does not say so."""
        if self._held_until_ms is None:
            return None
        left = self._held_until_ms - self._monotonic_ms()
        return timedelta(milliseconds=left) if left > 0 else None

    @property
    def headroom(self) -> float:
        """What is left of the request weight, 1 is all; 0 while the exchange wants no call."""
        if self.hold is not None:
            return 0.0
        weights = [limit for limit in self.limits if limit.header.startswith(WEIGHT_HEADER)]
        return min((max(0.0, 1 - self._usage.used_of(limit) / limit.limit) for limit in weights), default=1.0)

    def check(self, *, is_question: bool) -> None:
        """Raise ``RateLimited`` if a call must not leave now."""
        hold = self.hold
        if hold is None:
            percent = _QUESTIONS_SHARE if is_question else 100
            full_for = self._usage.full_for(self.limits, percent=percent)
            hold = timedelta(milliseconds=full_for) if full_for else None
        if hold is not None:
            raise rate_limited(hold)

    def note(self, headers: Mapping[str, str], error: ErrorAnswer | None = None) -> None:
        """Remember what an answer says about our rate, and hold the address if it says stop."""
        self._usage.note(headers)
        if error is None:
            return
        pause = self._pause_ms(error)
        if pause is not None:
            until = self._monotonic_ms() + min(pause, _LONGEST_MS)
            self._held_until_ms = max(until, self._held_until_ms or until)

    def _pause_ms(self, error: ErrorAnswer) -> int | None:
        if error.status not in (418, 429) and error.code not in (-1003, -1015):
            return None
        retry_after = error.headers.get("retry-after", "")
        if retry_after.isascii() and retry_after.isdecimal():
            return int(retry_after) * 1000
        banned = _BANNED_UNTIL.search(error.message)
        if banned is not None:
            return max(int(banned[1]) - self._server_ms(), 1000)
        if error.status == 418:
            return _BAN_MS
        return _ORDERS_MS if error.code == -1015 else _WEIGHT_MS


def rate_limited(hold: timedelta) -> RateLimited:
    """The refusal of a call that was held back."""
    seconds = max(1, -(-hold // timedelta(seconds=1)))
    return RateLimited(f"Binance wants no request for {seconds} s; nothing was sent", retry_after=hold)

"""Rate limits: weight by address and minute, orders by account and window.

Exceeding one is answered by 429 with ``Retry-After``, and continuing after that by 418, a ban. Times are passed in. An order that
traded at once is not counted, as on Binance, where the count is of unfilled orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.sandbox.binance.failures import ApiError

_MINUTE_MS = 60_000

#: The requests that are answered by 429 before the address is banned; Binance does not document their number.
_MAX_VIOLATIONS = 10

#: Binance's shortest ban.
_BAN_MS = 120_000

_SECONDS = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits, by default those of a new account on Binance's spot market."""

    weight: int = 6_000
    orders_10s: int = 100
    orders_day: int = 200_000


class Usage:
    """The counters. A window's count ends with the window."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._weights: dict[str, tuple[int, int]] = {}
        self._violations: dict[str, tuple[int, int]] = {}
        self._banned_until: dict[str, int] = {}
        self._orders: dict[tuple[str, int], tuple[int, int]] = {}

    def spend(self, address: str, weight: int, now: int) -> int:
        """Count ``weight``; the weight used in this minute. Raises ``ApiError`` 429 or 418."""
        banned_until = self._banned_until.get(address, 0)
        if now < banned_until:
            raise banned(banned_until, now)
        window = now // _MINUTE_MS
        used = self.used(address, now) + weight
        self._weights[address] = (window, used)
        if used <= self.limits.weight:
            return used
        window_of_violations, violations = self._violations.get(address, (window, 0))
        violations = violations + 1 if window_of_violations == window else 1
        self._violations[address] = (window, violations)
        if violations > _MAX_VIOLATIONS:
            self._banned_until[address] = now + _BAN_MS
            raise banned(now + _BAN_MS, now)
        raise too_heavy(self.limits.weight, now)

    def used(self, address: str, now: int) -> int:
        """The weight that the address has used in this minute."""
        window, used = self._weights.get(address, (0, 0))
        return used if window == now // _MINUTE_MS else 0

    def count_order(self, account: str, now: int) -> None:
        """Count a new order. Raises ``ApiError`` 429 if the account has reached a limit."""
        for seconds, limit, words in self._order_limits():
            if self._count(account, seconds, now) >= limit:
                left = seconds * 1_000 - now % (seconds * 1_000)
                message = f"Too many new orders; current limit is {limit} orders per {words}."
                raise ApiError(-1015, message, status=429, headers=_retry_after(left))
        self._add(account, 1, now)

    def uncount_order(self, account: str, now: int) -> None:
        """Uncount an order that was refused or traded."""
        self._add(account, -1, now)

    def weight_headers(self, address: str, now: int) -> dict[str, str]:
        return {"X-MBX-USED-WEIGHT": str(self.used(address, now)), "X-MBX-USED-WEIGHT-1M": str(self.used(address, now))}

    def order_headers(self, account: str, now: int) -> dict[str, str]:
        return {
            "X-MBX-ORDER-COUNT-10S": str(self._count(account, 10, now)),
            "X-MBX-ORDER-COUNT-1D": str(self._count(account, _SECONDS["DAY"], now)),
        }

    def described(self) -> list[dict[str, Any]]:
        """The limits as ``exchangeInfo`` lists them."""
        return [
            _row("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight),
            _row("ORDERS", "SECOND", 10, self.limits.orders_10s),
            _row("ORDERS", "DAY", 1, self.limits.orders_day),
        ]

    def order_counts(self, account: str, now: int) -> list[dict[str, Any]]:
        """The order limits with their counts, as ``rateLimit/order`` lists them."""
        rows = [row for row in self.described() if row["rateLimitType"] == "ORDERS"]
        return [
            {**row, "count": self._count(account, row["intervalNum"] * _SECONDS[row["interval"]], now)} for row in rows
        ]

    def _order_limits(self) -> tuple[tuple[int, int, str], ...]:
        return ((10, self.limits.orders_10s, "10 SECOND"), (_SECONDS["DAY"], self.limits.orders_day, "1 DAY"))

    def _count(self, account: str, seconds: int, now: int) -> int:
        window, count = self._orders.get((account, seconds), (0, 0))
        return count if window == now // (seconds * 1_000) else 0

    def _add(self, account: str, change: int, now: int) -> None:
        for seconds, _, _ in self._order_limits():
            count = max(0, self._count(account, seconds, now) + change)
            self._orders[(account, seconds)] = (now // (seconds * 1_000), count)


def too_heavy(limit: int, now: int) -> ApiError:
    """The 429 of an address that has used up its weight."""
    message = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
        " Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return ApiError(-1003, message, status=429, headers=_retry_after(_MINUTE_MS - now % _MINUTE_MS))


def banned(until: int, now: int) -> ApiError:
    """The 418 of an address that continued after 429s."""
    message = (
        f"Way too much request weight used; IP banned until {until}."
        " Please use WebSocket Streams for live updates to avoid bans."
    )
    return ApiError(-1003, message, status=418, headers=_retry_after(until - now))


def _retry_after(ms: int) -> Mapping[str, str]:
    return {"Retry-After": str(max(1, -(-ms // 1_000)))}


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}

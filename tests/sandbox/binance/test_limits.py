"""Tests of weight and order limits, with times passed in."""

from __future__ import annotations

import pytest

from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.limits import Limits, Usage

#: The first millisecond of a minute.
MINUTE = 60_000 * 29_000_000


def test_weight_is_counted_by_address_and_minute() -> None:
    """Each address has its own count, and every minute begins at zero."""
    usage = Usage(Limits())
    assert usage.spend("one", 5, MINUTE) == 5
    assert usage.spend("one", 20, MINUTE + 59_999) == 25
    assert usage.used("two", MINUTE) == 0
    assert usage.weight_headers("one", MINUTE)["X-MBX-USED-WEIGHT-1M"] == "25"
    assert usage.spend("one", 1, MINUTE + 60_000) == 1


def test_going_over_is_429_until_the_minute_ends() -> None:
    """With the seconds that are left, and over when they are."""
    usage = Usage(Limits(weight=10))
    usage.spend("one", 10, MINUTE)
    with pytest.raises(ApiError) as error:
        usage.spend("one", 1, MINUTE + 45_500)
    assert (error.value.status, error.value.code, error.value.headers) == (429, -1003, {"Retry-After": "15"})
    usage.spend("one", 1, MINUTE + 60_000)


def test_going_on_is_418() -> None:
    """An address that does not stop is banned, at first for two minutes, over the minute's end."""
    usage = Usage(Limits(weight=10))
    usage.spend("one", 10, MINUTE)
    statuses = []
    for _ in range(12):
        with pytest.raises(ApiError) as error:
            usage.spend("one", 1, MINUTE)
        statuses.append(error.value.status)
    assert statuses == [429] * 10 + [418] * 2
    assert f"banned until {MINUTE + 120_000}" in error.value.message
    with pytest.raises(ApiError) as error:
        usage.spend("one", 1, MINUTE + 119_000)
    assert (error.value.status, error.value.headers["Retry-After"]) == (418, "1")
    usage.spend("one", 1, MINUTE + 120_000)


def test_orders_are_counted_by_account() -> None:
    """In windows of ten seconds and a day; full is -1015 with the time to wait."""
    usage = Usage(Limits(orders_10s=2))
    usage.count_order("alice", MINUTE)
    usage.count_order("alice", MINUTE + 1)
    with pytest.raises(ApiError) as error:
        usage.count_order("alice", MINUTE + 4_000)
    assert error.value.body() == {"code": -1015, "msg": "Too many new orders; current limit is 2 orders per 10 SECOND."}
    assert (error.value.status, error.value.headers) == (429, {"Retry-After": "6"})
    usage.count_order("bob", MINUTE)
    usage.count_order("alice", MINUTE + 10_000)
    assert usage.order_headers("alice", MINUTE + 10_000) == {
        "X-MBX-ORDER-COUNT-10S": "1",
        "X-MBX-ORDER-COUNT-1D": "3",
    }


def test_an_order_that_traded_or_was_refused_is_uncounted() -> None:
    """The count is of unfilled orders, and never below zero."""
    usage = Usage(Limits())
    usage.count_order("alice", MINUTE)
    usage.uncount_order("alice", MINUTE)
    usage.uncount_order("alice", MINUTE)
    assert [row["count"] for row in usage.order_counts("alice", MINUTE)] == [0, 0]

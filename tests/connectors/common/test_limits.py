"""Counts by window, and holds; the headers and codes are the exchanges'."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.limits import AddressLimits, RateLimit, Usage
from app.domain.errors import RateLimited

MINUTE = RateLimit(header="used-1m", window_ms=60_000, limit=100)
TEN_SECONDS = RateLimit(header="used-10s", window_ms=10_000, limit=10)


class Time:
    """The time at the exchange and here, in milliseconds."""

    def __init__(self) -> None:
        self.now = 1_795_000_000_000 // 60_000 * 60_000

    def __call__(self) -> int:
        return self.now


def error(code: int | None) -> ErrorAnswer:
    return ErrorAnswer(status=400, headers={}, body=b"", code=code)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limits(time: Time) -> AddressLimits:
    """The code of an error is the pause it asks for."""
    found = AddressLimits(
        "Somewhere", server_ms=time, monotonic_ms=time, prefix="used-", pause_ms=lambda error, server_ms: error.code
    )
    found.limits = (MINUTE,)
    return found


def test_a_window_is_full_until_it_ends(time: Time) -> None:
    """The wait is the longest of all windows of the kind; a count of an earlier window is over, and no number is no count."""
    usage = Usage("used-", time)
    time.now += 1_000
    usage.note({"used-1m": "100", "used-10s": "10", "other-1m": "500"})
    assert usage.full_for((MINUTE, TEN_SECONDS)) == 59_000
    time.now += 9_000
    assert usage.full_for((TEN_SECONDS,)) == 0
    assert (usage.used_of(TEN_SECONDS), usage.used_of(MINUTE)) == (0, 100)
    usage.note({"used-1m": "many", "used-10s": "\u0661"})
    assert usage.used_of(MINUTE) == 100
    time.now += 50_000
    assert usage.full_for((MINUTE, TEN_SECONDS)) == 0


def test_questions_stop_before_orders(limits: AddressLimits, time: Time) -> None:
    """The last tenth belongs to orders and cancels."""
    limits.note({"used-1m": "90"})
    limits.check(is_question=False)
    with pytest.raises(RateLimited, match="Somewhere wants no request for 60 s; nothing was sent"):
        limits.check(is_question=True)
    assert limits.headroom == pytest.approx(0.1)
    limits.note({"used-1m": "100"})
    with pytest.raises(RateLimited) as raised:
        limits.check(is_question=False)
    assert raised.value.retry_after == timedelta(minutes=1)
    time.now += 60_000
    limits.check(is_question=True)
    assert limits.headroom == 1


def test_a_hold_stops_everything(limits: AddressLimits, time: Time) -> None:
    """Until it is over; a shorter one does not end it, and none is longer than three days."""
    limits.note({}, error(None))
    assert limits.hold is None
    limits.note({}, error(5_000))
    limits.note({}, error(2_000))
    assert (limits.hold, limits.headroom) == (timedelta(seconds=5), 0)
    with pytest.raises(RateLimited) as raised:
        limits.check(is_question=False)
    assert raised.value.retry_after == timedelta(seconds=5)
    time.now += 5_000
    limits.check(is_question=True)
    limits.note({}, error(10**12))
    assert limits.hold == timedelta(days=3)


def test_an_address_without_limits_is_free(time: Time) -> None:
    """Before the exchange has named its limits nothing is held back."""
    limits = AddressLimits("x", server_ms=time, monotonic_ms=time, prefix="used-", pause_ms=lambda *_: None)
    limits.note({"used-1m": "1000000"})
    limits.check(is_question=True)
    assert limits.headroom == 1

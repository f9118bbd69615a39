"""How many candles a stretch of time holds, told before anybody is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.services.markets.candle_pages import CandleRange
from tests.clock import START


@pytest.mark.parametrize(
    ("length", "interval", "count"),
    [
        (timedelta(hours=1), "1m", 61),
        (timedelta(hours=1), "15m", 5),
        (timedelta(minutes=59), "1h", 1),
        (timedelta(days=7), "1d", 8),
        (timedelta(days=7), "1w", 2),
        (timedelta(seconds=3), "1s", 4),
        (timedelta(0), "1m", 1),
        (timedelta(days=400), "1M", None),
        (timedelta(days=400), "hour", None),
        (timedelta(days=400), "0m", None),
    ],
)
def test_count(length: timedelta, interval: str, count: int | None) -> None:
    """At the most one a length, and one for the beginning; an interval without a length that we know has no count."""
    wanted = CandleRange(start_at=START - length, end_at=START)
    assert wanted.count(interval, START) == count


def test_the_future_holds_no_candles() -> None:
    """Only the time until now counts, however late the end."""
    wanted = CandleRange(start_at=START - timedelta(minutes=5), end_at=START + timedelta(days=9000))
    assert wanted.count("1m", START) == 6
    assert CandleRange(start_at=START + timedelta(days=1), end_at=START + timedelta(days=2)).count("1m", START) == 1

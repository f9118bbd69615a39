"""What is kept of the last durations and outcomes."""

from __future__ import annotations

from datetime import timedelta

from app.metrics import Quantiles, Recent
from tests.clock import FakeClock


def test_quantiles_are_of_the_last_durations(clock: FakeClock) -> None:
    """By the nearest rank; what lies far back is forgotten."""
    recent = Recent(clock.now)
    assert recent.quantiles(("a",)) is None
    recent.add(("a",), 5.0)
    assert recent.quantiles(("a",)) == Quantiles(count=1, p50=5.0, p95=5.0, p99=5.0)
    for milliseconds in range(2_000, 0, -1):
        recent.add(("a",), milliseconds / 1000)
    assert recent.quantiles(("a",)) == Quantiles(count=2_000, p50=1.0, p95=1.9, p99=1.98)


def test_outcomes_are_counted_by_minute_for_an_hour(clock: FakeClock) -> None:
    """Minutes in which nothing happened take no room."""
    recent = Recent(clock.now)
    first = clock.now().replace(second=0, microsecond=0)
    for _ in range(61):
        recent.count(("paper", "place", "accepted"))
        recent.count(("paper", "place", "accepted"))
        clock.advance(120)
    assert len(recent.outcomes) == 60
    assert min(recent.outcomes) == first + timedelta(minutes=2)
    assert recent.outcomes[first + timedelta(minutes=2)] == {("paper", "place", "accepted"): 2}

"""The exchange's clock as seen from here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.connectors.common.clock import ServerClock, instant, milliseconds_of
from tests.clock import START, FakeClock


def test_before_the_first_answer_the_local_time_is_used(clock: FakeClock) -> None:
    """It is all there is."""
    assert ServerClock(clock).now() == START


def test_the_time_is_set_half_way_and_runs_on_by_itself(clock: FakeClock) -> None:
    """Half the round trip is for the answer's way; then the monotonic clock carries it on."""
    server = ServerClock(clock)
    asked = server.monotonic_ms()
    clock.advance(2)
    server.set(1_795_000_000_000, asked_ms=asked, answered_ms=server.monotonic_ms())
    assert server.now_ms() == 1_795_000_001_000
    clock.advance(60)
    assert server.now() == instant(1_795_000_001_000) + timedelta(minutes=1)


def test_milliseconds_both_ways() -> None:
    """Exactly, and whole ones on the way out."""
    at = datetime(2026, 11, 18, 11, 6, 40, 123_000, tzinfo=UTC)
    assert instant(milliseconds_of(at)) == at
    assert milliseconds_of(at + timedelta(microseconds=999)) == milliseconds_of(at)

"""Tests of times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from app.sandbox.times import milliseconds, moment


def test_times_are_milliseconds() -> None:
    """Whole ones, and back again exactly."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC)
    assert milliseconds(at) == 1_767_323_045_678
    assert milliseconds(moment(milliseconds(at))) == milliseconds(at)

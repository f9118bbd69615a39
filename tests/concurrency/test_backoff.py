"""Pauses that grow with each failure."""

from __future__ import annotations

import pytest

from app.concurrency.backoff import Backoff, doubling


def test_pauses_grow_and_the_last_repeats() -> None:
    """One pause per attempt, in order."""
    backoff = Backoff((0.5, 1.0, 5.0))
    assert [backoff.next_pause() for _ in range(5)] == [0.5, 1.0, 5.0, 5.0, 5.0]


def test_a_success_begins_with_the_first_pause_again() -> None:
    """Whatever was reached before."""
    backoff = Backoff((1, 2, 4))
    assert [backoff.next_pause() for _ in range(3)] == [1, 2, 4]
    backoff.reset()
    assert [backoff.next_pause() for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(
    ("first", "longest", "pauses"),
    [(1, 60, [1, 2, 4, 8, 16, 32, 60]), (1, 8, [1, 2, 4, 8]), (5, 5, [5])],
)
def test_doubling(first: float, longest: float, pauses: list[float]) -> None:
    """The longest pause is never exceeded."""
    assert list(doubling(first, longest)) == pauses

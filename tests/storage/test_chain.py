"""Checksums of events: the same for both databases, and different for every difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.storage.types import ORIGIN, link

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ROW = (7, AT, "accepted", "a", "c", "BTC-USDT", "o1", 3, "open", "OPEN", Decimal("0E-8"), "{}")


def test_both_databases_have_the_same() -> None:
    """Text on SQLite, values on PostgreSQL, in whatever zone it answers; and a row as read, with its checksum at the end."""
    text = (7, "2026-01-02T03:04:05.000006+00:00", *ROW[2:10], "0.00000000", "{}")
    zoned = (7, AT.astimezone(timezone(timedelta(hours=5))), *ROW[2:])
    assert len({link(ORIGIN, row) for row in (ROW, text, zoned, (*text, b"x"))}) == 1


def test_what_is_stored_stays_readable() -> None:
    """The way to make a checksum is part of what is stored: this one never changes."""
    assert link(ORIGIN, ROW).hex() == "d7ef3b27d411f6a0292fac888e06bdf1"


@pytest.mark.parametrize("index", range(12))
def test_every_column_counts(index: int) -> None:
    """And so does what was before; an empty text is not an absent one."""
    changed = [*ROW]
    changed[index] = {0: 8, 1: AT + timedelta(microseconds=1), 7: 4, 10: Decimal("0E-7")}.get(index, "")
    absent = [*changed]
    absent[index] = None
    assert link(ORIGIN, changed) != link(ORIGIN, ROW)
    if index > 1:
        assert link(ORIGIN, absent) not in {link(ORIGIN, ROW), link(ORIGIN, changed)}
    assert link(b"x" * 16, ROW) != link(ORIGIN, ROW)

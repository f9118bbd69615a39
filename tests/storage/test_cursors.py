"""Page cursors: what goes out comes back, and nothing else gets in."""

from __future__ import annotations

import pytest

from app.domain.errors import InvalidCursor
from app.storage import cursors
from tests.clock import START


def test_a_moment_comes_back() -> None:
    """A cursor by time holds the time to the microsecond and the row."""
    at = START.replace(microsecond=1)
    assert cursors.decode_moment(cursors.encode_moment(at, 42)) == (at, 42)


def test_a_time_comes_back() -> None:
    """A cursor by time alone holds the time to the microsecond."""
    at = START.replace(microsecond=1)
    assert cursors.decode_time(cursors.encode_time(at)) == at


@pytest.mark.parametrize("cursor", ["x", "0:", "2026-01-02T03:04:05", "0001-01-01T00:00:00+00:00", "2026-13-01"])
def test_a_time_that_we_never_gave_is_refused(cursor: str) -> None:
    """A cursor without a zone, out of the calendar, or of another form."""
    with pytest.raises(InvalidCursor):
        cursors.decode_time(cursor)


def test_names_come_back_whatever_is_in_them() -> None:
    """A cursor by names survives separators, signs and letters of all scripts."""
    names = ("a|b", "%41", "ü -")
    assert cursors.decode_names(cursors.encode_names(*names), 3) == names


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "0:",
        "|",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00|1",
        "2026-13-01T00:00:00+00:00|1",
        "0001-01-01T00:00:00+23:00|1",
        "9999-12-31T23:59:59-23:00|1",
        "2026-01-01T00:00:00+00:00|-1",
        "2026-01-01T00:00:00+00:00|٣",
        "2026-01-01T00:00:00+00:00|9999999999999999999",
    ],
)
def test_a_moment_that_we_never_gave_is_refused(cursor: str) -> None:
    """The refusal repeats the cursor."""
    with pytest.raises(InvalidCursor) as caught:
        cursors.decode_moment(cursor)
    assert caught.value.detail == f"Invalid cursor '{cursor}': pass back the next_cursor of a previous page"
    assert caught.value.cursor == cursor


@pytest.mark.parametrize("cursor", ["", "a", "a|b", "a|b|", "a|b|c|d", "a|b|%00", "a|b|\ud800"])
def test_names_that_we_never_gave_are_refused(cursor: str) -> None:
    """A wrong number of names, an empty one, or letters that we would have quoted."""
    with pytest.raises(InvalidCursor):
        cursors.decode_names(cursor, 3)

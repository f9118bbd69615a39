"""Page cursors: where a page ended, as opaque text that callers pass back.

A cursor holds the sort columns of the last row of the page, so rows that come or go in between shift nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote, unquote

from app.domain.errors import InvalidCursor

#: A row number of at most eighteen digits fits the database's integers.
_POSITION = re.compile(r"([^|]+)\|([0-9]{1,18})", re.ASCII)


def encode_moment(at: datetime, number: int) -> str:
    """The cursor of a page sorted by time, after the row ``number`` of time ``at``."""
    return f"{at.isoformat()}|{number}"


def decode_moment(cursor: str) -> tuple[datetime, int]:
    """The time and row number in ``cursor``. Raises ``InvalidCursor``."""
    match = _POSITION.fullmatch(cursor)
    if match is None:
        raise InvalidCursor(cursor)
    return _time(match[1], cursor), int(match[2])


def encode_time(at: datetime) -> str:
    """The cursor of a page with one row per time, after the row of ``at``."""
    return at.isoformat()


def decode_time(cursor: str) -> datetime:
    """The time in ``cursor``. Raises ``InvalidCursor``."""
    return _time(cursor, cursor)


def encode_names(*names: str) -> str:
    """The cursor of a page sorted by names."""
    return "|".join(quote(name, safe="") for name in names)


def decode_names(cursor: str, count: int) -> tuple[str, ...]:
    """The ``count`` names in ``cursor``. Raises ``InvalidCursor``."""
    names = tuple(unquote(name) for name in cursor.split("|"))
    if len(names) != count or not cursor.isascii() or any(not name or "\0" in name for name in names):
        raise InvalidCursor(cursor)
    return names


def _time(text: str, cursor: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidCursor(cursor) from error
    # Far from year 1 and 9999, where a change of zone leaves the calendar.
    if at.tzinfo is None or not 1900 < at.year < 9000:
        raise InvalidCursor(cursor)
    return at

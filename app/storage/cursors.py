"""Page cursors: where a page ended, as text that callers pass back unread.

A cursor names the last row that was shown by the columns the page is sorted by, so that rows that come or go in between shift
nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote, unquote

from app.domain.errors import InvalidCursor

#: A row number of at most eighteen digits fits the database's integers.
_POSITION = re.compile(r"([^|]+)\|([0-9]{1,18})", re.ASCII)


def invalid(cursor: str, path: str) -> InvalidCursor:
    """The refusal of ``cursor`` by the page at ``path``."""
    return InvalidCursor(f"Invalid cursor '{cursor}': pass back the next_cursor of a previous {path} page")


def encode_moment(at: datetime, number: int) -> str:
    """The cursor of a page sorted by time, after the row ``number`` of time ``at``."""
    return f"{at.isoformat()}|{number}"


def decode_moment(cursor: str, path: str) -> tuple[datetime, int]:
    """The time and row number in ``cursor``. Raises ``InvalidCursor``."""
    match = _POSITION.fullmatch(cursor)
    if match is None:
        raise invalid(cursor, path)
    try:
        at = datetime.fromisoformat(match[1])
    except ValueError as error:
        raise invalid(cursor, path) from error
    # Far from year 1 and 9999, where a change of zone leaves the calendar.
    if at.tzinfo is None or not 1900 < at.year < 9000:
        raise invalid(cursor, path)
    return at, int(match[2])


def encode_names(*names: str) -> str:
    """The cursor of a page sorted by names."""
    return "|".join(quote(name, safe="") for name in names)


def decode_names(cursor: str, count: int, path: str) -> tuple[str, ...]:
    """The ``count`` names in ``cursor``. Raises ``InvalidCursor``."""
    names = tuple(unquote(name) for name in cursor.split("|"))
    if len(names) != count or not cursor.isascii() or any(not name or "\0" in name for name in names):
        raise invalid(cursor, path)
    return names

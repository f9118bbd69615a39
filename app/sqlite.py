"""The write-ahead log of a SQLite file, also where several processes open a fresh file at once."""

from __future__ import annotations

import sqlite3
import time

#: Seconds between two tries to switch a file.
_AGAIN = 0.01


def use_write_ahead_log(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch the file of ``connection`` to the write-ahead log, which holds for good, or find it switched.

    A switch needs the file exclusively. SQLite does not wait for that, because two connections that switch at once could wait for
    each other, so the switch is tried again here. Raises ``sqlite3.OperationalError`` where the file is still locked after
    ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return

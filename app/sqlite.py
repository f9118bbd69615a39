"""What every SQLite file of ours needs: the write-ahead log, however many processes open the fresh file at once."""

from __future__ import annotations

import sqlite3
import time

#: Seconds between two tries to switch a file.
_AGAIN = 0.01


def use_write_ahead_log(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch the file of ``connection`` to the write-ahead log, which holds for good, or find it switched.

    Who switches wants the file to himself. SQLite does not wait for that, lest two who switch at once wait for each other, and so
    we do. Raises ``sqlite3.OperationalError`` where the file is still locked after ``seconds``.
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

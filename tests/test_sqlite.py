"""The write-ahead log is switched on, also where somebody else is at the fresh file in that moment."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.sqlite import WatchedFile, use_write_ahead_log


def opened(path: Path) -> sqlite3.Connection:
    """A connection that waits for locks as ours do, and longer."""
    return sqlite3.connect(path, isolation_level=None, timeout=100, check_same_thread=False)


def test_it_waits_for_another_s_write(tmp_path: Path) -> None:
    """A file that another connection is writing is switched as soon as that has ended; SQLite itself gives up at once."""
    path = tmp_path / "fresh.db"
    with closing(opened(path)) as other, closing(opened(path)) as ours:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            ours.execute("PRAGMA journal_mode=WAL")
        assert time.monotonic() - began < 50
        ending = threading.Timer(0.1, other.execute, ("COMMIT",))
        ending.start()
        use_write_ahead_log(ours, 20)
        ending.join()
        assert ours.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_it_gives_up_where_nobody_lets_go(tmp_path: Path) -> None:
    """What stays locked is told with SQLite's own error."""
    path = tmp_path / "fresh.db"
    with closing(opened(path)) as other, closing(opened(path)) as ours:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_write_ahead_log(ours, 0.05)


def test_what_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    """Only a lock is waited for."""
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database" * 100)
    with closing(opened(path)) as ours, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        use_write_ahead_log(ours, 20)


def test_a_file_that_was_taken_away_is_told_without_its_place(tmp_path: Path) -> None:
    """Anybody may ask whether the gateway is ready; the path is in the log."""
    path = tmp_path / "journal.db"
    path.touch()
    file = WatchedFile(path)
    assert file.problem() is None
    path.rename(tmp_path / "away.db")
    with capture_logs() as logged:
        told = [file.problem(), file.problem()]
    assert told[0] == told[1]
    assert told[0] is not None
    assert told[0].startswith("the database's file can't be found any more")
    assert str(tmp_path) not in told[0]
    assert [entry["path"] for entry in logged] == [str(path)]

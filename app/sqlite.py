"""SQLite files: the write-ahead log, also where several processes open a fresh file at once, and files that are taken away."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

#: Seconds between two tries to switch a file.
_AGAIN = 0.01

#: What identifies a file whatever its name: its device and its number there.
_Identity = tuple[int, int]


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


def make_private(path: str | Path) -> None:
    """Let only the owner read and write a database file, made here if there is none, and what SQLite has beside it, whatever the
    process's mask of file modes is. SQLite gives the files that it makes later the mode of this one.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for name in (os.fspath(path), f"{os.fspath(path)}-wal", f"{os.fspath(path)}-shm"):
        restrict(name, 0o600)


def restrict(path: str | Path, mode: int) -> None:
    """Take from the file or directory ``path`` what ``mode`` does not allow, where it is there and ours."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    if found.st_mode & 0o777 & ~mode and found.st_uid == os.geteuid():
        os.chmod(path, found.st_mode & mode)


class WatchedFile:
    """A database file that must stay where it is while it is in use.

    SQLite goes on with a file that was deleted or replaced as if nothing had happened, and all that it writes from then on is lost.
    The write-ahead log is watched as well, once it is known: without it, the file alone is an older journal.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = os.fspath(path)
        self._log_path = f"{self._path}-wal"
        self._file: _Identity | None = None
        self._log: _Identity | None = None
        self._logged: tuple[str, str] | None = None

    def note_log(self) -> None:
        """Remember the write-ahead log as it is now: a connection has just opened it."""
        self._log = _identity(self._log_path)

    def forget_log(self) -> None:
        """The connection that noted the log is closed; the last one to close deletes it."""
        self._log = None

    def problem(self) -> str | None:
        """What has happened to the file since the first look at it, None where all is well. The first look remembers the file. The
        sentence names no path, because it is shown to callers; the log does.
        """
        found = _identity(self._path)
        if self._file is None:
            self._file = found
        elif found != self._file:
            return self._told("the database's file", self._path, found)
        if self._log is not None:
            log = _identity(self._log_path)
            if log != self._log:
                return self._told("the write-ahead log of the database", self._log_path, log)
        return None

    def _told(self, what: str, path: str, found: _Identity | None) -> str:
        fate = "can't be found any more" if found is None else "was replaced by another file"
        # Once for each fate: whoever waits for the file asks again and again.
        if (path, fate) != self._logged:
            self._logged = (path, fate)
            log.error("the database is not where it was", path=path, fate=fate)
        return (
            f"{what} {fate}, so that nothing can be written safely; put it back, or stop the server and restore a copy"
        )


def _identity(path: str) -> _Identity | None:
    try:
        found = os.stat(path)
    except OSError:  # deleted, or in a directory that was deleted or closed to us
        return None
    return found.st_dev, found.st_ino

"""The writing connection on SQLite: one file, one host.

Many rows go in with one statement, because the driver lets other threads run at each step: a group of a hundred orders written
row by row would wait hundreds of times for a busy event loop to let go of the interpreter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import sqlite

from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal.records import Head
from app.journal.rows import Row
from app.journal.statements import Statement
from app.journal.store import COUNT_SAFETY, HEAD_COLUMNS, Store, chunks, flat
from app.sqlite import WatchedFile, use_write_ahead_log
from app.storage.database import BUSY_SECONDS
from app.storage.tables import SEQUENCE
from app.storage.types import SQLITE

T = TypeVar("T")

#: SQLite takes 32,766 values a statement; 64 orders of 26 columns are far below it. Powers of two make few statements of a group,
#: and few texts to keep prepared.
_SIZES = (64, 32, 16, 8, 4, 2, 1)

#: Each statement in each of the sizes, with room to spare.
_PREPARED = 256

#: Pages of the write-ahead log after which it is moved into the database: 32 MB. A commit changes the same few pages as the one
#: before, so rarely moving them saves most of the work.
_CHECKPOINT_PAGES = 8192

#: The commit's failures after which SQLite has surely written nothing: the file is full, read-only or locked, or can't be opened.
_NOT_WRITTEN = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN})


class SqliteStore(Store):
    """One writing connection to a SQLite file."""

    codec = SQLITE
    dialect = sqlite.dialect()

    def __init__(self, path: str, *, is_durable: bool = True) -> None:
        super().__init__()
        self.path = path
        self._file = WatchedFile(path)
        # FULL: a commit that was answered survives a power cut. With NORMAL a power cut may lose the last commits, but never the
        # file, which OFF could leave damaged.
        self._synchronous = "FULL" if is_durable else "NORMAL"
        self._connection: sqlite3.Connection | None = None
        self._head_text = str(select(*HEAD_COLUMNS).compile(dialect=self.dialect))
        values: dict[str, Any] = {each.name: bindparam(each.name) for each in HEAD_COLUMNS[: len(Head._fields)]}
        self._set_head_text = str(update(SEQUENCE).values(values).compile(dialect=self.dialect))
        self._count_safety_text = str(
            COUNT_SAFETY.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        )

    def connect(self) -> None:
        self.close()
        self._connection = _translated(self._open)

    def begin(self) -> Head:
        return _translated(self._begin)

    def find(self, statement: Statement, keys: Sequence[Row]) -> list[Row]:
        def run() -> list[Row]:
            found: list[Row] = []
            for piece in chunks(keys, _SIZES):
                found += self.connection.execute(self._text(statement, len(piece)), flat(piece)).fetchall()
            return found

        return _translated(run)

    def write(self, statement: Statement, rows: Sequence[Row]) -> None:
        def run() -> None:
            for piece in chunks(rows, _SIZES):
                self.connection.execute(self._text(statement, len(piece)), flat(piece))

        _translated(run)

    def set_head(self, head: Head) -> None:
        _translated(lambda: self.connection.execute(self._set_head_text, head))

    def announce_safety(self) -> None:
        _translated(lambda: self.connection.execute(self._count_safety_text))

    def commit(self) -> None:
        try:
            self.connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if _primary_code(error) in _NOT_WRITTEN:
                raise JournalUnavailable(f"The database is not available: {error}") from error
            raise JournalInDoubt(f"The commit failed and may yet have been written: {error}") from error
        problem = self._file.problem()
        if problem is not None:
            raise JournalInDoubt(f"The commit may be lost: {problem}")

    def rollback(self) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The connection is beyond use; closing it rolls back, and the next transaction opens another.
                self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._file.forget_log()
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        self._check_file()
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_PREPARED,
        )
        try:
            use_write_ahead_log(connection, BUSY_SECONDS)
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
            # Any read opens the write-ahead log.
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        except BaseException:
            connection.close()
            raise
        self._file.note_log()
        return connection

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, opened if it is not."""
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _check_file(self) -> None:
        problem = self._file.problem()
        if problem is not None:
            raise JournalUnavailable(f"The database is not available: {problem}")

    def _begin(self) -> Head:
        connection = self.connection
        self._check_file()
        # IMMEDIATE takes the write lock now, so that what is read below can't change before the commit.
        connection.execute("BEGIN IMMEDIATE")
        *head, self.credentials_version, self.safety_version = connection.execute(self._head_text).fetchone()
        return Head(*head)


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte of the extended one."""
    return error.sqlite_errorcode & 0xFF


def _translated(action: Callable[[], T]) -> T:
    try:
        return action()
    except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError):
        raise  # the fault of what was to be written, not of the database
    except sqlite3.DatabaseError as error:
        # Also what is no OperationalError to the driver: a damaged file, or one that is no database.
        raise JournalUnavailable(f"The database is not available: {error}") from error

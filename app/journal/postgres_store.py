"""The writing connection on PostgreSQL, where several processes on several hosts write.

Each transaction begins by locking the one row of ``journal_sequence`` and holds it to the commit. Writers therefore follow one
another, the sequence is the order of the commits, and nothing that was read can change before it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, bindparam, select, update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal.rows import Row
from app.journal.statements import Statement
from app.journal.store import ConnectionLost, Store, chunks, flat
from app.storage.database import BUSY_SECONDS
from app.storage.tables import SEQUENCE
from app.storage.types import POSTGRES

#: Where a commit is announced; the payload is the last sequence number.
CHANNEL = "ordergate_journal"

#: Keys looked up with one statement. psycopg keeps the parsed text of statements of up to fifty values.
_SIZES = (12, 4, 1)

#: Settings of the writing session. A writer that stands still inside a transaction would hold all others up; the server ends it.
#: A server set to answer commits before they are on disk is overruled; stricter settings stay.
_SESSION = (
    f"SET lock_timeout = '{BUSY_SECONDS}s'",
    f"SET idle_in_transaction_session_timeout = '{BUSY_SECONDS}s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)

#: For those who would rather lose the last orders' records than wait for the disk.
_RELAXED_SESSION = (*_SESSION, "SET synchronous_commit = 'off'")

#: SQLSTATE classes that speak of the server's condition, not of the rows: rolled back by a conflict, out of resources, operator
#: intervention, system error.
_CONDITION = ("40", "53", "57", "58")
_CONDITION_CODES = frozenset({"25006", "55P03"})  # a read-only server; a lock not had in time


class PostgresStore(Store):
    """One writing connection to a PostgreSQL server."""

    codec = POSTGRES
    dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]

    def __init__(self, url: URL, *, is_durable: bool = True) -> None:
        super().__init__()
        self._session = _SESSION if is_durable else _RELAXED_SESSION
        self._arguments = connect_arguments(url)
        self._connection: psycopg.Connection[Any] | None = None
        self._lock_text = self._compile(select(SEQUENCE.c.value).with_for_update())
        self._set_head_text = self._compile(update(SEQUENCE).values(value=bindparam("value")))

    def connect(self) -> None:
        self.close()
        try:
            self._connection = psycopg.connect(**self._arguments)
            # What is read after the lock must be what is committed by then, whatever the server's default.
            self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            for statement in self._session:
                self._connection.execute(statement.encode())
            self._connection.commit()
        except psycopg.OperationalError as error:
            self.close()
            raise JournalUnavailable(f"The database is not available: {error}") from error
        except BaseException:
            self.close()
            raise

    def begin(self) -> int:
        if self._connection is None:
            self.connect()
        with self._translated() as connection:
            row = connection.execute(self._lock_text.encode()).fetchone()
            assert row is not None
            head: int = row[0]
            return head

    def find(self, statement: Statement, keys: Sequence[Row]) -> list[Row]:
        found: list[Row] = []
        with self._translated() as connection:
            for piece in chunks(keys, _SIZES):
                found += connection.execute(self._text(statement, len(piece)).encode(), flat(piece)).fetchall()
        return found

    def write(self, statement: Statement, rows: Sequence[Row]) -> None:
        # executemany sends all rows in one go (libpq's pipeline) and waits once.
        with self._translated() as connection, connection.cursor() as cursor:
            cursor.executemany(self._text(statement, 1).encode(), rows)

    def set_head(self, head: int) -> None:
        with self._translated() as connection:
            connection.execute(self._set_head_text.encode(), (head,))
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(head)))

    def commit(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            connection.commit()
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self.close()
                raise JournalInDoubt("The connection to the database broke during the commit") from error
            raise JournalUnavailable(f"The database refused the commit: {error}") from error

    def rollback(self) -> None:
        if self._connection is not None:
            try:
                self._connection.rollback()
            except psycopg.Error:
                # The connection is beyond use; the server rolls back by itself, and the next transaction connects afresh.
                self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _translated(self) -> Iterator[psycopg.Connection[Any]]:
        connection = self._connection
        assert connection is not None
        try:
            yield connection
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self.close()
                raise ConnectionLost(str(error)) from error
            if _is_condition(error):
                raise JournalUnavailable(f"The database is not available: {error}") from error
            raise

    def _compile(self, statement: Any) -> str:
        return str(statement.compile(dialect=self.dialect))


def connect_arguments(url: URL) -> dict[str, Any]:
    """The driver's own arguments for ``url``."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return dict(arguments)


def _is_condition(error: psycopg.Error) -> bool:
    """Whether the server's condition is at fault, so that trying the rows one by one would not help."""
    code = error.sqlstate or ""
    return code.startswith(_CONDITION) or code in _CONDITION_CODES

"""The writing connection on PostgreSQL, where several processes on several hosts write.

Each transaction begins by locking the one row of ``journal_sequence`` and holds it to the commit. Writers therefore follow one
another, the sequence is the order of the commits, and nothing that was read can change before it is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, bindparam, select, update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal.records import Head
from app.journal.rows import Row
from app.journal.statements import Statement
from app.journal.store import COUNT_SAFETY, HEAD_COLUMNS, ConnectionLost, Store, chunks, flat
from app.storage.postgres import BoundedConnection, ServerSilent, connect_arguments, is_useless
from app.storage.tables import SEQUENCE
from app.storage.types import POSTGRES

#: Where a commit is announced; the payload is the last sequence number.
CHANNEL = "ordergate_journal"
#: Where it is announced that halts or limits have changed.
SAFETY_CHANNEL = "ordergate_safety"

#: Keys looked up with one statement. psycopg keeps the parsed text of statements of up to fifty values.
_SIZES = (12, 4, 1)

#: Seconds for which another process's transaction is waited for: groups commit in milliseconds.
_LOCK_SECONDS = 3

#: Seconds that one transaction may take, from its beginning to the answer to its commit. The server ends one that stands still for
#: as long, since it would block all other writers.
_TRANSACTION_SECONDS = 5

#: Settings of the writing session.
#: If the server is set to answer commits before they are on disk, the session overrules it; stricter settings stay.
_SESSION = (
    f"SET lock_timeout = '{_LOCK_SECONDS}s'",
    f"SET statement_timeout = '{_TRANSACTION_SECONDS}s'",
    f"SET idle_in_transaction_session_timeout = '{_TRANSACTION_SECONDS}s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)

#: Without a wait for the disk: a crash of the server may lose the records of the last orders.
_RELAXED_SESSION = (*_SESSION, "SET synchronous_commit = 'off'")

#: SQLSTATE classes that speak of the server's condition, not of the rows: rolled back by a conflict, out of resources, operator
#: intervention, system error.
_CONDITION = ("40", "53", "57", "58")
_LOCK_NOT_HAD = "55P03"


class PostgresStore(Store):
    """One writing connection to a PostgreSQL server."""

    codec = POSTGRES
    dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]

    def __init__(self, url: URL, *, is_durable: bool = True) -> None:
        super().__init__()
        self._session = _SESSION if is_durable else _RELAXED_SESSION
        self._arguments = connect_arguments(url)
        self._connection: BoundedConnection | None = None
        self._lock_text = self._compile(select(*HEAD_COLUMNS).with_for_update())
        values: dict[str, Any] = {each.name: bindparam(each.name) for each in HEAD_COLUMNS[: len(Head._fields)]}
        self._set_head_text = self._compile(update(SEQUENCE).values(values))
        self._count_safety_text = str(
            COUNT_SAFETY.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        )

    def connect(self) -> None:
        self.close()
        try:
            self._connection = BoundedConnection.connect(**self._arguments)
            self._connection.until = time.monotonic() + _TRANSACTION_SECONDS
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

    def begin(self) -> Head:
        if self._connection is None:
            self.connect()
        with self._translated() as connection:
            connection.until = time.monotonic() + _TRANSACTION_SECONDS
            row = connection.execute(self._lock_text.encode()).fetchone()
            assert row is not None
            *head, self.credentials_version, self.safety_version = row
            return Head(*head)

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

    def set_head(self, head: Head) -> None:
        with self._translated() as connection:
            connection.execute(self._set_head_text.encode(), head)
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(head.seq)))

    def announce_safety(self) -> None:
        with self._translated() as connection:
            connection.execute(self._count_safety_text.encode())
            connection.execute("SELECT pg_notify(%s, '')", (SAFETY_CHANNEL,))

    def commit(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            connection.commit()
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self.close()
                raise JournalInDoubt("The connection to the database broke during the commit") from error
            self.close()
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
    def _translated(self) -> Iterator[BoundedConnection]:
        connection = self._connection
        assert connection is not None
        try:
            yield connection
        except ServerSilent as error:
            self.close()
            raise JournalUnavailable(f"The database is not available: {error}") from error
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                self.close()
                raise ConnectionLost(str(error)) from error
            if _is_condition(error):
                # Connected afresh, the next transaction may reach a server that takes it: after a fail-over, another one.
                self.close()
                raise JournalUnavailable(f"The database is not available: {error}") from error
            raise

    def _compile(self, statement: Any) -> str:
        return str(statement.compile(dialect=self.dialect))


def _is_condition(error: psycopg.Error) -> bool:
    """Whether the server's condition is at fault, so that trying the rows one by one would not help."""
    code = error.sqlstate or ""
    return code.startswith(_CONDITION) or code == _LOCK_NOT_HAD or is_useless(error)

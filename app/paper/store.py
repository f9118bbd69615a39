"""The exchange's durable store: one transaction per operation, under a lock that all processes share.

SQLite locks the file (BEGIN IMMEDIATE), PostgreSQL the one row of ``…_exchange`` (SELECT ... FOR UPDATE). Inside the lock the
row's version tells whether memory is up to date. A commit is on disk before it returns (WAL with full sync, PostgreSQL's
default). The store has no rules of trading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from app.paper.refusals import PaperUnavailable
from app.paper.tables import SPOT, Tables
from app.paper.transaction import Transaction
from app.sqlite import use_write_ahead_log

#: How long to wait for other processes' transactions, which take about a millisecond each, before raising ``PaperUnavailable``.
BUSY_TIMEOUT_SECONDS = 5

#: Names the creation of the tables among PostgreSQL's advisory locks: "paper" in ASCII.
_SCHEMA_LOCK = 0x7061706572


class WrongSchema(Exception):
    """The store was created by another version of the program."""


class PaperStore:
    """One exchange's ``tables`` in one database, used by one thread of this process at a time and by any number of processes."""

    def __init__(
        self,
        url: str,
        *,
        tables: Tables = SPOT,
        transaction: type[Transaction] = Transaction,
        is_durable: bool = True,
    ) -> None:
        self._tables = tables
        self._transaction = transaction
        self._engine = _sqlite_engine(url, is_durable=is_durable) if url.startswith("sqlite") else _postgres_engine(url)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        try:
            self._create()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Hold the exchange's lock for a block, which is committed, or rolled back if it raises.

        Raises ``PaperUnavailable`` if the lock is not available, which proves that nothing was changed.
        """
        try:
            connection = self._engine.connect()
        except DBAPIError as fault:
            raise PaperUnavailable("the paper exchange's store is not available") from fault
        with connection:
            try:
                transaction = self._begin(connection)
            except DBAPIError as fault:
                raise PaperUnavailable("the paper exchange's store is locked") from fault
            yield transaction
            if transaction.has_written:
                connection.commit()

    def last_seq(self) -> int:
        """The newest event's number, without taking the lock."""
        with self._engine.connect() as connection:
            seq: int = connection.execute(select(self._tables.exchange.c.seq)).scalar_one()
            return seq

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._engine.dispose()

    def _begin(self, connection: Connection) -> Transaction:
        if self._is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            insert: Any = sqlite.insert
            row = connection.execute(select(self._tables.exchange)).one()
        else:
            insert = postgresql.insert
            row = connection.execute(select(self._tables.exchange).with_for_update()).one()
        return self._transaction(connection, insert, self._tables, row)

    def _create(self) -> None:
        tables = self._tables
        with self._engine.connect() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})
            tables.metadata.create_all(connection)
            found: Sequence[Any] = connection.execute(select(tables.exchange.c.schema_version)).all()
            if not found:
                connection.execute(tables.exchange.insert().values(schema_version=tables.schema_version, **_FIRST_ROW))
            elif found[0][0] != tables.schema_version:
                raise WrongSchema(f"the paper exchange's store has schema {found[0][0]}, not {tables.schema_version}")
            connection.commit()


_FIRST_ROW = {
    "id": 1,
    "version": 1,
    "tick": 0,
    "taken": "[]",
    "order_id": 0,
    "fill_id": 0,
    "seq": 0,
}


def _sqlite_engine(url: str, *, is_durable: bool) -> Engine:
    """An engine that leaves BEGIN to the store: the driver's own would take the lock too late."""
    engine = create_engine(
        make_url(url),
        poolclass=QueuePool,
        pool_size=2,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        use_write_ahead_log(connection, BUSY_TIMEOUT_SECONDS)
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")

    return engine


def _postgres_engine(url: str) -> Engine:
    options = f"-c lock_timeout={BUSY_TIMEOUT_SECONDS}s"
    return create_engine(make_url(url), pool_size=2, connect_args={"options": options})

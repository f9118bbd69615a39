"""The database behind the journal: its engine, how its connections are set up, and reading from it.

Building a ``Database`` does no I/O. Reads are synchronous and may come from any thread; a coroutine uses ``asyncio.to_thread``.
Operational trouble of the database becomes ``JournalUnavailable`` here, so that callers know one error.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, Row, Select, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domain.errors import JournalUnavailable
from app.settings import sqlalchemy_url
from app.sqlite import WatchedFile, make_private, use_write_ahead_log
from app.storage.types import Codec, codec_of

#: How long to wait for another connection's write. A group commits in milliseconds; a back-up or a copy may take seconds.
BUSY_SECONDS = 10

#: Connections of the reading pool, and how many more there may be in a rush: one for each thread that reads, those of Flask, of the
#: event loop, and of the orders, which must not wait for a connection behind the others.
POOL_SIZE = 10
IN_A_RUSH = 20

#: Seconds for which a reader waits for a connection of the pool.
_POOL_SECONDS = 5

_NO_VALUES: Mapping[str, Any] = MappingProxyType({})

_SQLITE_PRAGMAS = (
    # FULL: a commit that was answered survives a power cut. NORMAL would lose the last ones.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
)


class Database:
    """One database by its URL. Unless it ``is_bounded``, PostgreSQL may take its time for an answer, as a migration needs it."""

    def __init__(self, database_url: str, *, is_bounded: bool = True) -> None:
        self.url = make_url(sqlalchemy_url(database_url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.codec: Codec = codec_of(self.url.get_backend_name())
        if self.is_sqlite and not self.url.database:
            raise ValueError("the journal needs a SQLite file; memory is not shared between connections")
        self._file = WatchedFile(self.url.database or "") if self.is_sqlite else None
        engine = self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url, is_bounded)
        #: Single statements need no transaction around them on PostgreSQL: it saves two round trips.
        self._single = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        #: Several statements that must see the same moment.
        self._snapshot = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        #: On SQLite the write lock comes first: taken later, after a read, it would be refused instead of waited for.
        self._changing = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE") if self.is_sqlite else engine
        self._lock = Lock()
        #: How many connections are out of the pool, on whichever threads.
        self._in_use = 0
        self._is_disposed = False

    def prepare_directory(self) -> None:
        """Make a SQLite file and its directory, open to the owner only."""
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(self.url.database)

    def rows(self, query: Select[Any], values: Mapping[str, Any] = _NO_VALUES) -> Sequence[Row[Any]]:
        """All rows of one query, whose parameters have ``values``."""
        with self._connected(self._single) as connection:
            return connection.execute(query, values).all()

    def driver_rows(self, text: str, values: Sequence[Any]) -> list[Any]:
        """The driver's own rows of one query in SQLite's words, for what is asked so often that SQLAlchemy's work would be felt."""
        with self._in_use_and_translated(), closing(self.engine.raw_connection()) as connection:
            driver: sqlite3.Connection = connection.driver_connection  # type: ignore[assignment]
            return driver.execute(text, values).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection whose queries all see the same moment."""
        with self._connected(self._snapshot) as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction for what is not the journal (accounts, leases): committed at the end."""
        with self._connected(self._changing) as connection:
            if not self.is_sqlite:
                self._leave_read_only(connection)
            with connection.begin():
                yield connection

    def dispose(self) -> None:
        """Close the pool's connections, those that are in use as soon as they come back. Whoever comes later leaves none open."""
        with self._lock:
            self._is_disposed = True
            self._close_if_disposed()

    def _leave_read_only(self, connection: Connection) -> None:
        """Exchange what readers opened while the server was read-only for what may reach the server that takes writes."""
        # As many as lie in the pool may be of that time; the one after them is new.
        for _ in range(1 + self.engine.pool.checkedin()):  # type: ignore[attr-defined]
            if not _is_read_only(connection):
                return
            connection.invalidate()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        with self._in_use_and_translated(), engine.connect() as connection:
            yield connection

    @contextmanager
    def _in_use_and_translated(self) -> Iterator[None]:
        """Whatever is done with one connection of the pool: it is counted, and its trouble is named."""
        problem = None if self._file is None else self._file.problem()
        if problem is not None:
            raise JournalUnavailable(f"The database is not available: {problem}")
        with self._lock:
            self._in_use += 1
        try:
            with _translated():
                yield
        finally:
            with self._lock:
                self._in_use -= 1
                self._close_if_disposed()

    def _close_if_disposed(self) -> None:
        # An engine forgets what is in use when it is disposed of, and nobody would close that any more. It often is: a thread whose
        # caller was cancelled reads on. So the last one out does it.
        if self._is_disposed and not self._in_use:
            self.engine.dispose()


def _is_read_only(connection: Connection) -> bool:
    # Imported only here: psycopg takes nine megabytes, which a process on SQLite has no use for.
    from app.storage.postgres import is_read_only

    return is_read_only(connection.connection.driver_connection)  # type: ignore[arg-type]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InternalError, PoolTimeout, sqlite3.OperationalError) as error:
        raise JournalUnavailable(f"The database is not available: {_reason(error)}") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if not _is_damage(error):
            raise
        raise JournalUnavailable(f"The database is not available: {_reason(error)}") from error


def _is_damage(error: DatabaseError | sqlite3.DatabaseError) -> bool:
    """Whether SQLite found the file damaged, or no database at all. The driver has no class of its own for that."""
    cause = error.orig if isinstance(error, DatabaseError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _reason(error: Exception) -> str:
    """The driver's words without SQLAlchemy's, which quote the statement and its values."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=IN_A_RUSH,
        pool_timeout=_POOL_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # The driver's own transactions begin too late to give a snapshot; the "begin" below replaces them.
        connection.isolation_level = None
        use_write_ahead_log(connection, BUSY_SECONDS)
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)
        # Only the writer's connection checkpoints: a reader must not pay for it, and two must not do it at once.
        connection.execute("PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine


def _postgres_engine(url: URL, is_bounded: bool) -> Engine:
    # Imported only here: psycopg takes nine megabytes, which a process on SQLite has no use for.
    from app.storage.postgres import BoundedConnection, connect_arguments, is_useless

    def connect() -> Any:
        connection = BoundedConnection.connect(**connect_arguments(url))
        if not is_bounded:
            connection.answer_seconds = math.inf
        return connection

    # pre_ping: a server that was restarted must not fail the first reader of each connection.
    engine = create_engine(
        url,
        creator=connect,
        pool_size=POOL_SIZE,
        max_overflow=IN_A_RUSH,
        pool_timeout=_POOL_SECONDS,
        pool_pre_ping=True,
    )

    @event.listens_for(engine, "handle_error")
    def drop_useless_connections(context: ExceptionContext) -> None:
        if is_useless(context.original_exception):
            context.is_disconnect = True

    return engine

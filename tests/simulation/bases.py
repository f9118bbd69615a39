"""The database of one world: a SQLite file, or one of a real PostgreSQL server, and how to look at it past the gateway."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import make_url

from tests.postgres import PostgresServer


class Look(Protocol):
    """A connection of nobody's, which sees what is committed."""

    def rows(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of one query; its values are question marks."""

    def close(self) -> None:
        """Let go of the connection."""


class Base(Protocol):
    """A database and where its processes have their files."""

    url: str
    directory: Path

    def look(self) -> Look:
        """A look past the gateway."""


class SqliteBase:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.directory = path.parent
        self._path = path

    def look(self) -> Look:
        return _SqliteLook(sqlite3.connect(self._path, isolation_level=None))


class PostgresBase:
    """A database of a server. Its times and waits are the machine's: it is asked for nothing while a transaction is open, so they
    decide nothing.
    """

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory

    def look(self) -> Look:
        return _PostgresLook(self.url)


class _SqliteLook:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(text, values).fetchall()

    def close(self) -> None:
        self._connection.close()


class _PostgresLook:
    def __init__(self, url: str) -> None:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(plain, autocommit=True)

    def rows(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(text.replace("?", "%s").encode(), values).fetchall()

    def close(self) -> None:
        self._connection.close()


class Databases:
    """Fresh, migrated databases of one PostgreSQL server for worlds: copies of a template for each connector."""

    def __init__(
        self, server: PostgresServer, connector_names: Iterable[str], prepare: Callable[[str, str], None]
    ) -> None:
        self._server = server
        for connector_name in connector_names:
            name = _template(connector_name)
            server.execute(f"CREATE DATABASE {name}")
            prepare(server.url(name), connector_name)

    @contextmanager
    def database(self, connector_name: str) -> Iterator[str]:
        """The URL of a fresh database, which is dropped in the end."""
        name = f"world_{os.getpid()}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {_template(connector_name)}")
        try:
            yield self._server.url(name)
        finally:
            # Connections of simulated processes that are dead are still open at the server.
            self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _template(connector_name: str) -> str:
    return f"simulated_{connector_name}"

"""The connections of the pool: none stays open behind whoever closes the database."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, select

from app.storage.database import Database
from app.storage.tables import SEQUENCE

HEAD = select(SEQUENCE.c.value)


@pytest.fixture
def database(database_url: str) -> Database:
    """A database that nobody has connected to yet."""
    return Database(database_url)


def connections_of(database: Database) -> list[Any]:
    """The driver's own connections, each as the pool makes it."""
    made: list[Any] = []
    event.listen(database.engine, "connect", lambda connection, _: made.append(connection))
    return made


def assert_closed(connection: Any) -> None:
    """The driver says so itself."""
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        connection.cursor()


async def test_a_reader_whose_caller_was_cancelled_closes_its_connection(database: Database) -> None:
    """The thread can't be stopped, and brings its connection back when the database has been closed."""
    made = connections_of(database)
    reads, may_end = threading.Event(), threading.Event()

    def read() -> None:
        with database.snapshot() as connection:
            reads.set()
            may_end.wait()
            assert connection.execute(HEAD).scalar() == 0

    caller = asyncio.create_task(asyncio.to_thread(read))
    await asyncio.to_thread(reads.wait)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.to_thread(database.dispose)
    may_end.set()
    await asyncio.get_running_loop().shutdown_default_executor()

    (connection,) = made
    assert_closed(connection)


def test_the_last_one_in_a_closed_database_closes_all_connections(database: Database) -> None:
    """Whoever is before the last works on undisturbed."""
    made = connections_of(database)
    with database.snapshot() as first:
        with database.change() as second:
            database.dispose()
            assert second.execute(HEAD).scalar() == 0
        assert first.execute(HEAD).scalar() == 0
    assert len(made) == 2
    for connection in made:
        assert_closed(connection)


def test_who_comes_after_the_close_leaves_no_connection(database: Database) -> None:
    """A thread may have been about to read; nobody closes the database a second time for it."""
    made = connections_of(database)
    database.dispose()
    assert database.rows(HEAD)[0][0] == 0
    (connection,) = made
    assert_closed(connection)

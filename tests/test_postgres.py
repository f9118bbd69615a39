"""The databases that tests get: as good as new, whatever the test before did."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url

from tests.postgres import PostgresServer

pytestmark = pytest.mark.postgres


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def _contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table."""
    with _connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: connection.execute(f'SELECT * FROM "{name}"'.encode()).fetchall() for (name,) in tables}


def test_a_used_database_comes_back_empty(postgres_server: PostgresServer) -> None:
    """Rows go, also those that may never be deleted; what the migrations wrote is there as they wrote it; numbers begin again."""
    url = postgres_server.create()
    fresh = _contents(url)
    assert fresh["alembic_version"]
    with _connect(url) as connection:
        connection.execute("INSERT INTO users (username, password_hash) VALUES ('ann', 'x')")
        connection.execute("UPDATE journal_sequence SET value = 7")
        connection.execute("DELETE FROM alembic_version")
        for (sequence,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
            connection.execute(f"SELECT nextval('{sequence}'), nextval('{sequence}')".encode())
    postgres_server.drop(url)

    assert postgres_server.create() == url
    assert _contents(url) == fresh
    with _connect(url) as connection:
        for (sequence,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
            assert connection.execute(f"SELECT nextval('{sequence}')".encode()).fetchone() == (1,)
    postgres_server.drop(url)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE other (id int)",
        "DROP INDEX uq_orders_idempotency_key",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "ALTER TABLE users DROP CONSTRAINT pk_users",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "ALTER DATABASE {name} SET default_transaction_read_only = on",
        "REVOKE INSERT ON orders FROM CURRENT_USER",
    ],
)
def test_a_database_of_another_shape_does_not_come_back(postgres_server: PostgresServer, change: str) -> None:
    """What is not a row is not undone: the database is dropped."""
    url = postgres_server.create()
    name = make_url(url).database
    with _connect(url) as connection:
        connection.execute(change.format(name=name).encode())
    postgres_server.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        _connect(url)


def test_a_database_that_is_still_used_does_not_come_back(postgres_server: PostgresServer) -> None:
    """A connection that stays open is a leak of the test or of the product: the server then refuses to drop the database."""
    url = postgres_server.create()
    with _connect(url):
        assert not postgres_server._restore(url)
    postgres_server.drop(url)

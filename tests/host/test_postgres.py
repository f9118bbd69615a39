"""What happens to PostgreSQL under a running gateway: killed, stopped, read-only, out of connections, its sequence row held.

Each time: every call is answered within bounds, nothing that was answered is lost, nothing is sent late, and the same process
serves again once the database does.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.host.hosts import FAULT_SECONDS, Host
from tests.postgres import PostgresServer, running_server

pytestmark = pytest.mark.postgres

_ROLE = "gateway"
#: Longer than a unit waits to be written, so that the gateway must have given it up.
_HELD_SECONDS = 5.5


class Database:
    """The gateway's database, as its administrator sees it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        url = make_url(server.create())
        self._name = url.database
        # Not the superuser: limits do not hold for that one.
        server.execute(f"CREATE ROLE {_ROLE} LOGIN")
        self.do(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {_ROLE}")
        self.do(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {_ROLE}")
        self.do(f"GRANT ALL ON SCHEMA public TO {_ROLE}")
        self.url = url.set(username=_ROLE).render_as_string(hide_password=False)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url(str(self._name)).replace("+psycopg", ""), autocommit=True)

    def do(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of a statement."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def backends(self) -> list[int]:
        """The processes that serve the gateway."""
        return [int(str(row[0])) for row in self.do(f"SELECT pid FROM pg_stat_activity WHERE usename = '{_ROLE}'")]

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within it nothing of the server that concerns the gateway moves, and nobody new gets in."""
        stopped: list[int] = []
        with self.connect() as connection:
            pid = connection.info.backend_pid
            stopped.append(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
            try:
                os.kill(stopped[0], signal.SIGSTOP)
                rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", (_ROLE,)).fetchall()
                for (backend,) in rows:
                    os.kill(backend, signal.SIGSTOP)
                    stopped.append(backend)
                yield
            finally:
                for each in stopped:
                    os.kill(each, signal.SIGCONT)

    def drop_connections(self) -> None:
        self.do(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{_ROLE}'")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """On a server of its own, because these tests kill it."""
    with running_server() as server:
        yield Database(server)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("host"), database.url)
    yield host
    host.close()


def test_killed(host: Host, database: Database) -> None:
    """One of its processes is killed, upon which the server drops every connection and recovers."""
    host.place_at_last()
    os.kill(database.backends()[0], signal.SIGKILL)
    assert host.place().status is not None
    host.place_at_last()
    host.wait_until_ready()
    host.check()


def test_read_only(host: Host, database: Database) -> None:
    """As after a fail-over to a standby: refused, and served when it may be written again."""
    host.place_at_last()
    refused = host.order()
    database.do(f"ALTER ROLE {_ROLE} SET default_transaction_read_only = on")
    database.drop_connections()
    try:
        # A connection that broke in the moment is no refusal yet.
        answers = [host.place(refused).status for _ in range(3)]
        assert answers[-1] == 503
        host.place_for(FAULT_SECONDS)
    finally:
        database.do(f"ALTER ROLE {_ROLE} RESET default_transaction_read_only")
    assert host.place_at_last(refused).status in (200, 201)
    host.wait_until_ready()
    host.check()


def test_out_of_connections(host: Host, database: Database) -> None:
    """The server takes none of ours, and dropped those that we had."""
    host.place_at_last()
    refused = host.order()
    database.do(f"ALTER ROLE {_ROLE} CONNECTION LIMIT 0")
    database.drop_connections()
    try:
        assert host.place(refused).status == 503
        host.place_for(FAULT_SECONDS)
    finally:
        database.do(f"ALTER ROLE {_ROLE} CONNECTION LIMIT -1")
    assert host.place_at_last(refused).status in (200, 201)
    host.wait_until_ready()
    host.check()


def test_stopped(host: Host, database: Database) -> None:
    """Its processes stand still for longer than an order may take to be written down."""
    host.place_at_last()
    with database.stopped():
        began = time.monotonic()
        assert host.place().status in (202, 503)
        time.sleep(max(0.0, _HELD_SECONDS - (time.monotonic() - began)))
        host.place_for(FAULT_SECONDS)
    host.place_at_last()
    host.wait_until_ready()
    host.check()


def test_its_sequence_row_is_held(host: Host, database: Database) -> None:
    """By a session that some administrator has forgotten: the order is refused within bounds, and never written or sent."""
    host.place_at_last()
    refused = host.order()
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT value FROM journal_sequence FOR UPDATE")
        assert host.place(refused).status == 503
        host.place_for(FAULT_SECONDS)
    assert host.place_at_last(refused).status in (200, 201)
    host.wait_until_ready()
    host.check()

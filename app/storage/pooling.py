"""Finds a pooler in transaction mode between us and PostgreSQL, such as PgBouncer, which may give each transaction another session.

The journal's writer keeps its time limits and its durability as settings of its session, the driver keeps prepared statements
there, and announcements are heard by a session. Lent out by the transaction, sessions would lose all that, and bring it upon
others. A pooler that lends a session for as long as a connection lives does no harm.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import psycopg
from sqlalchemy import URL

from app.domain.errors import JournalUnavailable, PoolerFound
from app.storage.postgres import BoundedConnection, connect_arguments

#: Connections that are held in a transaction, one after the other, to see whether the first one's session is given away.
_ROUNDS = 2


def refuse_transaction_pooler(url: URL) -> None:
    """Raise ``PoolerFound`` if two connections are given one session, or one connection two.

    Raises ``JournalUnavailable`` without a server.
    """
    try:
        with ExitStack() as connections:

            def connect(*, autocommit: bool) -> psycopg.Connection[Any]:
                connection = BoundedConnection.connect(
                    **connect_arguments(url), autocommit=autocommit, prepare_threshold=None
                )
                return connections.enter_context(connection)

            ours = connect(autocommit=True)
            session = _session(ours)
            if session == ours.info.backend_pid:
                return  # the server itself answered when we connected; a pooler has a number of its own for us
            for _ in range(_ROUNDS):
                if _session(connect(autocommit=False)) == session or _session(ours) != session:
                    raise PoolerFound
    except psycopg.OperationalError as error:
        raise JournalUnavailable(f"The database is not available: {error}") from error


def _session(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])

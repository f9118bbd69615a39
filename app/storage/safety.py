"""Changing what guards read: users, keys, halts and limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, update

from app.domain.audit import AuditRecord
from app.storage.audit import append
from app.storage.database import Database
from app.storage.tables import SEQUENCE


@contextmanager
def changing(database: Database, record: AuditRecord | None = None) -> Iterator[tuple[Connection, int]]:
    """A transaction in the order of the journal's, with the number of the last event before it. ``record`` is appended to the audit
    log at its end.

    It holds the lock that every transaction of the journal takes, and counts ``safety_version`` up. So an intent with a greater
    number sees what this changes, in whichever process; one with a number up to it was committed before.
    """
    count_up = update(SEQUENCE).values(safety_version=SEQUENCE.c.safety_version + 1)
    with database.change() as connection:
        head: int = connection.execute(count_up.returning(SEQUENCE.c.value)).scalar_one()
        yield connection, head
        if record is not None:
            append(connection, record)

"""Changing, for somebody who asks, what stands beside the journal and is in the order of its transactions: users, accounts,
credentials, preferences. Whether who asks still holds is looked at in the transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, select, update

from app.domain.audit import AuditRecord
from app.domain.caller import Caller, Standing
from app.storage.audit import append
from app.storage.database import Database
from app.storage.key_rows import key_of
from app.storage.tables import API_KEYS, ENDED_SESSIONS, SEQUENCE, USERS


@contextmanager
def changing(database: Database, record: AuditRecord | None = None) -> Iterator[tuple[Connection, int]]:
    """A transaction in the order of the journal's, with the number of the last event before it. ``record`` is appended to the audit
    log at its end. Raises as ``check_asker`` does.

    It holds the lock that every transaction of the journal takes, and counts ``safety_version`` up. So an intent with a greater
    number sees what this changes, in whichever process; one with a number up to it was committed before.
    """
    count_up = update(SEQUENCE).values(safety_version=SEQUENCE.c.safety_version + 1)
    with database.change() as connection:
        head: int = connection.execute(count_up.returning(SEQUENCE.c.value)).scalar_one()
        check_asker(connection, record)
        yield connection, head
        if record is not None:
            append(connection, record)


def check_asker(connection: Connection, record: AuditRecord | None, now: datetime | None = None) -> None:
    """Raise ``KeyRevoked`` or ``CallerChanged`` unless who asks for what ``record`` is of still is what it was, at ``now`` or else
    at the time of the record.

    Locks the sequence, in whose order all changes of users and keys are: until the commit nobody can change them. It comes first in
    a transaction: taken in another order, two could wait for each other.
    """
    if record is None or record.caller is None:
        return
    connection.execute(select(SEQUENCE.c.value).with_for_update())
    moment = now or record.at
    caller = record.caller
    has_signed_out = caller.session_id is not None and is_ended(connection, caller.session_id)
    objection = caller.objection(_standing(connection, caller, moment), moment, has_signed_out=has_signed_out)
    if objection is not None:
        raise objection


def is_ended(connection: Connection, session_id: str) -> bool:
    """Whether somebody ended the session at the console."""
    query = select(ENDED_SESSIONS.c.session_id).where(ENDED_SESSIONS.c.session_id == session_id)
    return connection.execute(query).first() is not None


def _standing(connection: Connection, caller: Caller, now: datetime) -> Standing | None:
    if caller.key_id is not None:
        key = connection.execute(select(*API_KEYS.c).where(API_KEYS.c.key_id == caller.key_id)).first()
        return None if key is None else key_of(key).standing_of(caller, now)
    query = select(USERS.c.version, USERS.c.disabled_at).where(USERS.c.username == caller.name)
    user = connection.execute(query).first()
    return None if user is None else Standing(version=user.version, is_valid=user.disabled_at is None)

"""Leases: who of several processes may do a thing that only one may do, such as following an account's stream.

A lease ends by itself unless it is renewed, so a holder that died is replaced. On PostgreSQL the time is the server's, which all
holders share; on SQLite it is the clock passed in, since all holders share the host.

Each acquisition has a higher ``token``, and only the latest one can renew or release the lease: a former holder can't, and neither
can the same holder with an older acquisition. The token guards nothing else. What a holder writes needs no guard, because it may
come late or twice: reports become events in the journal's own transaction, payments and snapshots are recorded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from app.clock import Clock
from app.storage.database import Database
from app.storage.tables import LEASES
from app.storage.types import UtcTime

#: A time before every other: the lease that ended then is free.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease as it was given. Renew it well within ``ttl``."""

    name: str
    holder: str
    token: int
    ttl: timedelta


class Leases:
    """The leases in one database. All verbs are synchronous and thread-safe, and raise ``JournalUnavailable``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def acquire(self, name: str, holder: str, ttl: timedelta) -> Lease | None:
        """The lease ``name`` for ``holder``, which must be unique to a process; None while another holds it. A holder that has it
        already gets it anew, with a higher token.
        """
        now = self._now()
        statement = self._insert().values(name=name, holder=holder, token=1, expires_at=self._until(ttl))
        free = or_(LEASES.c.expires_at <= now, LEASES.c.holder == holder)
        changes = {"holder": holder, "token": LEASES.c.token + 1, "expires_at": self._until(ttl)}
        statement = statement.on_conflict_do_update(index_elements=[LEASES.c.name], set_=changes, where=free)
        with self._database.change() as connection:
            token = connection.execute(statement.returning(LEASES.c.token)).scalar()
        return None if token is None else Lease(name=name, holder=holder, token=token, ttl=ttl)

    def renew(self, lease: Lease) -> bool:
        """Hold ``lease`` for another ``ttl`` from now; False once it has ended."""
        return self._change(lease, LEASES.c.expires_at > self._now(), self._until(lease.ttl))

    def release(self, lease: Lease) -> bool:
        """End ``lease``; False if it had ended."""
        return self._change(lease, LEASES.c.expires_at > self._now(), literal(_LONG_AGO, UtcTime))

    def _change(self, lease: Lease, condition: ColumnElement[bool], expires_at: ColumnElement[Any]) -> bool:
        ours = (LEASES.c.name == lease.name, LEASES.c.holder == lease.holder, LEASES.c.token == lease.token)
        with self._database.change() as connection:
            return (
                connection.execute(update(LEASES).where(*ours, condition).values(expires_at=expires_at)).rowcount == 1
            )

    def _now(self) -> ColumnElement[Any]:
        if self._database.is_sqlite:
            return literal(self._clock.now(), UtcTime)
        # Not now(), which is the transaction's beginning and may lie before a wait for the row.
        return func.clock_timestamp()

    def _until(self, ttl: timedelta) -> ColumnElement[Any]:
        if self._database.is_sqlite:
            return literal(self._clock.now() + ttl, UtcTime)
        return func.clock_timestamp() + literal(ttl)

    def _insert(self) -> Any:
        return (sqlite if self._database.is_sqlite else postgresql).insert(LEASES)

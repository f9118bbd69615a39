"""Reading the audit log: pages of it, and whether it is what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.errors import InvalidCursor
from app.storage.audit import ORIGIN, link
from app.storage.database import Database
from app.storage.records import Page
from app.storage.tables import AUDIT, SEQUENCE

#: Rows read in one go.
_PAGE = 2000
#: Problems that are told in words.
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows; None does not narrow, the times are inclusive. ``of_key_id`` is the only key whose rows are seen at all."""

    actor: str | None = None
    key_id: str | None = None
    of_key_id: str | None = None
    operation: str | None = None
    outcome: str | None = None
    about: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A stored record: its number, without gaps from 1, the last number of the journal at that moment, and its hash."""

    number: int
    record: AuditRecord
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the log was at some moment: its last number and that row's hash."""

    number: int
    hash: bytes


@dataclass(slots=True, kw_only=True)
class AuditVerdict:
    """How many rows were looked at, how many problems were found, and the first of them in words; and where the log ends."""

    rows: int = 0
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)
    end: Checkpoint = field(default_factory=lambda: Checkpoint(number=0, hash=ORIGIN))

    def add(self, problem: str) -> None:
        """Note one problem."""
        self.problem_count += 1
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(problem)


class AuditLog:
    """The audit log in one database. All verbs are synchronous and thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Rows, newest first. Raises ``InvalidCursor``."""
        conditions = _conditions(wanted)
        query = select(*AUDIT.c).where(*conditions).order_by(AUDIT.c.number.desc())
        if cursor is not None:
            if not re.fullmatch("[0-9]{1,18}", cursor, re.ASCII):
                raise InvalidCursor(cursor)
            query = query.where(AUDIT.c.number < int(cursor))
        with self._database.snapshot() as connection:
            total = connection.scalar(select(func.count()).select_from(AUDIT).where(*conditions))
            rows = connection.execute(query.limit(limit + 1)).all()
        shown = rows[:limit]
        return Page(
            items=tuple(map(_entry, shown)),
            total_count=total or 0,
            next_cursor=str(shown[-1].number) if len(rows) > limit else None,
        )

    def verify(self, since: Checkpoint | None = None, checkpoints: Sequence[Checkpoint] = ()) -> AuditVerdict:
        """Look at all rows, or at those after ``since``, and compare them with ``checkpoints``. A row that is not as it was written
        is told by its number; that rows are missing at the end only by a checkpoint, or by what the sequence's row says.
        """
        verdict = AuditVerdict()
        last, previous = (0, ORIGIN) if since is None else (since.number, since.hash)
        awaited = {each.number: each.hash for each in checkpoints if each.number > last}
        for row in self._rows(last):
            if row.number != last + 1:
                verdict.add(f"row {last + 1} is missing: after {last} comes {row.number}")
            found = bytes(row.hash)
            if link(previous, row) != found:
                verdict.add(
                    f"row {row.number} is not as it was written, or row {row.number - 1} was changed and hashed anew"
                )
            expected = awaited.pop(row.number, None)
            if expected is not None and expected != found:
                verdict.add(f"row {row.number}, or one before it, is not the one that the checkpoint was made of")
            last, previous = row.number, found
            verdict.rows += 1
        for number in sorted(awaited):
            verdict.add(f"row {number} is missing: a checkpoint was made of it, and the log ends with {last}")
        self._check_end(verdict, last, previous)
        verdict.end = Checkpoint(number=last, hash=previous)
        return verdict

    def _check_end(self, verdict: AuditVerdict, last: int, previous: bytes) -> None:
        # Read after the rows, so that rows which come meanwhile can only make it greater.
        (head,) = self._database.rows(select(SEQUENCE.c.audit_number, SEQUENCE.c.audit_hash))
        if head.audit_number < last:
            verdict.add(f"row {head.audit_number + 1} should not be there: {head.audit_number} were written")
        elif head.audit_number == last and last and bytes(head.audit_hash or b"") != previous:
            verdict.add(f"row {last} does not have the hash that was noted of it")
        elif head.audit_number > last and not self._database.rows(
            select(AUDIT.c.number).where(AUDIT.c.number > last).limit(1)
        ):
            verdict.add(f"row {last + 1} is missing: {head.audit_number} were written, and the log ends with {last}")

    def _rows(self, last: int) -> Iterator[Row[Any]]:
        while rows := self._database.rows(
            select(*AUDIT.c).where(AUDIT.c.number > last).order_by(AUDIT.c.number).limit(_PAGE)
        ):
            yield from rows
            last = rows[-1].number


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    named = (
        (AUDIT.c.actor, wanted.actor),
        (AUDIT.c.key_id, wanted.key_id),
        (AUDIT.c.key_id, wanted.of_key_id),
        (AUDIT.c.operation, wanted.operation),
        (AUDIT.c.outcome, wanted.outcome),
        (AUDIT.c.object, wanted.about),
    )
    conditions: list[ColumnElement[bool]] = [column == value for column, value in named if value is not None]
    if wanted.start_at is not None:
        conditions.append(AUDIT.c.at >= wanted.start_at)
    if wanted.end_at is not None:
        conditions.append(AUDIT.c.at <= wanted.end_at)
    return conditions


def _entry(row: Row[Any]) -> AuditEntry:
    actor = Actor(name=row.actor, key_id=row.key_id, address=row.address, request_id=row.request_id)
    record = AuditRecord(at=row.at, actor=actor, operation=row.operation, object=row.object, outcome=row.outcome)
    return AuditEntry(number=row.number, record=record, seq=row.seq, hash=bytes(row.hash))

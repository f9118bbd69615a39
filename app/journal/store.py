"""What the writer needs of a database: one connection, driven statement by statement without SQLAlchemy in between.

``Store`` is the contract; ``sqlite_store`` and ``postgres_store`` fulfil it. A store belongs to the writer's thread. Its
failures are of four kinds: ``ConnectionLost`` and ``JournalUnavailable`` (surely nothing written), ``JournalInDoubt`` (only out of
``commit``), and anything else, which is the fault of what was to be written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, update

from app.journal.records import Head
from app.journal.rows import Row
from app.journal.statements import Statement
from app.storage.tables import SEQUENCE
from app.storage.types import Codec

#: What ``begin`` reads of the one row of the sequence.
HEAD_COLUMNS = (
    SEQUENCE.c.value,
    SEQUENCE.c.chained,
    SEQUENCE.c.chain,
    SEQUENCE.c.audit_number,
    SEQUENCE.c.audit_hash,
    SEQUENCE.c.credentials_version,
    SEQUENCE.c.safety_version,
)


#: Counts a change of halts or limits, so that every transaction after this one reads them anew.
COUNT_SAFETY = update(SEQUENCE).values(safety_version=SEQUENCE.c.safety_version + 1)


class ConnectionLost(Exception):
    """The connection broke before the commit was sent: surely nothing was written, and the transaction may be tried once more."""


class Store(ABC):
    """One writing connection."""

    codec: Codec
    dialect: Dialect
    #: What the last ``begin`` found: how often credentials have been changed. They can't change before the commit.
    credentials_version = -1
    #: The same of users, keys, halts and limits.
    safety_version = -1

    def __init__(self) -> None:
        self._texts: dict[tuple[Statement, int], str] = {}

    @abstractmethod
    def connect(self) -> None:
        """Connect afresh. Raises ``JournalUnavailable``."""

    @abstractmethod
    def begin(self) -> Head:
        """Begin a transaction that no other writer can overlap, and return the end of the journal."""

    @abstractmethod
    def find(self, statement: Statement, keys: Sequence[Row]) -> list[Row]:
        """The driver's rows for all ``keys``, in no order."""

    @abstractmethod
    def write(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Insert or update ``rows``."""

    @abstractmethod
    def set_head(self, head: Head) -> None:
        """Set the end of the journal after this transaction, and announce it to other processes on commit."""

    @abstractmethod
    def announce_safety(self) -> None:
        """Count that halts or limits change in this transaction, and announce it to other processes on commit."""

    @abstractmethod
    def commit(self) -> None:
        """Make it durable. Raises ``JournalInDoubt`` where it can't be known whether it is."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction; never raises, since a connection that can't even do that is connected afresh."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; may be called twice."""

    def _text(self, statement: Statement, count: int) -> str:
        """The SQL of ``statement`` for ``count`` rows, compiled once."""
        text = self._texts.get((statement, count))
        if text is None:
            text = self._texts[statement, count] = str(statement.build(count).compile(dialect=self.dialect))
        return text


def flat(rows: Sequence[Row]) -> list[Any]:
    """The values of ``rows`` one after another, as a statement for several rows takes them."""
    return [value for row in rows for value in row]


def chunks(rows: Sequence[Row], sizes: Sequence[int]) -> list[Sequence[Row]]:
    """``rows`` cut into pieces of the given ``sizes`` (falling, the last is 1), so that few texts serve any number."""
    pieces: list[Sequence[Row]] = []
    start = 0
    for size in sizes:
        while len(rows) - start >= size:
            pieces.append(rows[start : start + size])
            start += size
    return pieces

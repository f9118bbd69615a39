"""Exact money and UTC times in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from app.storage.database import Database
from app.storage.types import Money, UtcTime

VALUES = Table(
    "values_of_a_test", MetaData(), Column("id", Integer, primary_key=True), Column("m", Money), Column("t", UtcTime)
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of each kind with a table of the types."""
    database = Database(database_url)
    with database.change() as connection:
        VALUES.create(connection)
    yield database
    database.dispose()


def keep(database: Database, **values: object) -> None:
    """Store one row."""
    with database.change() as connection:
        connection.execute(insert(VALUES).values(**values))


@pytest.mark.parametrize(
    "number", ["0.000000000000000001", "123456789012345678901234567890.12345678", "1E-8", "-0.10", "1E+3"]
)
def test_money_is_exact(database: Database, number: str) -> None:
    """Every digit comes back."""
    keep(database, m=Decimal(number))
    (row,) = database.rows(select(VALUES.c.m))
    assert isinstance(row.m, Decimal)
    assert row.m == Decimal(number)


def test_times_come_back_in_utc_and_sort(database: Database) -> None:
    """Any aware time is stored, comes back in UTC to the microsecond, and sorts by when it was."""
    base = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    for offset in (2, 0, 1):
        keep(database, t=base + timedelta(microseconds=offset))
    times = [row[0] for row in database.rows(select(VALUES.c.t).order_by(VALUES.c.t))]
    assert times == [base + timedelta(microseconds=offset) for offset in range(3)]
    assert all(each.tzinfo is UTC for each in times)


def test_nothing_stays_nothing(database: Database) -> None:
    """NULL is None."""
    keep(database, m=None, t=None)
    (row,) = database.rows(select(VALUES.c.m, VALUES.c.t))
    assert tuple(row) == (None, None)


def test_a_naive_time_is_refused(database: Database) -> None:
    """A time without a zone could be any hour of the day."""
    with pytest.raises(StatementError, match="without a zone"):
        keep(database, t=datetime(2026, 1, 1))  # noqa: DTZ001

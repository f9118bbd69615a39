"""Portfolio snapshots: what is put comes back exactly, page by page, at any interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.domain.errors import InvalidCursor
from app.domain.portfolio import Holding, Holdings
from app.storage.database import Database
from app.storage.portfolio import SLOT, SnapshotFilter, Snapshots, slot_of, start_of

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
FIRST = slot_of(START)
ALL = SnapshotFilter()


@pytest.fixture
def snapshots(database_url: str) -> Iterator[Snapshots]:
    """Snapshots on each database."""
    database = Database(database_url)
    yield Snapshots(database)
    database.dispose()


def held(
    account_name: str = "a", connector_name: str = "paper", units: str = "1", asked_at: datetime = START
) -> Holdings:
    """One token on a connector."""
    token = Holding(token="BTC", units=Decimal(units), available_units=Decimal("0.10"), price=Decimal("65000.50"))
    odd = Holding(token="ODD", units=Decimal("1E-18"), available_units=Decimal(0), price=None)
    return Holdings(account_name=account_name, connector_name=connector_name, asked_at=asked_at, tokens=(token, odd))


def times(snapshots: Snapshots, wanted: SnapshotFilter = ALL, limit: int = 1000) -> list[timedelta]:
    """How long after the start each snapshot of all pages lies, newest first."""
    cursor, found = None, []
    while True:
        page = snapshots.page(wanted, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += [snapshot.at - START for snapshot in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_slots_are_five_minutes_of_wall_clock_time() -> None:
    """A slot begins at a multiple of five minutes and holds all moments up to the next."""
    assert start_of(slot_of(datetime(2026, 1, 2, 3, 4, 59, 999999, tzinfo=UTC))) == START
    assert start_of(slot_of(datetime(2026, 1, 2, 3, 5, tzinfo=UTC))) == START + SLOT


def test_what_is_put_comes_back_exactly(snapshots: Snapshots) -> None:
    """Every digit, an unknown price, and the moment at which the exchange was asked survive."""
    first, second = held("a"), held("b", "binance", units="0.000000000000000001")
    snapshots.put(FIRST, [second, first])

    page = snapshots.page(ALL, limit=10, cursor=None)

    assert [snapshot.at for snapshot in page.items] == [START]
    assert page.items[0].holdings == (first, second)
    assert page.next_cursor is None


def test_a_slot_is_written_once(snapshots: Snapshots) -> None:
    """What one process wrote is not changed by another, which may add what the first had not."""
    snapshots.put(FIRST, [held("a", units="1")])
    snapshots.put(FIRST, [held("a", units="2"), held("b", units="3")])
    snapshots.put(FIRST, [])

    [snapshot] = snapshots.page(ALL, limit=10, cursor=None).items
    assert [(each.account_name, each.tokens[0].units) for each in snapshot.holdings] == [("a", 1), ("b", 3)]


def test_the_latest_of_an_account(snapshots: Snapshots) -> None:
    """The newest snapshot that has the account on the connector, or nothing."""
    snapshots.put(FIRST, [held("a", units="1")])
    snapshots.put(FIRST + 1, [held("a", units="2"), held("a", "binance", units="3")])
    snapshots.put(FIRST + 2, [held("b", units="4")])

    assert snapshots.latest("a", "paper") == held("a", units="2")
    assert snapshots.latest("b", "binance") is None


def test_pages_show_every_snapshot_once_and_end(snapshots: Snapshots) -> None:
    """Following the cursor gives all snapshots, newest first, however long a page is."""
    for slot in range(7):
        snapshots.put(FIRST + slot, [held()])
    expected = [slot * SLOT for slot in reversed(range(7))]

    for limit in (1, 2, 3, 7, 8):
        assert times(snapshots, limit=limit) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [(1, [60, 55, 20, 15, 10, 5, 0]), (3, [60, 55, 20, 10]), (6, [60, 55, 20]), (12, [60, 55])],
)
def test_an_interval_shows_the_last_snapshot_of_each_stretch(
    snapshots: Snapshots, slots: int, expected: list[int]
) -> None:
    """Gaps shift nothing, and no stretch is shown twice on two pages."""
    for slot in (0, 1, 2, 3, 4, 11, 12):
        snapshots.put(FIRST + slot, [held()])

    for limit in (1, 2, 10):
        assert times(snapshots, replace(ALL, slots=slots), limit) == [timedelta(minutes=each) for each in expected]


def test_filters_choose_accounts_connectors_and_times(snapshots: Snapshots) -> None:
    """A snapshot without anything that was asked for is left out; times are inclusive."""
    snapshots.put(FIRST, [held("a"), held("b")])
    snapshots.put(FIRST + 1, [held("b", "binance")])
    snapshots.put(FIRST + 2, [held("b")])

    page = snapshots.page(SnapshotFilter(account_names=("a", "x")), limit=10, cursor=None)
    assert [[each.account_name for each in snapshot.holdings] for snapshot in page.items] == [["a"]]
    assert times(snapshots, SnapshotFilter(connector_names=("paper",))) == [2 * SLOT, timedelta(0)]
    assert times(snapshots, SnapshotFilter(start_at=START + SLOT)) == [2 * SLOT, SLOT]
    assert times(snapshots, SnapshotFilter(start_at=START + timedelta(seconds=1))) == [2 * SLOT, SLOT]
    assert times(snapshots, SnapshotFilter(end_at=START + SLOT)) == [SLOT, timedelta(0)]


@pytest.mark.parametrize("cursor", ["x", "0:", "2026-01-02T03:04:05", "0001-01-01T00:00:00+00:00", "2026-13-01"])
def test_a_cursor_that_no_page_gave_is_refused(snapshots: Snapshots, cursor: str) -> None:
    """A cursor without a zone, out of the calendar, or of another form is named in the error."""
    with pytest.raises(InvalidCursor, match="pass back the next_cursor of a previous page"):
        snapshots.page(ALL, limit=10, cursor=cursor)

"""Silent corruption: whatever is changed behind the journal's back is found and named, and a start with it is refused."""

from __future__ import annotations

import contextlib
import sqlite3
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from app.domain.enums import EventKind
from app.domain.errors import JournalDamaged, JournalUnavailable
from app.domain.reports import Balance, BalanceReport
from app.journal.journal import Journal
from app.journal.reading import verifying
from app.journal.reading.verifying import verify
from app.settings import Settings
from app.storage.database import Database
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, filled, happened, key, order
from tests.storage.migrating import migrate_again

#: Changes that a row's own triggers would refuse or count are made as another program, or a bad disk, would make them.
_UNGUARDED = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS events_are_for_ever_update",
        "DROP TRIGGER IF EXISTS events_are_for_ever_delete",
    ),
    "postgres": ("SET session_replication_role = replica",),
}


@pytest.fixture
async def url(database_url: str, clock: FakeClock) -> str:
    """A database with forty orders, of which some are filled, and balances."""
    journal = Journal(Settings(database_url=database_url), clock)
    await journal.open()
    for number in range(40):
        name = f"o{number}"
        await journal.open_order(order(name), INTENDED)
        await journal.record(key(name), lambda *_: (ACCEPTED,))
        if number % 3 == 0:
            await journal.record(
                key(name), lambda *_, name=name: (filled(f"f{name}", "0.25"), filled(f"g{name}", "0.75", full=True))
            )
        if number % 3 == 1:
            await journal.record(key(name), lambda *_: (happened(EventKind.CANCELED),))
    for total in ("5.00", "7.50"):
        report = BalanceReport(balances=(Balance(asset="BTC", total=Decimal(total), available=Decimal(1)),))
        await journal.record_balances("master_account", "binance", report)
    await journal.close()
    return database_url


def tamper(url: str, *statements: str) -> None:
    """Change the database from outside, past its triggers."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(str(target.database))) as file:
            for statement in (*_UNGUARDED["sqlite"], *statements):
                file.execute(statement)
            file.commit()
        return
    with psycopg.connect(target.set(drivername="postgresql").render_as_string(), autocommit=True) as server:
        for statement in (*_UNGUARDED["postgres"], *statements):
            server.execute(statement.encode())


def problems(url: str) -> list[str]:
    """What verifying finds."""
    database = Database(url)
    try:
        return verify(database).problems
    finally:
        database.dispose()


async def start(url: str, clock: FakeClock) -> None:
    """Open the journal as a start does, and close it."""
    journal = Journal(Settings(database_url=url), clock)
    try:
        await journal.open()
    finally:
        await journal.close()


async def test_a_good_journal_is_good(url: str, clock: FakeClock) -> None:
    """Nothing is found, everything was looked at, and the journal goes on after a restart with the chain unbroken."""
    database = Database(url)
    verdict = verify(database)
    assert (verdict.problems, verdict.orders, verdict.fills) == ([], 40, 28)
    assert verdict.events == 40 * 2 + 28 + 13 + 2
    database.dispose()
    journal = Journal(Settings(database_url=url), clock)
    await journal.open()
    await journal.open_order(order("later"), INTENDED)
    await journal.close()
    assert problems(url) == []
    await start(url, clock)


#: A change, what is said of it, and whether a start finds it among the newest events.
CHANGES = [
    ("UPDATE orders SET price = '1' WHERE order_id = 'o5'", "its price is 1, and should be 100"),
    ("UPDATE orders SET price = '1'", "its price is 1, and should be 100"),
    ("UPDATE orders SET state = 'canceled', status = 'CANCELLED' WHERE order_id = 'o2'", "its state is canceled"),
    (
        "UPDATE events SET payload = replace(payload, '\"100\"', '\"101\"') WHERE seq = 1",
        "event 1 is not as it was written",
    ),
    ("UPDATE events SET order_id = 'o6' WHERE seq = 7", "event 7 is not as it was written"),
    ("UPDATE events SET account_name = 'mine' WHERE seq = 30", "event 30 is not as it was written"),
    ("UPDATE events SET chain = NULL, kind = 'expired' WHERE seq = 30", "event 31 is not as it was written"),
    ("DELETE FROM fills WHERE seq = (SELECT min(seq) FROM fills)", "is not the one that is stored"),
    ("UPDATE fills SET fee = '0' WHERE seq = (SELECT max(seq) FROM fills)", "is not the one that is stored"),
    ("UPDATE balances SET total = '99'", "the balance of master_account/binance/BTC"),
    ("UPDATE order_counts SET number = number + 1", "order_counts of"),
    ("DELETE FROM fill_counts", "fill_counts of"),
    ("DELETE FROM events WHERE seq = 50", "event 50 is missing"),
    ("DELETE FROM events WHERE seq > 120", "the journal should end with event 123, and ends with 120"),
    ("UPDATE journal_sequence SET value = 122", "the journal should end with event 122"),
    ("UPDATE journal_sequence SET chain = (SELECT chain FROM events WHERE seq = 1)", "does not have the checksum"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
async def test_a_change_is_found_and_named(url: str, clock: FakeClock, change: str, told: str) -> None:
    """One row or all of them, of the events or of what follows from them; and a start refuses where it looks."""
    if not url.startswith("sqlite"):
        for number in ("'1'", "'0'", "'99'"):
            change = change.replace(f"= {number}", f"= {number.strip(chr(39))}")
    tamper(url, change)
    found = problems(url)
    assert any(told in problem for problem in found), found
    if "balances" not in change and "counts" not in change:
        with pytest.raises(JournalDamaged, match="journal verify"):
            await start(url, clock)


async def test_a_start_looks_at_the_end_only(url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old events do not make a start longer; what is wrong there is found by verifying."""
    monkeypatch.setattr(verifying, "TAIL", 20)
    await start(url, clock)
    tamper(url, "UPDATE events SET account_name = 'mine' WHERE seq = 30")
    await start(url, clock)
    assert problems(url)
    tamper(url, "UPDATE events SET account_name = 'mine' WHERE seq = 110")
    with pytest.raises(JournalDamaged):
        await start(url, clock)


async def test_events_of_an_older_version_are_covered_by_the_next(url: str, clock: FakeClock) -> None:
    """A process that does not know the checksums writes beside ours: its events are taken into the chain by our next write."""
    tamper(
        url,
        "UPDATE events SET chain = NULL WHERE seq > 100",
        "UPDATE journal_sequence SET chained = 100, chain = (SELECT chain FROM events WHERE seq = 100)",
    )
    assert problems(url) == []
    journal = Journal(Settings(database_url=url), clock)
    await journal.open()
    await journal.open_order(order("ours"), INTENDED)
    await journal.close()
    assert problems(url) == []
    tamper(url, "UPDATE events SET account_name = 'mine' WHERE seq = 110")
    assert any("event 124 is not as it was written" in problem for problem in problems(url))


async def test_the_events_of_an_older_journal_get_a_checksum_together(url: str) -> None:
    """The migration covers what is there: a later change of it is found."""
    tamper(
        url,
        "ALTER TABLE events DROP COLUMN chain",
        "ALTER TABLE journal_sequence DROP COLUMN chain",
        "ALTER TABLE journal_sequence DROP COLUMN chained",
    )
    migrate_again(url, "v0007_chain")
    assert problems(url) == []
    tamper(url, "UPDATE events SET account_name = 'mine' WHERE seq = 3")
    assert "the events up to 123 do not have the checksum that was taken of them" in problems(url)


def spoil(path: Path, needle: bytes) -> None:
    """Write noise into the last page that holds ``needle``."""
    data = bytearray(path.read_bytes())
    at = data.rindex(needle) & ~4095
    data[at + 1000 : at + 3000] = b"\x5a" * 2000
    path.write_bytes(data)


@pytest.mark.parametrize("page", ["events", "orders"])
async def test_a_page_of_noise_is_refused(sqlite_url: str, clock: FakeClock, page: str) -> None:
    """A torn page in the newest part of the file: the start refuses, and nothing wrong is served."""
    journal = Journal(Settings(database_url=sqlite_url), clock)
    await journal.open()
    for number in range(200):
        await journal.open_order(order(f"o{number}"), INTENDED)
    await journal.close()
    spoil(Path(str(make_url(sqlite_url).database)), b'"source":"answer"' if page == "events" else b"o199")
    with pytest.raises((JournalDamaged, JournalUnavailable)):
        await start(sqlite_url, clock)

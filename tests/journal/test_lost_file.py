"""The file under the journal is deleted or replaced while it is open: nothing is taken that would be lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal.journal import Journal
from app.journal.records import Head
from app.journal.sqlite_store import SqliteStore
from app.settings import Settings
from app.storage.types import ORIGIN
from tests.clock import FakeClock
from tests.journal.orders import INTENDED, order

AWAY = "away"


@pytest.fixture
def directory(tmp_path: Path, sqlite_template: Path) -> Path:
    """A data directory with a migrated file."""
    directory = tmp_path / "data"
    directory.mkdir()
    shutil.copy(sqlite_template, directory / "journal.db")
    return directory


@pytest.fixture
async def journal(directory: Path, clock: FakeClock) -> AsyncIterator[Journal]:
    """A journal that has written one order."""
    journal = Journal(Settings(database_url=f"sqlite:///{directory / 'journal.db'}"), clock)
    await journal.open()
    await journal.open_order(order("before"), INTENDED)
    yield journal
    await journal.close()


def delete_file(directory: Path) -> None:
    (directory / "journal.db").unlink()


def delete_log(directory: Path) -> None:
    (directory / "journal.db-wal").unlink()


def delete_directory(directory: Path) -> None:
    shutil.rmtree(directory)


def move_directory(directory: Path) -> None:
    directory.rename(directory.with_name(AWAY))


def replace_directory(directory: Path) -> None:
    shutil.copytree(directory, directory.with_name("copy"))
    move_directory(directory)
    directory.with_name("copy").rename(directory)


def restore_copy(directory: Path) -> None:
    copy = directory / "copy.db"
    shutil.copy(directory / "journal.db", copy)
    copy.rename(directory / "journal.db")


WAYS = (delete_file, delete_log, delete_directory, move_directory, replace_directory, restore_copy)


@pytest.mark.parametrize("lose", WAYS)
async def test_nothing_is_taken_without_the_file(
    journal: Journal, directory: Path, lose: Callable[[Path], None]
) -> None:
    """The very next order is refused, and no file is made in the place of the lost one."""
    there = (directory / "journal.db").exists
    lose(directory)
    was_there = there()
    with pytest.raises(JournalUnavailable, match=r"can't be found|replaced"):
        await journal.open_order(order("after"), INTENDED)
    assert there() == was_there


@pytest.mark.parametrize("lose", WAYS)
async def test_the_journal_is_not_ready_without_the_file(
    journal: Journal, directory: Path, lose: Callable[[Path], None]
) -> None:
    """Readiness says so before any order has tried, and nothing is read from a file that is not the journal any more."""
    lose(directory)
    problem = await journal.problem() or ""
    assert "so that nothing can be written safely" in problem
    # Anybody may ask; where the file was is in the log.
    assert str(directory) not in problem
    if lose is not delete_log:
        with pytest.raises(JournalUnavailable):
            journal.head()


async def test_a_directory_that_was_put_back_serves_again(journal: Journal, directory: Path) -> None:
    """The same file in its place is the journal as it was."""
    move_directory(directory)
    with pytest.raises(JournalUnavailable):
        await journal.open_order(order("refused"), INTENDED)
    directory.with_name(AWAY).rename(directory)
    assert (await journal.open_order(order("after"), INTENDED)).is_new
    assert [entry.order_id for entry in journal.tail(0, limit=9)] == ["before", "after"]


def test_a_file_that_is_lost_during_a_commit_leaves_doubt(directory: Path) -> None:
    """Between the first statement and the commit: the caller is not told that the order was written down."""
    store = SqliteStore(str(directory / "journal.db"))
    store.connect()
    store.begin()
    store.set_head(Head(1, 1, ORIGIN, 0, None))
    delete_file(directory)
    with pytest.raises(JournalInDoubt):
        store.commit()
    store.close()


def test_a_closed_connection_is_opened_again(directory: Path) -> None:
    """The log that the last connection deletes when it closes is not missed."""
    store = SqliteStore(str(directory / "journal.db"))
    for _ in range(2):
        store.connect()
        store.begin()
        store.set_head(Head(1, 1, ORIGIN, 0, None))
        store.commit()
        store.close()
    assert not (directory / "journal.db-wal").exists()


def test_relaxed_durability_never_risks_the_file(directory: Path) -> None:
    """Without a wait for the disk at each commit, SQLite still waits where the file could be damaged otherwise."""
    path = str(directory / "journal.db")
    for is_durable, level in ((True, 2), (False, 1)):
        store = SqliteStore(path, is_durable=is_durable)
        store.connect()
        assert store.connection.execute("PRAGMA synchronous").fetchone() == (level,)
        store.close()
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()

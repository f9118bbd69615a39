"""The store: locked, exact, checked for its schema, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.paper.refusals import PaperUnavailable
from app.paper.store import PaperStore, WrongSchema


def test_a_second_process_finds_the_store_locked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one transaction is open another can't begin, and nothing has happened; afterwards it can."""
    one = PaperStore(url)
    monkeypatch.setattr("app.paper.store.BUSY_TIMEOUT_SECONDS", 1)
    other = PaperStore(url)
    with one.transaction(), pytest.raises(PaperUnavailable), other.transaction():
        raise AssertionError("two processes were in the exchange at once")
    with other.transaction() as transaction:
        assert transaction.version == 1
    one.close()
    other.close()


def test_an_address_that_leads_nowhere_is_an_error_at_once(tmp_path: Path) -> None:
    """At opening, not at the first order."""
    with pytest.raises(Exception, match="unable to open"):
        PaperStore(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'paper.db'}")


def test_a_store_of_another_schema_is_not_touched(url: str) -> None:
    """The row says which schema made it."""
    PaperStore(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE paper_exchange SET schema_version = 99"))
    engine.dispose()
    with pytest.raises(WrongSchema, match="99"):
        PaperStore(url)


def test_several_processes_may_make_the_tables_at_once(url: str) -> None:
    """Four openings race for an empty database; all of them get a working store."""
    stores: list[PaperStore] = []

    def open_store() -> None:
        stores.append(PaperStore(url))

    threads = [threading.Thread(target=open_store) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    assert {store.last_seq() for store in stores} == {0}
    for store in stores:
        store.close()


def test_sqlite_commits_reach_the_disk(tmp_path: Path) -> None:
    """Write-ahead log with full sync: an answered order survives the power cut."""
    store = PaperStore(f"sqlite:///{tmp_path / 'paper.db'}")
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()

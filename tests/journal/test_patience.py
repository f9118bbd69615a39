"""How long a write may take: what is late is dropped and told, what stands still is given up, and service comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, select, text

from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal import journal as journal_module
from app.journal import writer as writing
from app.journal.journal import Journal
from app.journal.sqlite_store import SqliteStore
from app.settings import Settings
from app.storage.database import Database
from app.storage.postgres import BoundedConnection, ServerSilent, connect_arguments
from app.storage.tables import ACCOUNTS
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, key, order
from tests.postgres import PostgresServer


@contextlib.asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[Journal]:
    """An open journal on ``url``."""
    journal = Journal(Settings(database_url=url), clock)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def native(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextlib.contextmanager
def held(url: str) -> Iterator[None]:
    """Another session has the right to write, and keeps it."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with psycopg.connect(native(url)) as server:
        server.execute("SELECT value FROM journal_sequence FOR UPDATE")
        yield
        server.rollback()


def unanswered(journal: Journal) -> list[Any]:
    """What was handed to the writer and has no answer yet."""
    assert journal._writer is not None
    return [each for each in journal._writer._submitted.values() if not each.future.done()]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    while not condition():  # noqa: ASYNC110 - a thread sets no event of the loop
        await asyncio.sleep(0.001)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer whose units are late after a fifth of a second."""
    monkeypatch.setattr(writing, "PATIENCE", 0.2)
    monkeypatch.setattr(writing, "_LOOK_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
async def test_what_is_late_is_told_and_never_written(database_url: str, clock: FakeClock) -> None:
    """The callers hear of it while the database is still held, with when to come again; once it is free, nothing of theirs
    appears, and the journal takes orders again.
    """
    async with opened(database_url, clock) as journal:
        await journal.open_order(order("first"), INTENDED)
        with held(database_url):
            late = await asyncio.gather(
                *[journal.open_order(order(f"late{number}"), INTENDED) for number in range(5)],
                journal.record(key("first"), lambda _order, _fills: (ACCEPTED,)),
                return_exceptions=True,
            )
            assert [type(each) for each in late] == [JournalUnavailable] * 6
            assert all("not written" in str(each) and each.retry_after for each in late)  # type: ignore[union-attr]
        assert (await _until_it_takes(journal)).is_new
        assert [entry.order_id for entry in journal.tail(0, limit=99)] == ["first", "after"]


async def _until_it_takes(journal: Journal) -> object:
    while True:
        try:
            return await journal.open_order(order("after"), INTENDED)
        except JournalUnavailable:
            continue


@pytest.mark.usefixtures("impatient")
async def test_a_commit_that_stands_still_is_in_doubt(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer: the caller is told that nobody can tell, and what came behind was surely not written."""
    may_end, commit = threading.Event(), SqliteStore.commit

    def stand_still(store: SqliteStore) -> None:
        may_end.wait()
        commit(store)

    async with opened(sqlite_url, clock) as journal, AsyncExitStack() as stack:
        # A failed assertion must not leave the writer standing, for closing the journal would wait for ever.
        stack.callback(may_end.set)
        monkeypatch.setattr(SqliteStore, "commit", stand_still)
        first = asyncio.create_task(journal.open_order(order("first"), INTENDED))
        await until(lambda: any(each.is_in_transaction for each in unanswered(journal)))
        behind = asyncio.create_task(journal.open_order(order("behind"), INTENDED))
        with pytest.raises(JournalUnavailable):
            await behind
        with pytest.raises(JournalInDoubt):
            await first
        may_end.set()
        assert (await journal.open_order(order("after"), INTENDED)).is_new
        assert [entry.order_id for entry in journal.tail(0, limit=9)] == ["first", "after"]


async def test_no_more_intents_are_taken_than_can_be_written(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind so many, an order is refused at once; what happened to orders that are there is still taken."""
    monkeypatch.setattr(writing, "MOST_WAITING", 3)
    async with opened(sqlite_url, clock) as journal:
        await journal.open_order(order("first"), INTENDED)
        with held(sqlite_url):
            waiting = [asyncio.create_task(journal.open_order(order("o0"), INTENDED))]
            # The writer has it in hand and waits for the file.
            await until(lambda: bool(unanswered(journal)) and not journal.queue_length)
            waiting += [asyncio.create_task(journal.open_order(order(f"o{n}"), INTENDED)) for n in range(1, 4)]
            await asyncio.sleep(0)
            with pytest.raises(JournalUnavailable, match="Too many") as refused:
                await journal.open_order(order("o4"), INTENDED)
            assert refused.value.retry_after is not None
            outcome = asyncio.create_task(journal.record(key("first"), lambda _order, _fills: (ACCEPTED,)))
            await asyncio.sleep(0)
        assert (await outcome).entries
        assert all(opened.is_new for opened in await asyncio.gather(*waiting))


async def test_readiness_tells_that_no_write_gets_through(database_url: str, clock: FakeClock) -> None:
    """Nobody has tried an order yet; the answer comes within two seconds all the same, and is well again with the database."""
    assert journal_module._PROBE_SECONDS < 2
    async with opened(database_url, clock) as journal:
        assert await journal.problem() is None
        with held(database_url):
            asked_at = time.monotonic()
            assert "has not taken a write" in (await journal.problem() or "")
            # The rest is the machine's: whoever waited as long as a write may would be here after a minute.
            assert time.monotonic() - asked_at < 30
        while await journal.problem() is not None:
            pass


# -- PostgreSQL ---------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_a_server_that_was_read_only_serves_again(
    postgres_server: PostgresServer, postgres_url: str, clock: FakeClock
) -> None:
    """As in a fail-over: connections that were opened to a read-only server are not used once it has refused a write."""
    name = make_url(postgres_url).database
    async with opened(postgres_url, clock) as journal:
        journal.accounts.add_account("first")
        postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgres_server.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        with pytest.raises(JournalUnavailable, match="read-only"):
            await journal.open_order(order(), INTENDED)
        with pytest.raises(JournalUnavailable, match="read-only"):
            journal.accounts.add_account("second")
        assert "read-only" in (await journal.problem() or "")
        # Readers open connections meanwhile, and no write is refused on any of them.
        with journal.database.snapshot(), journal.database.snapshot(), journal.database.snapshot():
            journal.database.rows(select(ACCOUNTS.c.name))
        postgres_server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert await journal.problem() is None
        assert (await journal.open_order(order(), INTENDED)).is_new
        assert journal.accounts.add_account("second")


@contextlib.contextmanager
def frozen(url: str) -> Iterator[None]:
    """The server's sessions in the database stand still, as do new ones: the whole server, in fact."""
    with psycopg.connect(native(url)) as server:
        row = server.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'").fetchone()
        rows = server.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    assert row is not None
    with open(f"/proc/{row[0]}/stat", encoding="ascii") as stat:
        postmaster = int(stat.read().rsplit(")", 1)[1].split()[1])
    pids = [pid for (pid,) in rows if os.path.exists(f"/proc/{pid}")]
    for pid in (postmaster, *pids):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (postmaster, *pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        end_sessions(url)


def end_sessions(url: str) -> None:
    """End what the server still has of connections that were given up."""
    with psycopg.connect(native(url), autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.postgres
@pytest.mark.usefixtures("impatient")
async def test_a_frozen_server_is_given_up(
    postgres_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is waited for without end, of the writer or of a reader; when the server goes on, so does the journal."""
    monkeypatch.setattr("app.journal.postgres_store._TRANSACTION_SECONDS", 0.5)
    monkeypatch.setattr(BoundedConnection, "answer_seconds", 0.5)
    async with opened(postgres_url, clock) as journal:
        await journal.open_order(order("first"), INTENDED)
        with frozen(postgres_url):
            for _ in range(2):
                with pytest.raises(JournalUnavailable):
                    await journal.open_order(order("late"), INTENDED)
            with pytest.raises(JournalUnavailable):
                await asyncio.to_thread(journal.head)
            assert await journal.problem() is not None
        assert (await _until_it_takes(journal)).is_new  # type: ignore[attr-defined]
        assert journal.find_order(key("late")) is None


@pytest.mark.postgres
def test_a_connection_waits_no_longer_than_it_may(postgres_url: str) -> None:
    """The limit is ours: the server would have gone on. What the connection is good for after that is nothing."""
    connection = BoundedConnection.connect(**connect_arguments(make_url(postgres_url)))
    connection.execute("SELECT 1")
    connection.until = time.monotonic() + 0.3
    with pytest.raises(ServerSilent):
        connection.execute("SELECT pg_sleep(60)")
    assert connection.closed
    end_sessions(postgres_url)


@pytest.mark.postgres
def test_a_migration_is_waited_for(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may take minutes is not given up."""
    monkeypatch.setattr(BoundedConnection, "answer_seconds", 0.1)
    patient, bounded = Database(postgres_url, is_bounded=False), Database(postgres_url)
    with patient.change() as connection:
        connection.execute(text("SELECT pg_sleep(0.5)"))
    with pytest.raises(JournalUnavailable), bounded.change() as connection:
        connection.execute(text("SELECT pg_sleep(0.5)"))
    patient.dispose()
    bounded.dispose()
    end_sessions(postgres_url)


@pytest.mark.postgres
def test_answers_that_came_late_count(postgres_url: str) -> None:
    """A process that stood still for a minute finds the answer there, and takes it."""
    connection = BoundedConnection.connect(**connect_arguments(make_url(postgres_url)))
    connection.until = time.monotonic() - 60
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()

"""What goes wrong while writing: poison, a database that is away, full or read-only, and commits in doubt."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from app.clock import SystemClock
from app.domain.errors import JournalInDoubt, JournalUnavailable
from app.journal.journal import Journal
from app.journal.permits import Bulletin, Permits
from app.journal.postgres_store import PostgresStore
from app.journal.reading.reader import Reader
from app.journal.records import Head
from app.journal.sqlite_store import SqliteStore
from app.journal.statements import INSERT_EVENTS, INSERT_ORDERS
from app.journal.units.orders import OpenOrder
from app.journal.writer import GROUP_SIZE, Writer
from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import ORDERS
from app.storage.types import ORIGIN
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, key, order, order_of_ours
from tests.postgres import PostgresServer
from tests.sqlite import is_open, note_connections


def execute(url: str, *statements: str) -> None:
    """Run statements on a database, from outside of the journal."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        with contextlib.closing(sqlite3.connect(str(target.database))) as file:
            for statement in statements:
                file.execute(statement)
        return
    with psycopg.connect(target.set(drivername="postgresql").render_as_string(), autocommit=True) as server:
        for statement in statements:
            server.execute(statement.encode())


def waits_for_a_lock(url: str) -> bool:
    """Whether a session in the database is waiting for another one's lock."""
    query = b"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string()) as server:
        return server.execute(query).fetchone() is not None


@contextlib.asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[Journal]:
    """An open journal on ``url``."""
    journal = Journal(Settings(database_url=url), clock)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def test_poison_fails_alone(journal: Journal, database_url: str) -> None:
    """A row that the database refuses fails its own unit; all others of the group are written, without a gap."""
    if database_url.startswith("sqlite"):
        refuse = "BEFORE INSERT ON orders WHEN NEW.order_id = 'o7' BEGIN SELECT RAISE(ABORT, 'poison'); END"
        execute(database_url, f"CREATE TRIGGER poison {refuse}")
    else:
        execute(database_url, "ALTER TABLE orders ADD CONSTRAINT poison CHECK (order_id <> 'o7')")

    answers = await asyncio.gather(
        *[journal.open_order(order(f"o{number}"), INTENDED) for number in range(20)], return_exceptions=True
    )

    failed = [(number, answer) for number, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert [number for number, _ in failed] == [7]
    assert isinstance(failed[0][1], sqlite3.IntegrityError | psycopg.IntegrityError)
    assert [entry.seq for entry in journal.tail(0, limit=99)] == list(range(1, 20))
    assert journal.find_order(key("o7")) is None


async def test_a_new_id_that_is_taken_fails_alone(journal: Journal) -> None:
    """Should an id that was made for an order ever be there already, its order is not begun, and all others are."""
    await journal.open_order(order("o1", amount=Decimal(1)), INTENDED)
    taken, good = await asyncio.gather(
        journal.open_order(order_of_ours("o1", amount=Decimal(2)), INTENDED),
        journal.open_order(order_of_ours("o2"), INTENDED),
        return_exceptions=True,
    )
    assert isinstance(taken, sqlite3.IntegrityError | psycopg.IntegrityError)
    assert not isinstance(good, BaseException)
    found = journal.find_order(key("o1"))
    assert found is not None
    assert found.amount == Decimal(1)
    assert journal.head() == 2


async def test_a_value_that_cannot_be_written_fails_alone(journal: Journal) -> None:
    """Letters that are no text fail their own unit before the database sees them."""
    bad, good = await asyncio.gather(
        journal.open_order(order("o1", idempotency_key="\ud800"), INTENDED),
        journal.open_order(order("o2"), INTENDED),
        return_exceptions=True,
    )
    assert isinstance(bad, UnicodeEncodeError)
    assert not isinstance(good, BaseException)


async def test_a_locked_file_is_unavailable(sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the write lock for too long nothing is written, and afterwards all is well."""
    monkeypatch.setattr("app.journal.sqlite_store.BUSY_SECONDS", 0)
    async with opened(sqlite_url, clock) as journal:
        with contextlib.closing(sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalUnavailable, match="locked"):
                await journal.open_order(order(), INTENDED)
            other.execute("ROLLBACK")
        assert (await journal.open_order(order(), INTENDED)).is_new


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqliteStore]:
    """A connected store on a SQLite file."""
    store = SqliteStore(str(make_url(sqlite_url).database))
    store.connect()
    yield store
    store.close()
    store.close()


@pytest.mark.parametrize("pragma", ["PRAGMA query_only=ON", "PRAGMA max_page_count=1"])
def test_a_full_or_read_only_file_is_unavailable(store: SqliteStore, pragma: str) -> None:
    """A file that takes no more, or nothing at all, has surely not taken this."""
    rows = [(n, "t", "balances", "a", "c", None, None, None, None, None, None, "x" * 9999, None) for n in range(1, 99)]
    store.connection.execute(pragma)

    def try_to_write() -> None:
        store.begin()
        store.write(INSERT_EVENTS, rows)

    with pytest.raises(JournalUnavailable):
        try_to_write()
    store.rollback()
    store.connect()
    assert store.begin().seq == 0
    store.rollback()


def test_a_commit_that_the_disk_breaks_off_is_in_doubt(store: SqliteStore) -> None:
    """An input/output error out of the commit leaves open what is on the disk."""
    store.begin()
    row = (1, "t", "balances", "a", "c", None, None, None, None, None, None, "x" * 1_000_000, None)
    store.write(INSERT_EVENTS, [row])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(JournalInDoubt):
            store.commit()
        store.rollback()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.begin().seq == 0
    store.rollback()


def test_a_commit_that_finds_the_file_locked_is_unavailable(store: SqliteStore, sqlite_url: str) -> None:
    """A commit refused for a lock has surely not happened. (Without a write-ahead log a reader is enough to refuse it.)"""
    store.connection.execute("PRAGMA journal_mode=DELETE")
    store._file.forget_log()
    store.connection.execute("PRAGMA busy_timeout=0")
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM orders").fetchall()
        store.begin()
        store.set_head(Head(1, 1, ORIGIN, 0, None))
        with pytest.raises(JournalUnavailable, match="locked"):
            store.commit()
        store.rollback()
    assert store.begin().seq == 0
    store.rollback()


def test_a_connection_that_cannot_roll_back_is_replaced(store: SqliteStore) -> None:
    """A store whose connection refuses even that goes on with a fresh one, and nothing was written."""
    store.begin()
    store.set_head(Head(1, 1, ORIGIN, 0, None))
    store.connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    store.rollback()
    assert store.begin().seq == 0
    store.rollback()


@pytest.mark.postgres
def test_writers_follow_one_another(postgres_url: str) -> None:
    """A second writer's transaction begins when the first has committed, and begins where that ended."""
    first, second = (PostgresStore(make_url(postgres_url)) for _ in range(2))
    first.connect()
    first.begin()
    with ThreadPoolExecutor(1) as pool:
        beginning = pool.submit(second.begin)
        while not beginning.done() and not waits_for_a_lock(postgres_url):
            pass
        first.set_head(Head(1, 1, ORIGIN, 0, None))
        first.commit()
        assert beginning.result().seq == 1
    second.rollback()
    first.close()
    second.close()


@pytest.mark.postgres
def test_a_broken_connection_needs_no_roll_back(postgres_url: str) -> None:
    """A connection that was lost inside a transaction is let go without a word, and the next transaction connects afresh."""
    store = PostgresStore(make_url(postgres_url))
    store.connect()
    store.begin()
    store.set_head(Head(1, 1, ORIGIN, 0, None))
    execute(postgres_url, TERMINATE_OTHERS)
    store.rollback()
    assert store.begin().seq == 0
    store.rollback()
    store.close()
    store.close()


@pytest.mark.postgres
async def test_a_start_that_is_cancelled_leaves_no_connection(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's answer comes to a thread that nobody waits for any more."""
    store = PostgresStore(make_url(postgres_url))
    connected, may_end = threading.Event(), threading.Event()
    connect = store.connect

    def connect_slowly() -> None:
        connect()
        connected.set()
        may_end.wait()

    monkeypatch.setattr(store, "connect", connect_slowly)
    starting = asyncio.create_task(
        Writer(store, asyncio.get_running_loop(), lambda *_: None, Permits(SystemClock(), Bulletin())).start()
    )
    await asyncio.to_thread(connected.wait)
    connection = store._connection
    assert connection is not None
    starting.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert connection.closed


@pytest.mark.postgres
def test_a_server_that_refuses_the_session_s_settings_is_let_go(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that knows less than PostgreSQL: the error is its own, and no connection stays."""
    monkeypatch.setattr("app.journal.postgres_store._SESSION", ("SET no_such_setting = 1",))
    store = PostgresStore(make_url(postgres_url))
    with pytest.raises(psycopg.ProgrammingError, match="no_such_setting"):
        store.connect()
    assert store._connection is None


async def test_more_than_a_group_is_written_in_several(journal: Journal) -> None:
    """What does not fit into one transaction goes into the next."""
    count = GROUP_SIZE + 50
    await asyncio.gather(*[journal.open_order(order(f"o{number}"), INTENDED) for number in range(count)])
    assert [entry.seq for entry in journal.tail(0, limit=1000)] == list(range(1, count + 1))


def test_a_missing_reference_is_the_rows_own_fault(store: SqliteStore) -> None:
    """What breaks the schema's rules is neither doubt nor the database's condition."""
    store.begin()
    with pytest.raises(sqlite3.IntegrityError):
        store.write(INSERT_ORDERS, [(None,) * len(ORDERS.c)])
    store.rollback()


@pytest.mark.postgres
async def test_a_lost_connection_is_tried_once_more(postgres_url: str, clock: FakeClock) -> None:
    """A connection that broke between two transactions costs nobody anything."""
    async with opened(postgres_url, clock) as journal:
        await journal.open_order(order("o1"), INTENDED)
        execute(postgres_url, TERMINATE_OTHERS)
        assert (await journal.open_order(order("o2"), INTENDED)).is_new
        recorded = await journal.record(key("o1"), lambda _order, _fills: (ACCEPTED,))
        assert recorded.entries[0].seq == 3


@pytest.mark.postgres
async def test_a_server_that_is_away_is_unavailable(
    postgres_server: PostgresServer, postgres_url: str, clock: FakeClock
) -> None:
    """Without a server nothing is written and the caller is told so; when it is back, so are we."""
    name = make_url(postgres_url).database
    async with opened(postgres_url, clock) as journal:
        postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_server.execute(TERMINATE_OTHERS.replace("current_database()", f"'{name}'"))
        with pytest.raises(JournalUnavailable):
            await journal.open_order(order(), INTENDED)
        with pytest.raises(JournalUnavailable):
            await journal.open_order(order(), INTENDED)
        postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert (await journal.open_order(order(), INTENDED)).is_new


@pytest.mark.postgres
async def test_a_read_only_server_is_unavailable(
    postgres_server: PostgresServer, postgres_url: str, clock: FakeClock
) -> None:
    """A standby takes no orders."""
    postgres_server.execute(f"ALTER DATABASE {make_url(postgres_url).database} SET default_transaction_read_only = on")
    async with opened(postgres_url, clock) as journal:
        with pytest.raises(JournalUnavailable, match="read-only"):
            await journal.open_order(order(), INTENDED)


@pytest.mark.postgres
async def test_a_commit_that_breaks_off_is_in_doubt(postgres_url: str, clock: FakeClock) -> None:
    """A connection lost during the commit leaves its group in doubt, and the writer goes on."""
    execute(postgres_url, DIE_AT_COMMIT, DIE_FOR_DOUBT)
    async with opened(postgres_url, clock) as journal:
        with pytest.raises(JournalInDoubt):
            await journal.open_order(order("doubt"), INTENDED)
        assert (await journal.open_order(order("o2"), INTENDED)).is_new
        assert journal.find_order(key("doubt")) is None
        assert journal.is_changing(key("doubt")), "nobody may say from memory what became of it"


@pytest.mark.postgres
async def test_a_connection_that_keeps_breaking_is_unavailable(postgres_url: str, clock: FakeClock) -> None:
    """A second loss before the commit is told as not written; the writer goes on."""
    execute(postgres_url, DIE_AT_COMMIT, DIE_FOR_DOUBT.replace("CONSTRAINT TRIGGER", "TRIGGER").replace(DEFERRED, ""))
    async with opened(postgres_url, clock) as journal:
        with pytest.raises(JournalUnavailable):
            await journal.open_order(order("doubt"), INTENDED)
        assert (await journal.open_order(order("o2"), INTENDED)).is_new


@pytest.mark.postgres
async def test_a_commit_that_the_server_refuses_is_not_written(postgres_url: str, clock: FakeClock) -> None:
    """A commit that the server answers with an error has surely not happened."""
    execute(postgres_url, DIE_AT_COMMIT.replace(DIE, "RAISE EXCEPTION 'no'; "), DIE_FOR_DOUBT)
    async with opened(postgres_url, clock) as journal:
        with pytest.raises(JournalUnavailable, match="refused"):
            await journal.open_order(order("doubt"), INTENDED)
        assert journal.head() == 0


def test_a_loop_that_was_closed_does_not_stop_the_writing(sqlite_url: str) -> None:
    """What was handed in is written even if the loop is gone by then; nobody is left to be told."""
    loop = asyncio.new_event_loop()
    store = SqliteStore(str(make_url(sqlite_url).database))
    writer = Writer(store, loop, lambda _head: None, Permits(SystemClock(), Bulletin()))
    loop.run_until_complete(writer.start())
    waiting = loop.create_task(writer.submit(OpenOrder(order=order(), event=INTENDED)))
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        loop.call_soon(loop.stop)
        loop.run_forever()
        waiting.cancel()
        loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        other.execute("ROLLBACK")

    asyncio.run(writer.stop())

    assert store.begin().seq == 1
    store.rollback()
    store.close()


#: End every other connection to the database.
TERMINATE_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

DIE = "PERFORM pg_terminate_backend(pg_backend_pid()); "
DEFERRED = "DEFERRABLE INITIALLY DEFERRED "
DIE_AT_COMMIT = f"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {DIE}RETURN NULL; END $$"
DIE_FOR_DOUBT = (
    f"CREATE CONSTRAINT TRIGGER die AFTER INSERT ON orders {DEFERRED}"
    "FOR EACH ROW WHEN (NEW.order_id = 'doubt') EXECUTE FUNCTION die()"
)


async def test_a_damaged_file_is_unavailable(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is no database any more takes and gives nothing, nobody mistakes that for a fault of theirs, and it is not
    left open.
    """
    path = Path(str(make_url(sqlite_url).database))
    async with opened(sqlite_url, clock):
        pass
    await asyncio.to_thread(path.write_bytes, b"no database" * 1000)
    store = SqliteStore(str(path))
    opened_files = note_connections(monkeypatch)
    with pytest.raises(JournalUnavailable, match="not a database"):
        store.connect()
    with pytest.raises(JournalUnavailable, match="not a database"):
        Reader(Database(sqlite_url)).head()
    assert [is_open(connection) for connection in opened_files] == [False, False]

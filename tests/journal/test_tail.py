"""Waiting for the journal to grow, through one's own commits and through those of others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import make_url

from app.domain.enums import EventKind, Liquidity
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.reports import Balance, BalanceReport
from app.journal import tail
from app.journal.journal import Journal
from app.journal.reading import listener
from app.journal.tail import Watches
from app.settings import Settings
from tests.clock import START, FakeClock
from tests.journal.orders import INTENDED, filled, key, order
from tests.postgres import PostgresServer

#: Long enough that a test which needs it has failed.
LONG = 30.0


async def test_who_is_behind_does_not_wait(journal: Journal) -> None:
    """A head above the number asked about is told at once."""
    await journal.open_order(order(), INTENDED)
    assert await journal.wait_beyond(0, LONG) == 1


async def test_nothing_new_is_told_at_the_end_of_the_time(journal: Journal) -> None:
    """When nothing happens the head comes back as it is."""
    assert await journal.wait_beyond(0, 0.01) == 0


async def test_an_own_commit_wakes_at_once(journal: Journal) -> None:
    """Whoever waits for a higher number is woken by the commit that makes it, and nobody earlier."""
    first = asyncio.create_task(journal.wait_beyond(0, LONG))
    third = asyncio.create_task(journal.wait_beyond(2, LONG))
    await asyncio.sleep(0)

    await journal.open_order(order("o1"), INTENDED)
    assert await first == 1
    assert not third.done()
    await journal.open_order(order("o2"), INTENDED)
    await journal.open_order(order("o3"), INTENDED)
    assert await third == 3


async def test_own_entries_are_as_the_database_has_them(journal: Journal) -> None:
    """What is handed on from memory is what a reader of the database would get: events, fills, anomalies and balances."""
    await journal.open_order(order("o1", price=Decimal("0.00000001")), INTENDED)
    fill = Fill(
        exchange_fill_id="7",
        price=Decimal("0.00000001"),
        amount=Decimal("1E+2"),
        fee=Decimal("0.10"),
        fee_currency="BNB",
        filled_at=START,
        liquidity=Liquidity.MAKER,
    )
    events = [
        OrderEvent(kind=EventKind.ACCEPTED, at=START, source="answer", exchange_order_id="5", evidence="told"),
        OrderEvent(kind=EventKind.PARTIALLY_FILLED, at=START, source="stream", exchange_at=START, fill=fill),
        OrderEvent(kind=EventKind.INTENDED, at=START, source="caller"),
    ]
    recorded = await journal.record(order("o1").key, lambda _order, _known: events)
    assert recorded.entries[-1].event is not None
    assert recorded.entries[-1].event.kind is EventKind.ANOMALY
    balance = Balance(asset="BTC", total=Decimal("1.50"), available=Decimal(1))
    await journal.record_balances("main", "paper", BalanceReport(balances=(balance,), reported_at=START))
    own = journal.added_after(0)
    assert own is not None
    assert [entry.seq for entry in own] == [1, 2, 3, 4, 5]
    assert own == journal.tail(0, limit=100)
    assert journal.added_after(3) == own[3:]
    assert journal.added_after(5) == []


async def test_entries_of_others_are_not_made_up(build_journal: Callable[[], Journal]) -> None:
    """Where another process wrote in between, the database must be asked; from there on it need not be."""
    ours, theirs = build_journal(), build_journal()
    await ours.open()
    await theirs.open()
    try:
        await ours.open_order(order("o1"), INTENDED)
        await theirs.open_order(order("o2"), INTENDED)
        await ours.open_order(order("o3"), INTENDED)
        assert ours.added_after(0) is None
        assert ours.added_after(1) is None
        later = ours.added_after(2)
        assert later is not None
        assert [entry.order_id for entry in later] == ["o3"]
    finally:
        await ours.close()
        await theirs.close()


async def test_a_hole_inside_one_announcement_is_seen(journal: Journal) -> None:
    """Units of one group may have commits of their own, with another process's between them; the database must be asked then."""
    for name in ("o1", "o2", "o3", "o4"):
        await journal.open_order(order(name), INTENDED)
    entries = journal.tail(0, limit=10)
    journal._tail.advance(4, [entries[0], entries[1]])
    journal._tail.advance(4, [entries[2], entries[3]])
    assert journal.added_after(0) == entries
    journal._tail.advance(4, [entries[0], entries[1], entries[3]])
    assert journal.added_after(0) is None
    assert journal.added_after(1) is None
    assert journal.added_after(3) == [entries[3]]


async def test_an_own_order_is_recalled_as_it_is_now(journal: Journal) -> None:
    """What this process wrote last of an order needs no question to the database."""
    await journal.open_order(order("o1"), INTENDED)
    await journal.record(key("o1"), lambda _order, _fills: (filled("f1"),))
    recalled = journal.recall(key("o1"))
    assert recalled is not None
    assert (recalled.order, recalled.fill_ids) == (journal.find_order(key("o1")), {"f1"})
    assert journal.recall(key("o2")) is None


async def test_nothing_is_recalled_past_another_process_s_entry(build_journal: Callable[[], Journal]) -> None:
    """Another process may have changed any order; what this one writes afterwards is known again."""
    ours, theirs = build_journal(), build_journal()
    await ours.open()
    await theirs.open()
    try:
        await ours.open_order(order("o1"), INTENDED)
        await theirs.record(key("o1"), lambda _order, _fills: (filled("f1", full=True),))
        await ours._tail._refresh()
        assert ours.recall(key("o1")) is None

        await ours.open_order(order("o2"), INTENDED)
        await theirs.open_order(order("o3"), INTENDED)
        # The writer's own look at the sequence shows what was not announced yet.
        await ours.open_order(order("o4"), INTENDED)
        assert [ours.recall(key(name)) is not None for name in ("o2", "o4")] == [False, True]
    finally:
        await ours.close()
        await theirs.close()


async def test_an_order_is_not_recalled_while_it_is_being_written(journal: Journal) -> None:
    """What is about to be decided may change everything."""
    await journal.open_order(order("o1"), INTENDED)
    writing = asyncio.create_task(journal.record(key("o1"), lambda _order, _fills: (filled("f1"),)))
    await asyncio.sleep(0)
    assert journal.is_changing(key("o1"))
    assert journal.recall(key("o1")) is None
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert journal.is_changing(key("o1")), "the unit is written, though its caller has gone"
    await journal.record(key("o1"), lambda _order, _fills: ())
    assert not journal.is_changing(key("o1"))


async def test_only_the_orders_changed_last_are_recalled(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; an order that was pushed out is asked for."""
    monkeypatch.setattr(tail, "_OWN_ORDERS", 2)
    for name in ("o1", "o2", "o3"):
        await journal.open_order(order(name), INTENDED)
    assert [journal.recall(key(name)) is None for name in ("o1", "o2", "o3")] == [True, False, False]


async def test_no_more_than_the_last_entries_are_kept(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is further behind than what is kept must ask the database."""
    monkeypatch.setattr(journal._tail, "_own", deque(maxlen=2))
    for name in ("o1", "o2", "o3"):
        await journal.open_order(order(name), INTENDED)
    assert journal.added_after(0) is None
    assert [entry.seq for entry in journal.added_after(1) or ()] == [2, 3]


async def test_a_cancelled_waiter_is_forgotten(journal: Journal) -> None:
    """Whoever was cancelled does not disturb those who wait still."""
    gone = asyncio.create_task(journal.wait_beyond(0, LONG))
    stays = asyncio.create_task(journal.wait_beyond(0, LONG))
    await asyncio.sleep(0)
    gone.cancel()
    await journal.open_order(order(), INTENDED)
    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_closing_wakes_whoever_waits(build_journal: Callable[[], Journal]) -> None:
    """A stopping process does not keep its readers."""
    journal = build_journal()
    await journal.open()
    waiting = asyncio.create_task(journal.wait_beyond(0, LONG))
    await asyncio.sleep(0)
    await journal.close()
    assert await waiting == 0


async def test_a_look_finds_what_others_wrote(sqlite_url: str, clock: FakeClock) -> None:
    """Where nobody announces commits, the slow poll finds them."""
    journal, other = (Journal(Settings(database_url=sqlite_url), clock) for _ in range(2))
    await journal.open()
    await other.open()
    await other.open_order(order(), INTENDED)
    waiting = asyncio.create_task(journal.wait_beyond(0, LONG))
    await asyncio.sleep(0)
    await until(lambda: clock.sleepers == 2)

    clock.advance(tail.POLL_SECONDS)

    assert await waiting == 1
    await journal.close()
    await other.close()


@pytest.mark.postgres
async def test_other_processes_commits_are_announced(postgres_url: str, clock: FakeClock) -> None:
    """On PostgreSQL a commit elsewhere wakes a reader although the clock stands still, also after its connection broke."""
    journal, other = (Journal(Settings(database_url=postgres_url), clock) for _ in range(2))
    await journal.open()
    await other.open()
    await listening(postgres_url, 2)

    waiting = asyncio.create_task(journal.wait_beyond(0, LONG))
    await other.open_order(order("o1"), INTENDED)
    assert await waiting == 1

    await asyncio.to_thread(end_listeners, postgres_url)
    await until(lambda: clock.sleepers == 4)
    await other.open_order(order("o2"), INTENDED)
    waiting = asyncio.create_task(journal.wait_beyond(1, LONG))
    await asyncio.sleep(0)
    clock.advance(listener.RECONNECT_SECONDS)
    assert await waiting == 2

    await journal.close()
    await other.close()


@pytest.mark.postgres
async def test_a_poll_survives_a_server_that_is_away(
    postgres_server: PostgresServer, postgres_url: str, clock: FakeClock
) -> None:
    """A look that fails is followed by the next one, which finds what was missed."""
    name = make_url(postgres_url).database
    journal, other = (Journal(Settings(database_url=postgres_url), clock) for _ in range(2))
    await journal.open()
    await listening(postgres_url, 1)
    await other.open()
    waiting = asyncio.create_task(journal.wait_beyond(0, LONG))
    postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await asyncio.to_thread(end_all, postgres_server, str(name))
    await until(lambda: clock.sleepers == 4)
    clock.advance(tail.POLL_SECONDS)
    await until(lambda: clock.sleepers == 4)
    assert not waiting.done()

    postgres_server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await other.open_order(order(), INTENDED)
    clock.advance(tail.POLL_SECONDS)

    assert await waiting == 1
    await journal.close()
    await other.close()


def plain_url(url: str) -> str:
    """``url`` as the driver takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string()


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else run until ``condition`` holds; the test's time limit is the end of patience."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)  # what is waited for happens in another thread or process


async def listening(url: str, count: int) -> None:
    """Wait until so many sessions have said LISTEN."""
    query = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
    async with await psycopg.AsyncConnection.connect(plain_url(url), autocommit=True) as server:
        while True:
            row = await (await server.execute(query)).fetchone()
            if row is not None and row[0] >= count:
                return


def end_listeners(url: str) -> None:
    """End every session that has said LISTEN."""
    with psycopg.connect(plain_url(url), autocommit=True) as server:
        server.execute(
            b"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            b"WHERE datname = current_database() AND query LIKE 'LISTEN %'"
        )


def end_all(server: PostgresServer, name: str) -> None:
    """End every session in the database ``name``."""
    server.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")


def test_an_entry_wakes_those_who_wait_for_its_order() -> None:
    """All of them, and nobody else; entries without an order wake nobody."""
    watches = Watches()
    with watches.watch("a") as first, watches.watch("a") as second, watches.watch("b") as other:
        watches.tell(["a", None, "c"])
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)


def test_who_has_gone_is_forgotten() -> None:
    """Nothing is kept of those who no longer wait."""
    watches = Watches()
    with watches.watch("a"):
        with watches.watch("a"):
            assert watches
        assert watches
    assert not watches
    watches.tell(["a"])
    assert not watches

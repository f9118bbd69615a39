"""Event streams over a real journal: nothing missed, nothing twice, from any point on."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest

from app.clock import SystemClock
from app.domain.errors import InvalidArgument, JournalUnavailable
from app.domain.reports import Balance, BalanceReport
from app.journal.filters import EventFilter
from app.journal.journal import Journal
from app.journal.records import JournalEntry
from app.services import backlog, event_streams
from app.services.event_streams import EventStreams
from app.settings import Settings
from tests.journal.orders import ACCOUNT, CONNECTOR, INTENDED, order

EVERYTHING = EventFilter()


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Journal]:
    """An open journal on each database."""
    journal = Journal(Settings(database_url=database_url), SystemClock())
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def following(journal: Journal) -> AsyncIterator[EventStreams]:
    """Event streams on it."""
    following = EventStreams(journal, SystemClock())
    await following.start()
    yield following
    await following.close()


async def write(journal: Journal, *order_ids: str, **changes: object) -> None:
    """One event for each order."""
    for order_id in order_ids:
        await journal.open_order(order(order_id, **changes), INTENDED)


async def take(
    following: EventStreams, count: int, since: int | None, wanted: EventFilter = EVERYTHING
) -> list[JournalEntry]:
    """The first ``count`` entries of a stream."""
    taken: list[JournalEntry] = []
    async with asyncio.timeout(60), aclosing(following.follow(since, wanted)) as batches:
        async for batch in batches:
            taken += batch
            if len(taken) >= count:
                return taken
    return taken


def seqs(entries: Sequence[JournalEntry]) -> list[int]:
    return [entry.seq for entry in entries]


async def test_a_stream_from_the_start_shows_everything(journal: Journal, following: EventStreams) -> None:
    """``since=0`` replays the journal and goes on with what comes."""
    await write(journal, "a", "b")
    taking = asyncio.create_task(take(following, 3, 0))
    await write(journal, "c")
    assert seqs(await taking) == [1, 2, 3]


async def test_a_stream_without_a_start_begins_now(journal: Journal, following: EventStreams) -> None:
    """What was before is not shown."""
    await write(journal, "a")
    await take(following, 1, 0)
    stream = following.follow(None, EVERYTHING)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await write(journal, "b")
    assert seqs(list(await waiting)) == [2]
    await stream.aclose()


async def test_a_caller_that_comes_back_misses_nothing_and_sees_nothing_twice(journal: Journal) -> None:
    """The position is the journal's, so another process can continue where one ended."""
    await write(journal, "a", "b", "c")
    first = EventStreams(journal, SystemClock())
    await first.start()
    seen = await take(first, 2, 0)
    await first.close()
    await write(journal, "d")
    second = EventStreams(journal, SystemClock())
    await second.start()
    position = seen[1].seq
    rest = await take(second, 2, position)
    await second.close()
    assert [*seqs(seen)[:2], *seqs(rest)] == [1, 2, 3, 4]


async def test_a_start_that_only_another_process_has_written_is_not_refused(
    database_url: str, journal: Journal
) -> None:
    """A process that has not heard of it yet asks the database; what is in no process's journal is refused."""
    other = Journal(Settings(database_url=database_url), SystemClock())
    other.database.prepare_directory()
    streams = EventStreams(other, SystemClock())
    try:
        await write(journal, "one", "two")
        assert other.known_head == 0
        await streams.check_start(2, "since")
        with pytest.raises(InvalidArgument, match=r"since is 3, .* has the number 2"):
            await streams.check_start(3, "since")
    finally:
        await other.close()


async def test_a_stream_that_has_fallen_behind_reads_the_database(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than memory holds is not lost."""
    monkeypatch.setattr(event_streams, "_RECENT", 2)
    monkeypatch.setattr(event_streams, "_PAGE", 3)
    monkeypatch.setattr(backlog, "PAGE", 3)
    small = EventStreams(journal, SystemClock())
    await small.start()
    await write(journal, *(f"o{number}" for number in range(10)))
    assert seqs(await take(small, 10, 0)) == list(range(1, 11))
    await small.close()


async def test_filters_narrow(journal: Journal, following: EventStreams) -> None:
    """By account, connector and pair; balances have no pair and pass every filter of pairs."""
    await write(journal, "a", account_name="other")
    await write(journal, "b", trading_pair="ETH-USDT")
    await write(journal, "c")
    report = BalanceReport(balances=(Balance(asset="BTC", total=Decimal(2), available=Decimal(1)),))
    await journal.record_balances(ACCOUNT, CONNECTOR, report)
    mine = EventFilter(account_names=(ACCOUNT,), connector_names=(CONNECTOR,), trading_pairs=("BTC-USDT",))
    assert seqs(await take(following, 2, 0, mine)) == [3, 4]
    assert seqs(await take(following, 2, 0, EventFilter(trading_pairs=("ETH-USDT",)))) == [2, 4]


async def test_an_idle_stream_beats(journal: Journal, following: EventStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty batch says that the stream is alive."""
    monkeypatch.setattr(event_streams, "HEARTBEAT", 0.01)
    async with aclosing(following.follow(None, EVERYTHING)) as batches:
        assert list(await anext(batches)) == []


async def test_a_stream_that_is_told_nothing_beats_beside_a_busy_journal(
    journal: Journal, following: EventStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a filter keeps away is no sign of life."""
    monkeypatch.setattr(event_streams, "HEARTBEAT", 0.15)

    async def keep_writing() -> None:
        for number in itertools.count():
            await write(journal, f"o{number}")
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(keep_writing())
    async with (
        asyncio.timeout(60),
        aclosing(following.follow(None, EventFilter(account_names=("other",)))) as batches,
    ):
        assert list(await anext(batches)) == []
    assert not writing.done()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def test_nothing_is_kept_of_what_closed_streams_were_told(journal: Journal, following: EventStreams) -> None:
    """However many come and go while the journal rests, each with a place and a filter of its own."""
    await write(journal, *(f"o{number}" for number in range(5)))
    staying = following.follow(None, EVERYTHING)
    waiting = asyncio.ensure_future(anext(staying))
    await asyncio.sleep(0)
    await write(journal, *(f"p{number}" for number in range(5)))
    await waiting
    for since in range(5, 9):
        for pair in ("BTC-USDT", "ETH-USDT"):
            wanted = EventFilter(trading_pairs=("BTC-USDT", pair))
            assert seqs(await take(following, 10 - since, since, wanted)) == list(range(since + 1, 11))
    del waiting
    await staying.aclose()
    gc.collect()
    assert len(following._batches) == 0


async def test_who_comes_later_is_not_told_what_ended_earlier(journal: Journal, following: EventStreams) -> None:
    """Also where somebody still holds what began at the same place."""
    opened = following.follow(None, EVERYTHING)
    waiting = asyncio.ensure_future(anext(opened))
    await asyncio.sleep(0)
    await write(journal, "a")
    held = await waiting
    await write(journal, "b", "c")
    rest: list[JournalEntry] = []
    async for batch in opened:
        rest += batch
        if rest[-1].seq == 3:
            break
    assert seqs(await take(following, 3, 0)) == [1, 2, 3]
    assert seqs([*held, *rest]) == [1, 2, 3]
    await opened.aclose()


async def test_streams_that_want_the_same_share_it(journal: Journal, following: EventStreams) -> None:
    """What one of them makes of the entries serves the others; who wants something else, or is elsewhere, gets his own."""
    narrow = EventFilter(account_names=("other",))
    opened = [following.follow(None, wanted) for wanted in (EVERYTHING, EVERYTHING, narrow)]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in opened]
    await asyncio.sleep(0)
    await write(journal, "a")
    await write(journal, "b", account_name="other")
    first, second, third = await asyncio.gather(*waiting)
    assert first is second
    assert seqs(list(third)) == [2]
    told = [*first]
    while len(told) < 2:
        ours, theirs = await asyncio.gather(anext(opened[0]), anext(opened[1]))
        assert ours is theirs
        told += ours
    assert seqs(told) == [1, 2]
    for stream in opened:
        await stream.aclose()


async def test_ending_ends_every_stream(journal: Journal, following: EventStreams) -> None:
    """A server that stops does not wait for its streams."""
    waiting = [asyncio.ensure_future(anext(following.follow(None, EVERYTHING), None)) for _ in range(3)]
    await asyncio.sleep(0)
    assert following.open_count == 3
    following.end()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 60) == [None, None, None]
    assert following.open_count == 0


async def test_a_reader_that_stumbles_goes_on(
    journal: Journal, following: EventStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever reading the journal raises, and to whom, no stream goes silent for ever and nothing is missed."""
    monkeypatch.setattr(event_streams, "_RETRY", 0.01)
    faults: list[Exception] = [JournalUnavailable("away")]
    surprises: list[Exception] = [ZeroDivisionError()]
    tail = journal.tail

    def stumbling(seq: int, **options: Any) -> Sequence[JournalEntry]:
        # A stream that reads for itself tells its caller what nobody foresaw; it must reach the reader, which reads from the head.
        if faults and (isinstance(faults[-1], JournalUnavailable) or seq == following._head):
            raise faults.pop()
        return tail(seq, **options)

    def surprising(_seq: int) -> None:
        if surprises:
            raise surprises.pop()

    await write(journal, "a")
    await take(following, 1, 0)
    monkeypatch.setattr(journal, "tail", stumbling)
    # Only the one reader of the process calls this. A stream that reads for itself ends with what nobody expects.
    monkeypatch.setattr(journal, "added_after", surprising)
    taking = asyncio.create_task(take(following, 2, 0))
    await write(journal, "b")
    assert seqs(await taking) == [1, 2]
    following._recent.clear()
    faults.append(JournalUnavailable("away"))
    assert seqs(await take(following, 2, 0)) == [1, 2]


# -- streams that start far back ----------------------------------------------------------------------------------------


async def counted(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """The places from which the journal is read from now on, and how many reads ran at once at each."""
    tail, places, at_once, running = journal.tail, [], [], set()

    def reading(seq: int, **options: Any) -> Sequence[JournalEntry]:
        mine = object()
        running.add(mine)
        places.append(seq)
        at_once.append(len(running))
        try:
            return tail(seq, **options)
        finally:
            running.discard(mine)

    monkeypatch.setattr(journal, "tail", reading)
    return places, at_once


async def test_streams_that_start_far_back_share_pages_and_one_reader(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty replay the journal from different places: all are told everything, each page is read about once, one at a time."""
    monkeypatch.setattr(event_streams, "_RECENT", 2)
    monkeypatch.setattr(backlog, "PAGE", 10)
    await asyncio.gather(*(write(journal, f"o{number}") for number in range(200)))
    following = EventStreams(journal, SystemClock())
    await following.start()
    places, at_once = await counted(journal, monkeypatch)
    taken = await asyncio.gather(*(take(following, 200 - since, since) for since in range(50)))
    await following.close()
    assert [seqs(each) for each in taken] == [list(range(since + 1, 201)) for since in range(50)]
    # Each of the first fifty places is one of its own, and the next place is where all pages begin.
    assert len(places) <= 50 + 20 + 1
    assert max(at_once) == 1


async def test_what_starts_far_back_is_rendered_aside(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding holds up no order; the stream finds it done."""
    monkeypatch.setattr(event_streams, "_RECENT", 2)
    await write(journal, *(f"o{number}" for number in range(10)))
    following = EventStreams(journal, SystemClock())
    await following.start()
    threads: set[str] = set()

    def render(entries: Sequence[JournalEntry]) -> int:
        threads.add(threading.current_thread().name)
        return len(entries)

    told = 0
    async with asyncio.timeout(60), aclosing(following.follow(0, EVERYTHING, render)) as batches:
        async for batch in batches:
            told += batch.rendered_by(render)
            if told >= 8:
                break
    await following.close()
    assert threading.main_thread().name not in threads


async def test_a_filter_is_applied_by_the_database(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stream does not want is not even read; it is told as a place that it has got to."""
    monkeypatch.setattr(event_streams, "_RECENT", 2)
    monkeypatch.setattr(backlog, "_SPAN", 20)
    monkeypatch.setattr(event_streams, "HEARTBEAT", 0.0)
    await asyncio.gather(*(write(journal, f"o{number}") for number in range(100)))
    await write(journal, "mine", account_name="other")
    following = EventStreams(journal, SystemClock())
    await following.start()
    read = 0
    tail = journal.tail

    def reading(seq: int, **options: Any) -> Sequence[JournalEntry]:
        nonlocal read
        found = tail(seq, **options)
        read += len(found)
        return found

    monkeypatch.setattr(journal, "tail", reading)
    ends = []
    async with asyncio.timeout(60), aclosing(following.follow(0, EventFilter(account_names=("other",)))) as batches:
        async for batch in batches:
            ends.append(batch.end)
            if batch:
                assert seqs(list(batch)) == [101]
                break
    await following.close()
    # Before the process's reader has begun to follow the journal, a stream is where it started.
    assert [end for end in ends if end] == [20, 40, 60, 80, 100, 101]
    assert read <= 3


async def test_a_busy_loop_does_not_starve_streams_nor_they_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each turn comes a pause of eight times the work since the last, and of no more than a tenth of a second."""
    await write(journal, *(f"o{number}" for number in range(3)))
    pauses: list[float] = []
    now = [0.0]

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(backlog.time, "thread_time", lambda: now[0])
    monkeypatch.setattr(backlog.asyncio, "sleep", sleep)
    turns = backlog.Backlog(journal)
    await turns.turn()
    for work in (0.001, 0.00005, 5.0):
        now[0] += work
        await turns.turn()
    assert pauses == pytest.approx([0.008, 0.08])

"""Several writers on one database: one order a key, a sequence without gaps, a tail that misses nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from decimal import Decimal

from app.domain.enums import OrderState
from app.domain.events import OrderEvent
from app.domain.order import Order
from app.journal.journal import Journal
from app.journal.records import JournalEntry
from tests.journal.orders import ACCEPTED, INTENDED, filled, key, order
from tests.journal.replaying import replay

#: A process of its own that opens and records as many orders as it is told, and says which of the shared keys it won.
WRITER = """
import asyncio, sys
from app.journal.journal import Journal
from app.settings import Settings
from tests.clock import FakeClock
from tests.journal.orders import ACCEPTED, INTENDED, order

async def main(url, name, count):
    journal = Journal(Settings(database_url=url), FakeClock())
    await journal.open()
    async def place(number):
        given = order(f"{name}{number}", idempotency_key=f"k{number}")
        opened = await journal.open_order(given, INTENDED)
        if opened.is_new:
            await journal.record(given.key, lambda _order, _fills: (ACCEPTED,))
        return opened.is_new
    won = await asyncio.gather(*[place(number) for number in range(count)])
    await journal.close()
    print(sum(won))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def follow(journal: Journal, until: Callable[[list[JournalEntry]], bool]) -> list[JournalEntry]:
    """Tail the journal as a stream does, in small bites, until ``until`` is satisfied with what was seen."""
    seen: list[JournalEntry] = []
    while not until(seen):
        after = seen[-1].seq if seen else 0
        bite = await asyncio.to_thread(journal.tail, after, limit=7)
        seen += bite
        if not bite:
            await journal.wait_beyond(after, 0.05)
    return seen


async def test_two_journals_open_one_order_a_key(build_journal: Callable[[], Journal]) -> None:
    """Two processes that are given the same keys at the same time make one order of each, and both know which."""
    journals = [build_journal(), build_journal()]
    for journal in journals:
        await journal.open()

    answers = await asyncio.gather(
        *[
            journal.open_order(order(f"{name}{number}", idempotency_key=f"k{number}"), INTENDED)
            for number in range(60)
            for name, journal in zip("ab", journals, strict=True)
        ]
    )

    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert first.is_new != second.is_new
        assert first.order == second.order
    assert journals[0].head() == 60
    for journal in journals:
        await journal.close()


async def test_two_journals_share_an_order(build_journal: Callable[[], Journal]) -> None:
    """Each of two processes that write to one order in turns decides on what the other has written."""
    journals = [build_journal(), build_journal()]
    for journal in journals:
        await journal.open()
    await journals[0].open_order(order(), INTENDED)

    def next_fill(now: Order, fills: frozenset[str]) -> tuple[OrderEvent, ...]:
        return (filled(f"f{len(fills) + 1}", "0.05", full=now.filled_amount == Decimal("0.95")),)

    for number in range(6):
        await journals[number % 2].record(key(), next_fill)
    await asyncio.gather(*[journals[number % 2].record(key(), next_fill) for number in range(14)])

    found = journals[0].find_order(key())
    assert found is not None
    assert (found.filled_amount, found.state) == (Decimal(1), OrderState.FILLED)
    assert found == replay(journals[1], key())
    for journal in journals:
        await journal.close()


async def test_a_follower_of_many_writers_misses_nothing(journal: Journal, database_url: str) -> None:
    """While two other processes and this one write, a tailing reader sees every number once and in order."""
    count = 40
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, database_url, name, str(count), stdout=asyncio.subprocess.PIPE
        )
        for name in "ab"
    ]
    mine = [journal.open_order(order(f"mine{number}"), INTENDED) for number in range(count)]
    following = asyncio.create_task(follow(journal, lambda seen: len(seen) == 3 * count))
    await asyncio.gather(*mine)

    seen = await following

    outputs = [(await process.communicate())[0] for process in processes]
    assert sum(int(output) for output in outputs) == count
    assert [entry.seq for entry in seen] == list(range(1, 3 * count + 1))
    assert journal.head() == 3 * count
    assert seen == journal.tail(0, limit=1000)
    kinds = [entry.event.kind for entry in seen if entry.event is not None]
    assert kinds.count(ACCEPTED.kind) == count

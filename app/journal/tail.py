"""Waiting for the journal to grow: the last sequence number that this process knows of, and the callers that wait for a higher one.

Own commits are known at once from the writer, with the entries that they added. Commits of other processes are announced by
PostgreSQL's LISTEN; a slow poll backs it up, and is the only source where several processes share a SQLite file. Entries of other
processes must be read from the database. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from app.clock import Clock
from app.domain.errors import JournalUnavailable
from app.domain.order import OrderKey
from app.journal.reading.reader import Reader
from app.journal.records import JournalEntry, StoredOrder
from app.storage.database import Database

#: Seconds between two polls while a caller waits. LISTEN makes the normal case immediate; one small
#: read every two seconds costs nothing.
POLL_SECONDS = 2.0

#: Own entries in memory for streams that follow the end, which are seldom a tenth of a second behind.
_OWN_ENTRIES = 1024

#: Entries of other processes whose orders are read at once.
_PAGE = 1_000

#: Own orders in memory, for events of exchanges that add nothing: most come within a second of the answer that said the same.
_OWN_ORDERS = 1024


def newest(entries: deque[JournalEntry], count: int) -> list[JournalEntry]:
    """The last ``count`` of ``entries``, taken from the right, because a stream at the end needs only a few."""
    return [*islice(reversed(entries), count)][::-1]


class Watches:
    """The orders that somebody waits for, by id: an entry wakes those who wait for its order, and nobody else, except where another
    account's order has the same id.
    """

    def __init__(self) -> None:
        self._watched: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._watched)

    @contextmanager
    def watch(self, order_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something was recorded about the order; the caller clears it."""
        news = asyncio.Event()
        self._watched[order_id].add(news)
        try:
            yield news
        finally:
            watchers = self._watched[order_id]
            watchers.discard(news)
            if not watchers:
                del self._watched[order_id]

    def tell(self, order_ids: Iterable[str | None]) -> None:
        """Something was recorded about these orders."""
        for order_id in order_ids:
            if order_id is not None and order_id in self._watched:
                for news in self._watched[order_id]:
                    news.set()


class Tail:
    """The end of the journal, and the callers that wait there."""

    def __init__(
        self, database: Database, reader: Reader, clock: Clock, doubt_safety: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock
        self._doubt_safety = doubt_safety
        #: The last sequence number that this process knows of.
        self.head = 0
        #: The last entries, without a gap, that this process added itself.
        self._own: deque[JournalEntry] = deque(maxlen=_OWN_ENTRIES)
        #: The orders that this process changed last, as its last entry left them.
        self._orders: OrderedDict[OrderKey, StoredOrder] = OrderedDict()
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._watches = Watches()
        #: The last sequence number of which those who wait for orders have been told.
        self._told = 0
        #: Set when other processes' entries must be read for them.
        self._must_read = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Learn the head and begin to watch for other processes' commits."""
        await self._refresh()
        self._tasks.append(asyncio.create_task(self._poll(), name="journal-poll"))
        self._tasks.append(asyncio.create_task(self._read_for_watches(), name="journal-watches"))
        if not self._database.is_sqlite:
            # Imported only here: psycopg takes nine megabytes, which a process on SQLite has no use for.
            from app.journal.reading.listener import listen

            announced = listen(
                self._database.url,
                self._clock,
                refresh=self._refresh,
                advance=self.advance,
                doubt_safety=self._doubt_safety,
            )
            self._tasks.append(asyncio.create_task(announced, name="journal-listen"))

    async def stop(self) -> None:
        """Stop watching and wake all waiting callers; may be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wake(lambda _: True)

    def advance(self, head: int, added: Sequence[JournalEntry] = (), changed: Sequence[StoredOrder] = ()) -> None:
        """The journal is known to reach ``head``; ``added`` is what this process has added up to there, ``changed`` the orders as
        that has left them.
        """
        for entry in added:
            # Also within one announcement: of a group that is written unit by unit, each has a commit of its own.
            if self._own and entry.seq != self._own[-1].seq + 1:
                self._own.clear()
                self._orders.clear()
            self._own.append(entry)
        for stored in changed:
            self._orders[stored.key] = stored
            self._orders.move_to_end(stored.key)
        while len(self._orders) > _OWN_ORDERS:
            self._orders.popitem(last=False)
        self._watches.tell(entry.order_id for entry in added)
        if head > self.head:
            if self._told == self.head and len(added) == head - self.head:
                self._told = head
            self.head = head
            self._wake(lambda seq: seq < head)
            if self._watches and self._told < head:
                self._must_read.set()

    def recall(self, key: OrderKey) -> StoredOrder | None:
        """The order as it is now, if this process changed it lately and no other process has written since, as far as it knows."""
        return self._orders.get(key) if self._own and self._own[-1].seq == self.head else None

    def added_after(self, seq: int) -> list[JournalEntry] | None:
        """All entries after ``seq``, if this process added every one of them lately; None if the database must be asked."""
        own = self._own
        if not own or own[-1].seq != self.head or own[0].seq > seq + 1:
            return None
        return newest(own, max(0, own[-1].seq - seq))

    async def wait_beyond(self, seq: int, timeout: float) -> int:  # noqa: ASYNC109 - running out is an answer here
        """The head as soon as it is above ``seq``, or as it is after ``timeout`` seconds."""
        if self.head <= seq:
            woken = asyncio.get_running_loop().create_future()
            self._waiting[woken] = seq
            try:
                await asyncio.wait((woken,), timeout=timeout)
            finally:
                self._waiting.pop(woken, None)
                woken.cancel()
        return self.head

    @contextmanager
    def watch(self, order_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever anything was recorded about an order of this id, by any process; the caller clears it."""
        if not self._watches:
            self._told = self.head
        with self._watches.watch(order_id) as news:
            yield news

    def _wake(self, concerns: Callable[[int], bool]) -> None:
        for woken, seq in list(self._waiting.items()):
            if concerns(seq):
                del self._waiting[woken]
                if not woken.done():
                    woken.set_result(None)

    async def _refresh(self) -> None:
        self.advance(await asyncio.to_thread(self._reader.head))

    async def _poll(self) -> None:
        while True:
            await self._clock.sleep(POLL_SECONDS)
            if self._waiting or self._watches:
                try:
                    await self._refresh()
                except JournalUnavailable:
                    # Nothing is lost: the next poll finds what this one would have found.
                    continue

    async def _read_for_watches(self) -> None:
        """Read what other processes have added for those who wait for an order: once for all of them, and only its orders' ids."""
        while True:
            await self._must_read.wait()
            self._must_read.clear()
            try:
                while self._watches and self._told < (head := self.head):
                    ids = await asyncio.to_thread(self._reader.order_ids_after, self._told, limit=_PAGE)
                    self._watches.tell(ids.values())
                    self._told = max(ids, default=head)
            except JournalUnavailable:
                self._must_read.set()
                await self._clock.sleep(POLL_SECONDS)

"""Event streams: every order, fill and balance event of the journal, in its order, from any point on.

While a stream is open, one reader per process follows the end of the journal and has the last entries in memory. A stream takes its
entries from there, and from the database where it starts further back or has fallen behind (``app.services.backlog``). A stream's
cursor is a sequence number of the journal, so a caller that comes back with the last one it saw misses nothing and sees nothing
twice, also after a restart of the server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from weakref import WeakValueDictionary

import structlog

from app.clock import Clock
from app.domain.errors import InvalidArgument, JournalUnavailable
from app.journal.filters import EventFilter
from app.journal.journal import Journal
from app.journal.records import JournalEntry
from app.journal.tail import newest
from app.services.backlog import Backlog, Render
from app.services.event_batch import EventBatch

log = structlog.get_logger(__name__)

#: Entries in memory: a second of the busiest day. A stream that is further behind reads from the database.
_RECENT = 2048
#: Entries that the process's own reader reads in one go.
_PAGE = 500
#: The most entries from memory that are told at once.
_SLICE = 256
#: Seconds between two wake-ups of the open streams, per stream. Waking a stream takes up to a tenth of a millisecond of the loop's
#: time, its network call included, so wake-ups take two hundredths of it for any number of streams. The first event after a
#: pause is sent at once.
_WAKE_PER_STREAM = 0.005
#: Bounds of the time between two wake-ups, in seconds: entries that come together share one, and none waits longer than a quarter
#: of a second.
_SHORTEST_WAKE = 0.005
_LONGEST_WAKE = 0.25
#: Seconds after which a stream without events yields a heartbeat. Proxies close a connection that is silent for a minute.
HEARTBEAT = 15.0
#: Seconds between attempts to read a database that does not answer.
_RETRY = 1.0


class EventStreams:
    """Follows the journal for all open event streams of this process."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._recent: deque[JournalEntry] = deque(maxlen=_RECENT)
        self._head = 0
        self._backlog = Backlog(journal)
        #: The batches in use, by the entries before and at their end and by their filter: streams that keep up share them.
        self._batches: WeakValueDictionary[tuple[int, int, EventFilter], EventBatch] = WeakValueDictionary()
        #: Set, and replaced, when there are new entries.
        self._wake = asyncio.Event()
        #: Set while a stream is open. Without one the journal is not read.
        self._has_streams = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._is_closed = False
        #: How many streams are open; for the metrics.
        self.open_count = 0

    async def start(self) -> None:
        """Begin to follow the journal while streams are open."""
        self._reader = asyncio.get_running_loop().create_task(self._follow_journal())

    def end(self) -> None:
        """End every stream; may be called twice."""
        self._is_closed = True
        self._wake_streams()

    async def close(self) -> None:
        """End every stream and stop reading; may be called twice."""
        self.end()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def check_start(self, since: int | None, name: str) -> None:
        """Raise ``InvalidArgument``, which calls the parameter by its ``name``, if there is no event ``since`` yet: such a stream
        would be silent until the journal has got there. Raises ``JournalUnavailable`` where that can't be found out.
        """
        if since is None or since <= self._journal.known_head:
            return
        # Another process may have written what this one has not heard of yet.
        head = await asyncio.to_thread(self._journal.head)
        if since > head:
            raise InvalidArgument(
                f"{name} is {since}, and the last event of this journal has the number {head}: it is another journal, or one that"
                " was restored from an older copy. Look up your orders with POST /trading/orders/search, then continue with"
                f" {name} {head}"
            )

    async def follow(
        self, since: int | None, wanted: EventFilter, render: Render | None = None
    ) -> AsyncIterator[EventBatch]:
        """The entries after ``since`` (from now on if None), as they come; an empty batch is a heartbeat, and its ``end`` is where
        the stream has got to. What is read from the database is rendered by ``render`` aside.

        Ends when the server stops. With a ``since`` beyond the end of the journal, which
        ``check_start`` refuses, entries up to it are not shown.
        """
        position = self._journal.known_head if since is None else since
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        self.open_count += 1
        self._has_streams.set()
        try:
            while not self._is_closed:
                try:
                    batch = await self._next(position, wanted, render)
                except JournalUnavailable as error:
                    await self._wait_for_journal(error)
                    continue
                is_due = loop.time() >= sent_at + HEARTBEAT
                if batch is None:
                    is_due = not await self._wait_for_entries(sent_at + HEARTBEAT)
                else:
                    position = batch.end
                if batch or is_due:
                    yield batch or EventBatch(end=position)
                    sent_at = loop.time()
        finally:
            self.open_count -= 1
            if not self.open_count:
                self._has_streams.clear()

    async def _next(self, position: int, wanted: EventFilter, render: Render | None) -> EventBatch | None:
        """The ``wanted`` ones of the next entries after ``position``; None if there are no entries."""
        head = self._head
        if position >= head:
            return None
        first = self._recent[0].seq if self._recent else head + 1
        if position + 1 < first:
            return await self._backlog.page(position, head, wanted, render)
        end = head
        if head - position > _SLICE:
            # One of many that have just caught up, or of few entries that came at once.
            await self._backlog.turn()
            end = position + _SLICE
            if not self._recent or self._recent[0].seq > position + 1:
                return await self._backlog.page(position, head, wanted, render)
        batch = self._batches.get((position, end, wanted))
        if batch is None:
            entries = newest(self._recent, head - position)[: end - position]
            batch = self._batches[position, end, wanted] = _batch(entries, wanted, end)
        return batch

    async def _wait_for_entries(self, until: float) -> bool:
        """Wait until there are new entries, but no longer than ``until`` by the loop's clock. Return whether there are."""
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _wait_for_journal(self, error: Exception) -> None:
        log.warning("streams can't read the journal", error=type(error).__name__, reason=str(error))
        await self._clock.sleep(_RETRY)

    def _wake_streams(self) -> None:
        """Wake every stream that waits now."""
        self._wake.set()
        self._wake = asyncio.Event()

    def _pause(self) -> float:
        """How long to collect entries before the streams are woken again."""
        return min(_LONGEST_WAKE, max(_SHORTEST_WAKE, _WAKE_PER_STREAM * self.open_count))

    async def _follow_journal(self) -> None:
        while True:
            if not self._has_streams.is_set():
                # The next stream begins at the end as it then is, or further back and reads up to it from the database.
                self._recent.clear()
                await self._has_streams.wait()
                self._head = self._journal.known_head
                self._wake_streams()
            await self._journal.wait_beyond(self._head, HEARTBEAT)
            try:
                entries = self._journal.added_after(self._head)
                if entries is None:
                    entries = await asyncio.to_thread(self._journal.tail, self._head, limit=_PAGE)
            except Exception as error:  # noqa: BLE001 - if this loop ended, every stream would be silent for ever; it is logged and tried again
                await self._wait_for_journal(error)
                continue
            if entries:
                self._recent.extend(entries)
                self._head = entries[-1].seq
                self._wake_streams()
                await self._clock.sleep(self._pause())


def _batch(entries: Sequence[JournalEntry], wanted: EventFilter, end: int) -> EventBatch:
    return EventBatch([entry for entry in entries if wanted.matches(entry)], end=end)

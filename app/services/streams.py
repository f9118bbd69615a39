"""Streams out: every order, fill and balance event, in the journal's order, from any point on.

While a stream is open, one reader per process follows the end of the journal and keeps the last entries in memory; every stream
takes its entries from there, and from the database where it starts further back or has fallen behind. A stream's position is a
sequence number of the journal, so a caller that comes back with the last one it saw misses nothing and sees nothing twice, also
after a restart of the server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from app.clock import Clock
from app.domain.errors import JournalUnavailable
from app.journal.journal import Journal
from app.journal.records import JournalEntry
from app.journal.tail import newest
from app.services.portion import Portion

log = structlog.get_logger(__name__)

#: Entries kept in memory: a second of the busiest day. Who is further behind reads from the database.
_RECENT = 2048
#: Entries read from the database in one go.
_PAGE = 500
#: Seconds between two rounds to the open streams, for each of them. A round costs some forty microseconds a stream before the first
#: byte of an entry, so waking streams takes a few hundredths of the loop however many they are; the first event after a pause goes
#: at once.
_ROUND_PER_STREAM = 0.0015
#: Bounds of a round, in seconds: entries that come together share one, and nobody waits longer than a quarter of a second.
_SHORTEST_ROUND = 0.005
_LONGEST_ROUND = 0.25
#: Seconds after which a stream that had nothing to tell says that it is alive. Proxies close what is silent for a minute.
HEARTBEAT = 15.0
#: Seconds between attempts to read a database that does not answer.
_RETRY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFilter:
    """What a stream shows; an empty tuple does not narrow. Balances have no pair and pass every filter of pairs."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()

    def takes(self, entry: JournalEntry) -> bool:
        """Whether ``entry`` is shown."""
        return (
            (not self.account_names or entry.account_name in self.account_names)
            and (not self.connector_names or entry.connector_name in self.connector_names)
            and (not self.trading_pairs or entry.trading_pair is None or entry.trading_pair in self.trading_pairs)
        )


class Streams:
    """Follows the journal for all open streams of this process."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._recent: deque[JournalEntry] = deque(maxlen=_RECENT)
        self._head = 0
        #: What is being told, by the entries before and at its end and by who wants it: streams that keep up share it.
        self._portions: WeakValueDictionary[tuple[int, int, StreamFilter], Portion] = WeakValueDictionary()
        self._round = asyncio.Event()
        #: Set while a stream is open: nothing is read for nobody.
        self._followed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._is_closed = False
        #: How many streams are open; for the metrics.
        self.open_count = 0

    async def start(self) -> None:
        """Be ready to follow the journal."""
        self._reader = asyncio.get_running_loop().create_task(self._follow_journal())

    def end(self) -> None:
        """End every stream; may be called twice."""
        self._is_closed = True
        self._end_round()

    async def close(self) -> None:
        """End every stream and stop reading; may be called twice."""
        self.end()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def follow(self, since: int | None, wanted: StreamFilter) -> AsyncIterator[Portion]:
        """The entries after ``since`` (from now on if None), as they come; an empty portion is a heartbeat.

        Ends when the server stops. A ``since`` beyond the end of the journal waits for it, as it would for any other future.
        """
        position = self._journal.known_head if since is None else since
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        self.open_count += 1
        self._followed.set()
        try:
            while not self._is_closed:
                try:
                    portion, end = await self._next(position, wanted)
                except JournalUnavailable as error:
                    await self._wait_for_journal(error)
                    continue
                if portion:
                    yield portion
                    told_at = loop.time()
                elif end == position and not await self._wait_round(told_at + HEARTBEAT):
                    yield Portion()
                    told_at = loop.time()
                position = end
        finally:
            self.open_count -= 1
            if not self.open_count:
                self._followed.clear()

    async def _next(self, position: int, wanted: StreamFilter) -> tuple[Portion, int]:
        """What is ``wanted`` of the entries after ``position``, and the last of these; ``position`` itself where there are none."""
        head = self._head
        if position >= head:
            return Portion(), position
        first = self._recent[0].seq if self._recent else head + 1
        if position + 1 < first:
            page = await asyncio.to_thread(self._journal.tail, position, limit=_PAGE)
            return _portion(page, wanted), page[-1].seq if page else position
        portion = self._portions.get((position, head, wanted))
        if portion is None:
            portion = self._portions[position, head, wanted] = _portion(newest(self._recent, head - position), wanted)
        return portion, head

    async def _wait_round(self, until: float) -> bool:
        """Whether there is news before the loop's clock says ``until``."""
        try:
            async with asyncio.timeout_at(until):
                await self._round.wait()
        except TimeoutError:
            return False
        return True

    async def _wait_for_journal(self, error: Exception) -> None:
        log.warning("streams can't read the journal", error=type(error).__name__, reason=str(error))
        await self._clock.sleep(_RETRY)

    def _end_round(self) -> None:
        """Wake every waiting stream, and let the next round begin."""
        self._round.set()
        self._round = asyncio.Event()

    def _pause(self) -> float:
        """How long to collect entries before the next round."""
        return min(_LONGEST_ROUND, max(_SHORTEST_ROUND, _ROUND_PER_STREAM * self.open_count))

    async def _follow_journal(self) -> None:
        while True:
            if not self._followed.is_set():
                # Whoever comes next begins at the end as it then is, or further back and reads up to it from the database.
                self._recent.clear()
                await self._followed.wait()
                self._head = self._journal.known_head
                self._end_round()
            await self._journal.wait_beyond(self._head, HEARTBEAT)
            try:
                entries = self._journal.added_after(self._head)
                if entries is None:
                    entries = await asyncio.to_thread(self._journal.tail, self._head, limit=_PAGE)
            except Exception as error:  # noqa: BLE001 - if this ended, every stream would go on in silence; it is told and tried again
                await self._wait_for_journal(error)
                continue
            if entries:
                self._recent.extend(entries)
                self._head = entries[-1].seq
                self._end_round()
                await self._clock.sleep(self._pause())


def _portion(entries: Sequence[JournalEntry], wanted: StreamFilter) -> Portion:
    return Portion([entry for entry in entries if wanted.takes(entry)])

"""Waiting for the journal to grow: the last sequence number as this process knows it, and who waits for a higher one.

Own commits are known at once, with what they added, from the writer. Commits of other processes come by PostgreSQL's LISTEN; a
slow poll is the net below it, and the only source where several processes share a SQLite file. Everything here runs on one event
loop. What other processes added, a ``Tail`` never tells; it must be read from the database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from app.clock import Clock
from app.domain.errors import JournalUnavailable
from app.journal.reader import Reader
from app.journal.records import JournalEntry
from app.storage.database import Database

#: Seconds between two looks at the database while somebody waits. LISTEN makes the normal case immediate; one small
#: read every two seconds costs nothing.
POLL_SECONDS = 2.0

#: Own entries kept for those who follow the end, who are seldom a tenth of a second behind.
_KEPT = 1024


def newest(entries: deque[JournalEntry], count: int) -> list[JournalEntry]:
    """The last ``count`` of ``entries``, found from the right: whoever follows the end is nearly there."""
    return [*islice(reversed(entries), count)][::-1]


class Tail:
    """The end of the journal, and those who wait there."""

    def __init__(self, database: Database, reader: Reader, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock
        #: The last sequence number that this process has heard of.
        self.head = 0
        #: The last entries without a gap, as far as this process added them itself.
        self._own: deque[JournalEntry] = deque(maxlen=_KEPT)
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Learn the head and begin to watch for other processes' commits."""
        await self._look()
        self._tasks.append(asyncio.create_task(self._poll(), name="journal-poll"))
        if not self._database.is_sqlite:
            # Imported only here: psycopg takes nine megabytes, which a process on SQLite has no use for.
            from app.journal.listener import listen

            announced = listen(self._database.url, self._clock, look=self._look, advance=self.advance)
            self._tasks.append(asyncio.create_task(announced, name="journal-listen"))

    async def stop(self) -> None:
        """End watching and wake everybody; may be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wake(lambda _: True)

    def advance(self, head: int, added: Sequence[JournalEntry] = ()) -> None:
        """The journal is known to reach ``head``; ``added`` is what this process has added up to there."""
        for entry in added:
            # Also within one announcement: of a group that is written unit by unit, each has a commit of its own.
            if self._own and entry.seq != self._own[-1].seq + 1:
                self._own.clear()
            self._own.append(entry)
        if head > self.head:
            self.head = head
            self._wake(lambda seq: seq < head)

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

    def _wake(self, concerns: Callable[[int], bool]) -> None:
        for woken, seq in list(self._waiting.items()):
            if concerns(seq):
                del self._waiting[woken]
                if not woken.done():
                    woken.set_result(None)

    async def _look(self) -> None:
        self.advance(await asyncio.to_thread(self._reader.head))

    async def _poll(self) -> None:
        while True:
            await self._clock.sleep(POLL_SECONDS)
            if self._waiting:
                try:
                    await self._look()
                except JournalUnavailable:
                    # Those who wait lose nothing: the next look finds what this one would have found.
                    continue

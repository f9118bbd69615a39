"""What streams that start far back are told: pages of the journal, read and encoded once for all who are at the same place.

However many such streams there are, one page is read at a time, on a thread, and one slice is handed out at a time, with pauses in
between. So they take a part of the process's time that does not grow with their number, and orders go first.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from app.journal.filters import EventFilter
from app.journal.journal import Journal
from app.journal.records import JournalEntry
from app.services.event_batch import EventBatch

#: Entries of a page. A page is decoded and encoded in one go, in which nothing else of the process runs: about two milliseconds.
PAGE = 32
#: Entries that are looked through for a page of those that a filter wants; the database does that aside.
_SPAN = 4096
#: Pages in memory, about a hundred kilobytes each.
_PAGES = 64
#: Seconds of pause for each second of the loop's work, and for each of reading, which takes turns with it.
_PAUSE_PER_WORK = 8.0
_PAUSE_PER_READING = 1.5
#: Seconds of the loop's work that count for a pause, so that streams get on beside a loop that never rests.
_LONGEST_WORK = 0.01
#: The shortest pause that is worth a timer, in seconds.
_SHORTEST_PAUSE = 0.0005

Render = Callable[[Sequence[JournalEntry]], Any]


class Backlog:
    """The pages of one journal, and the turns of those who want them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._turns = asyncio.Lock()
        #: The processor time of the loop's thread at the end of the last turn, in seconds, and what reading took beside it.
        self._worked_at = 0.0
        self._read_for = 0.0
        self._pages: OrderedDict[tuple[int, EventFilter, Render | None], EventBatch] = OrderedDict()

    async def page(self, position: int, head: int, wanted: EventFilter, render: Render | None) -> EventBatch:
        """The ``wanted`` entries of the next page after ``position``, once it is the caller's turn, rendered by ``render``. Its
        ``end`` is at most ``head``, which must lie beyond ``position``. Raises ``JournalUnavailable``.
        """
        async with self._turns:
            await self._pause()
            key = (position, wanted, render)
            page = self._pages.get(key)
            # A page that ended at the head as it was then may be short.
            if page is None or (page.is_short and page.end < head):
                page = await asyncio.to_thread(self._read, position, head, wanted, render)
                self._pages[key] = page
                if len(self._pages) > _PAGES:
                    self._pages.popitem(last=False)
            self._pages.move_to_end(key)
            return page

    async def turn(self) -> None:
        """Wait for a turn without a page, for what is in memory already."""
        async with self._turns:
            await self._pause()

    async def _pause(self) -> None:
        """Let the others have their part: what the loop has done since the last turn counts, whoever it was for."""
        now = time.thread_time()
        pause = _PAUSE_PER_WORK * min(now - self._worked_at, _LONGEST_WORK) + _PAUSE_PER_READING * self._read_for
        self._read_for = 0.0
        if pause >= _SHORTEST_PAUSE:
            # Not a clock's sleep: it is the machine's time that is shared out here.
            await asyncio.sleep(pause)
        self._worked_at = time.thread_time()

    def _read(self, position: int, head: int, wanted: EventFilter, render: Render | None) -> EventBatch:
        """On a thread: read a page and render it."""
        began = time.thread_time()
        # Pages end at the same places for everybody, so that streams that began at different ones soon share them.
        span = _SPAN if wanted.is_narrow else PAGE
        up_to = min((position // span + 1) * span, head)
        entries = self._journal.tail(position, limit=PAGE, up_to=up_to, wanted=wanted)
        end = entries[-1].seq if len(entries) == PAGE else up_to
        page = EventBatch(entries, end=end, is_short=up_to == head and len(entries) < PAGE)
        if render is not None and entries:
            page.rendered_by(render)
        self._read_for = time.thread_time() - began
        return page

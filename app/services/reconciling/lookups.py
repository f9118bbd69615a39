"""Reports of a stream about orders that this process does not have in memory: they are looked up in the journal, together.

One look-up is under way at a time, and all reports that come meanwhile share the next one. So a stream that is full of other
programs' orders costs a few small reads a second, whatever comes, and each foreign order is looked up once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from app.domain.reports import OrderReport

#: Reports that may wait. A stream that is faster waits, too: its connection is then read more slowly.
_MOST = 1_000


class Lookups:
    """Collects reports and hands them over together. ``look_up`` gets them in the order in which they came."""

    def __init__(self, look_up: Callable[[Sequence[OrderReport]], Awaitable[None]]) -> None:
        self._look_up = look_up
        self._waiting: list[OrderReport] = []
        self._has_some = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def put(self, report: OrderReport) -> None:
        """Let ``report`` be looked up soon; waits while there are too many."""
        await self._has_room.wait()
        self.add(report)

    def add(self, report: OrderReport) -> None:
        """Let ``report`` be looked up soon, however many there are."""
        self._waiting.append(report)
        self._has_some.set()
        if len(self._waiting) >= _MOST:
            self._has_room.clear()

    async def run(self) -> None:
        """Look up what comes, until cancelled. Raises what ``look_up`` raises; the reports that it had got are dropped then."""
        while True:
            await self._has_some.wait()
            await self.look_up_waiting()

    async def look_up_waiting(self) -> None:
        """Look up the reports that are waiting now."""
        reports, self._waiting = self._waiting, []
        self._has_some.clear()
        self._has_room.set()
        await self._look_up(reports)

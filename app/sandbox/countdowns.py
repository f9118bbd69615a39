"""Countdowns of an exchange: at the end of one, all open orders of its account are canceled, or those on its symbol.

A caller sets them again and again, so that its orders go when it does. They run whether or not anybody is connected; a server that
is stopped and started again goes on with them, a new process has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from app.paper.refusals import PaperUnavailable
from app.sandbox.venue import Venue

#: The pause after the store was locked; other processes lock it for milliseconds.
_RETRY_SECONDS = 0.1

#: An account, and where countdowns are by symbol a trading pair.
_Key = tuple[str, ...]


class Countdowns:
    """The running countdowns of all accounts, one for each key. ``cancel_all`` is called with it on the exchange's thread."""

    def __init__(self, venue: Venue, cancel_all: Callable[..., None]) -> None:
        self._venue = venue
        self._cancel_all = cancel_all
        self._ends_at: dict[_Key, datetime] = {}
        self._tasks: dict[_Key, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Go on with the countdowns from before ``stop``."""
        for key in self._ends_at:
            self._tasks[key] = asyncio.create_task(self._run(key))

    async def stop(self) -> None:
        """Pause all of them; may be called twice."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def set(self, *key: str, milliseconds: int) -> None:
        """Start a countdown in place of the running one; 0 only ends that."""
        running = self._tasks.pop(key, None)
        if running is not None:
            running.cancel()
        self._ends_at.pop(key, None)
        if milliseconds:
            self._ends_at[key] = self._venue.clock.now() + timedelta(milliseconds=milliseconds)
            self._tasks[key] = asyncio.create_task(self._run(key))

    async def _run(self, key: _Key) -> None:
        left = self._ends_at[key] - self._venue.clock.now()
        await self._venue.clock.sleep(max(0.0, left.total_seconds()))
        while True:
            try:
                await self._venue.run(self._cancel_all, *key)
                break
            except PaperUnavailable:
                await self._venue.clock.sleep(_RETRY_SECONDS)
        del self._ends_at[key], self._tasks[key]

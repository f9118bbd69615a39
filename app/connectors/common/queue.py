"""The events of a market's stream that one follower has not read yet: in order, and bounded.

A follower that is too slow gets a ``Gap`` in place of what it did not read, so that its queue can't grow without end.
"""

from __future__ import annotations

import asyncio
from collections import deque

from app.domain.reports import Gap, Lost, MarketEvent

#: Ten seconds of the wildest market, in which a follower may be waiting for an answer over REST.
_MOST = 10_000


class MarketQueue:
    """One follower's queue."""

    def __init__(self) -> None:
        self._events: deque[MarketEvent] = deque()
        self._arrived = asyncio.Event()
        self._failure: Exception | None = None

    def put(self, event: MarketEvent) -> None:
        """Add ``event``."""
        if len(self._events) >= _MOST:
            self._events.clear()
            event = event if isinstance(event, Lost) else Gap(reason="more came than could be read")
        self._events.append(event)
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        """Let ``next`` raise ``error`` once every event has been read."""
        self._failure = error
        self._arrived.set()

    async def next(self) -> MarketEvent:
        """The next event. Raises the error that ``fail`` was given."""
        while not self._events:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

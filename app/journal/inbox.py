"""From the event loop to the writer's thread: whatever is handed in, taken out in groups.

Waking a thread for every unit would cost as much as writing it, so the thread says how many it waits for and is woken once, when
they are there or their time is over.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds for which a group waits to become as large as the last ones were: who came together comes together again. A transaction
#: costs as much processor time as half an order, whoever shares it.
_GATHER = 0.0004

#: What a thread waits for that waits for nothing.
_NEVER = sys.maxsize


class Inbox(Generic[T]):
    """One thread puts, one other takes. ``largest`` is the most that it takes at once."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._items: deque[T] = deque()
        #: Whether nothing more will come.
        self.is_closed = False
        #: Rings that were not heard yet. One too many only makes the taker look once more.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._wanted = _NEVER
        #: How large the last groups were.
        self._usual = 1

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Hand in ``item``."""
        # First the item, then the look at what is wanted; the taker does both the other way round, so that one of them sees it.
        self._items.append(item)
        if len(self._items) >= self._wanted:
            self._ring()

    def close(self) -> None:
        """Say that nothing more will come; may be said twice."""
        self.is_closed = True
        self._ring()

    def take(self) -> list[T]:
        """Wait for an item and for those that come with it. Empty once all has been taken and the inbox is closed."""
        self._wait(1, None)
        self._wait(self._usual, time.monotonic() + _GATHER)
        group = [self._items.popleft() for _ in range(min(len(self._items), self._largest))]
        # Smaller each time, so that a crowd that has gone is soon not waited for any more.
        self._usual = max(len(group), self._usual - 1 - self._usual // 16)
        return group

    def _ring(self) -> None:
        self._wanted = _NEVER
        self._bell.put(None)

    def _wait(self, count: int, until: float | None) -> None:
        """Wait until ``count`` items are there or time is up."""
        while True:
            self._wanted = count
            if len(self._items) >= count or self.is_closed:
                break
            try:
                self._bell.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except Empty:
                break
        self._wanted = _NEVER

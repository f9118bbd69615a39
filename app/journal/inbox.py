"""The way from the event loop to the writer's thread: items one by one in, groups out."""

from __future__ import annotations

import sys
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds for which a group waits to become as large as the last ones were, since callers that came together usually come together
#: again. A transaction costs as much processor time as half an order, however many share it.
_GATHER = 0.0004

#: The count that a thread waits for while it does not wait.
_NEVER = sys.maxsize


class Inbox(Generic[T]):
    """From the event loop to the writer's thread: items are put one by one and taken in groups, ``largest`` at the most.

    Waking a thread for every unit would cost as much as writing it. So the thread says how many it waits for, and is woken once:
    when they are there, or when its time is over.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._items: deque[T] = deque()
        #: Whether the last item has been put.
        self.is_closed = False
        #: Wake-ups that the taker has not seen yet. One too many only makes it look once more.
        self._wakeups: SimpleQueue[None] = SimpleQueue()
        self._wanted = _NEVER
        #: How large the last groups were.
        self._usual = 1

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add ``item``."""
        # First the item, then the look at what is wanted; the taker does both the other way round, so that one of them sees it.
        self._items.append(item)
        if len(self._items) >= self._wanted:
            self._wake()

    def close(self) -> None:
        """Say that no item will follow; may be called twice."""
        self.is_closed = True
        self._wake()

    def take(self) -> list[T]:
        """Wait for an item and for those that come with it. Empty once all has been taken and the inbox is closed."""
        self._wait(1, None)
        self._wait(self._usual, time.monotonic() + _GATHER)
        group = [self._items.popleft() for _ in range(min(len(self._items), self._largest))]
        # Smaller each time, so that callers that have gone are soon not waited for.
        self._usual = max(len(group), self._usual - 1 - self._usual // 16)
        return group

    def _wake(self) -> None:
        self._wanted = _NEVER
        self._wakeups.put(None)

    def _wait(self, count: int, until: float | None) -> None:
        """Wait until ``count`` items are there or time is up."""
        while True:
            self._wanted = count
            if len(self._items) >= count or self.is_closed:
                break
            try:
                self._wakeups.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except Empty:
                break
        self._wanted = _NEVER

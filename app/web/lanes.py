"""Threads that verify passwords: one each for those who have signed in before and for strangers, so that no flood of the others
keeps anybody waiting.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

#: Verifications that wait in a lane, and those of one party among them. Further ones are refused at once instead of waiting for
#: minutes: one takes 64 MiB and all processors for a tenth of a second.
MOST_WAITING = 16
MOST_WAITING_OF_PARTY = 4

#: The niceness of the threads that verify.
_LOWEST_PRIORITY = 19


class Lane:
    """One thread that verifies, and those who wait for it: few, and few of each party."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, f"authentication-{name}", initializer=_give_way)
        self._waiting: Counter[str] = Counter()

    def has_room(self, who: str) -> bool:
        """Whether one more of this party may wait."""
        return self._waiting.total() < MOST_WAITING and self._waiting[who] < MOST_WAITING_OF_PARTY

    def enter(self, who: str) -> None:
        """One more waits."""
        self._waiting[who] += 1

    def leave(self, who: str) -> None:
        """One less."""
        self._waiting[who] -= 1
        if not self._waiting[who]:
            del self._waiting[who]

    async def run(self, work: Callable[..., bool], *arguments: object) -> bool:
        """The result of ``work`` in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def close(self) -> None:
        """Stop the thread. May be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    """Let the event loop have the processor first. The threads that argon2 starts inherit it."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)

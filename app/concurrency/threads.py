"""Threads that serve one purpose alone, and opening in a thread what takes time to open.

A caller who is cancelled meanwhile leaves nothing open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """So many threads, which nobody else can keep busy."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """What ``function`` returns, from one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        """Take nothing more; what runs ends. May be called twice."""
        self._pool.shutdown(wait=False)


async def open_in_thread(open_it: Callable[[], T], close: Callable[[T], None]) -> T:
    """What ``open_it`` returns, from a thread. If the caller is cancelled meanwhile, it is closed before the cancellation goes on.

    A thread can't be stopped, and without the caller nobody would know of what it opens.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, open_it)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait((opening,))
        if opening.exception() is None:
            await asyncio.to_thread(close, opening.result())
        raise

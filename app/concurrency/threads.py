"""Opening in a thread what takes time to open, so that a caller who is cancelled leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


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

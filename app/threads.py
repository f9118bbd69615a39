"""Opening on a thread what takes time to open, such that a caller who is cancelled leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def opened(opening: Callable[[], T], close: Callable[[T], None]) -> T:
    """What ``opening`` returns, from a thread. For a caller who is cancelled meanwhile it is closed again, before the
    cancellation goes on: the thread can't be stopped, and nobody else would know of what it brings.
    """
    coming = asyncio.get_running_loop().run_in_executor(None, opening)
    try:
        return await asyncio.shield(coming)
    except asyncio.CancelledError:
        await asyncio.wait((coming,))
        if coming.exception() is None:
            await asyncio.to_thread(close, coming.result())
        raise

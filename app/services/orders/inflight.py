"""Work that must not be interrupted: it goes on when its caller hangs up, and a stopping server waits for it.

It lets an order's answer be recorded when a client disconnects, or SIGTERM arrives, after the order was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from app.domain.errors import ShuttingDown

log = structlog.get_logger(__name__)

T = TypeVar("T")


class InFlight:
    """The orders and cancels that are under way in this process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even if the caller is cancelled. Raises ``ShuttingDown`` once ``drain`` was called."""
        if self._is_closed:
            work.close()
            raise ShuttingDown("The server is shutting down and takes no new orders")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def close(self) -> None:
        """Take no new work from now on."""
        self._is_closed = True

    async def drain(self, limit: timedelta) -> int:
        """Take no new work and wait for the rest. Return how many did not end within ``limit``."""
        self.close()
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(set(self._tasks), timeout=limit.total_seconds())
        if late:
            log.warning("orders left to recovery", count=len(late))
        return len(late)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # The caller may have hung up. Reading the exception here keeps asyncio from reporting it as never retrieved.
            task.exception()

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
    """The orders and cancels that are under way in this process.

    A stopping server takes no new orders, and cancels as long as it can: who can't place any more may still have to get out.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = self._is_over = False

    async def run(self, work: Coroutine[Any, Any, T], *, is_cancel: bool = False) -> T:
        """Run ``work`` to its end even if the caller is cancelled.

        Raises ``ShuttingDown`` once ``close`` was called; for a cancel, once ``drain`` has waited.
        """
        if self._is_over or (self._is_closed and not is_cancel):
            work.close()
            raise ShuttingDown("The server is shutting down and takes no new orders")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def close(self) -> None:
        """Take no new orders from now on."""
        self._is_closed = True

    async def wait(self, limit: timedelta) -> int:
        """Wait for what is under way now. Return how many did not end within ``limit``."""
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(set(self._tasks), timeout=limit.total_seconds())
        return len(late)

    async def drain(self, limit: timedelta) -> int:
        """Take no new orders, wait for the rest, and take no more cancels. Return how many did not end within ``limit``."""
        self.close()
        late = await self.wait(limit)
        self._is_over = True
        if late:
            log.warning("orders left to recovery", count=late)
        return late

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # The caller may have hung up. Reading the exception here keeps asyncio from reporting it as never retrieved.
            task.exception()

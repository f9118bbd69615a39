"""Work that must not be interrupted, and the calls within it, which end by their deadline.

The work goes on when its caller hangs up, and a stopping server waits for it, so that an order's answer is recorded when a client
disconnects, or SIGTERM arrives, after the order was sent. It can wait for that because no call lasts longer than its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from app.clock import Clock
from app.connectors.base import SENDING_CHECK, SendingCheck
from app.domain.errors import ExchangeDown, ShuttingDown
from app.domain.reports import OrderReport
from app.metrics import Metrics, Stopwatch

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


class Calls:
    """The calls that place and cancel, each within ``timeout`` of its beginning, and measured."""

    def __init__(self, metrics: Metrics, timeout: timedelta, clock: Clock) -> None:
        self._metrics = metrics
        self._timeout = timeout
        self._clock = clock

    async def make(
        self,
        call: Callable[[], Coroutine[Any, Any, OrderReport]],
        connector_name: str,
        verb: str,
        started: float,  # the clock's monotonic seconds
        begun_at: datetime,
        stopwatch: Stopwatch,
        check: SendingCheck | None = None,
    ) -> OrderReport:
        """The exchange's answer to ``call``, whose attempt began at ``started`` and ``begun_at``. The time that is left is looked
        at again when the first byte leaves, as is ``check``, which raises what keeps it back. How long the call took is measured,
        also where it fails. Raises ``ExchangeDown``, ``TimeoutError``, and what ``call`` raises.
        """
        time_left = partial(self._time_left, started, begun_at, verb)
        limit = time_left()
        token = SENDING_CHECK.set(time_left if check is None else partial(_both, time_left, check))
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await call()
        finally:
            SENDING_CHECK.reset(token)
            self._metrics.observe_call(connector_name, verb, stopwatch.lap("exchange"))

    def _time_left(self, started: float, begun_at: datetime, verb: str) -> timedelta:
        """The time in which a call may still be made. Raises ``ExchangeDown`` if there is none: the process may have been suspended
        since the attempt began, or the wall clock set. What is too late by either clock must not be sent.
        """
        passed = timedelta(seconds=self._clock.monotonic() - started)
        left = self._timeout - max(passed, self._clock.now() - begun_at)
        if left <= timedelta(0):
            what = "cancel" if verb == "cancel" else "order"
            raise ExchangeDown(f"The {what} was not sent: its time was over before it could leave")
        return min(left, self._timeout)


def _both(first: SendingCheck, second: SendingCheck) -> None:
    first()
    second()

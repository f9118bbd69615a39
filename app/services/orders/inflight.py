"""Work that must not be interrupted, the calls within it, which end by their deadline, and what streams say during them.

The work goes on when its caller hangs up, and a stopping server waits for it, so that an order's answer is recorded when a client
disconnects, or SIGTERM arrives, after the order was sent. It can wait for that because no call lasts longer than its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from app.clock import Clock
from app.connectors.base import SENDING_CHECK, SendingCheck
from app.domain.errors import ExchangeDown, ShuttingDown
from app.domain.events import OrderEvent
from app.domain.observation import observe
from app.domain.order import Anomaly, Order, OrderKey
from app.domain.reports import OrderReport
from app.journal.units import Decide
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


#: Takes a report that no answer has taken along.
TakeBack = Callable[[OrderKey, OrderReport], None]


class Said(list[tuple[OrderReport, TakeBack]]):
    """What streams have said of one order while an answer about it was awaited, in the order in which it came."""

    def before_and_after(self, decide: Decide, clock: Clock) -> Decide:
        """What the streams said and then what ``decide`` decides, each on the order as those before leave it. A rejection comes
        after it, since the answer tells why.
        """
        steps = [
            *(_decide_on(report, clock) for report, _ in self if report.state != "rejected"),
            decide,
            *(_decide_on(report, clock) for report, _ in self if report.state == "rejected"),
        ]
        return partial(_decide_in_turn, steps)

    def is_ahead_of(self, order: Order) -> bool:
        """Whether the streams count fills that ``order`` does not have."""
        return any(report.filled_amount > order.filled_amount for report, _ in self)


class Awaited:
    """The orders whose answers this process waits for, and what streams have said of them meanwhile.

    Most of that the answer says as well. So it waits, and is recorded with the answer, in one commit. Who puts a report here keeps
    a reference to it, and takes it out again if the answer is too slow.
    """

    def __init__(self) -> None:
        self._said: dict[OrderKey, Said] = {}

    @contextmanager
    def answer(self, key: OrderKey) -> Iterator[None]:
        """Within it an answer about the order is awaited and recorded. What nobody has taken by then is given back."""
        if key in self._said:  # a cancel while the order is being placed, or another cancel
            yield
            return
        self._said[key] = Said()
        try:
            yield
        finally:
            _give_back(key, self._said.pop(key))

    def put(self, key: OrderKey, report: OrderReport, take_back: TakeBack) -> bool:
        """Let ``report`` wait for the answer about the order. False if none is awaited."""
        said = self._said.get(key)
        if said is None:
            return False
        said.append((report, take_back))
        return True

    def take_out(self, key: OrderKey, report: OrderReport) -> bool:
        """See to it that ``report`` waits no longer. False if it does not wait any more."""
        said = self._said.get(key, Said())
        left = Said(each for each in said if each[0] is not report)
        if len(left) == len(said):
            return False
        self._said[key] = left
        return True

    @contextmanager
    def said(self, key: OrderKey) -> Iterator[Said]:
        """Within it all that waits about the order is recorded, and waits no longer. If that raises, it is given back."""
        said = self._said.get(key)
        if not said:
            yield Said()
            return
        self._said[key] = Said()
        try:
            yield said
        except BaseException:
            _give_back(key, said)
            raise


def _give_back(key: OrderKey, said: Said) -> None:
    for report, take_back in said:
        take_back(key, report)


def _decide_on(report: OrderReport, clock: Clock) -> Decide:
    """What a report of a stream adds to the order."""

    def decide(order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
        evidence, now = f"the exchange's stream said {report.state}", clock.now()
        return observe(order, report, known_fills=known_fills, at=now, source="stream", evidence=evidence).events

    return decide


def _decide_in_turn(steps: Sequence[Decide], order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
    events: list[OrderEvent] = []
    for step in steps:
        decided = step(order, known_fills)
        for event in decided:
            # What the lifecycle does not allow becomes an anomaly in the journal, which changes nothing.
            with suppress(Anomaly):
                order = order.apply(event)
        known_fills |= {event.fill.exchange_fill_id for event in decided if event.fill is not None}
        events += decided
    return events


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
        started: float,  # float: the clock's monotonic seconds
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

    def _time_left(
        self, started: float, begun_at: datetime, verb: str
    ) -> timedelta:  # float: the clock's monotonic seconds
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

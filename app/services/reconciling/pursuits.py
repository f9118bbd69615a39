"""Pursuing: orders are asked about in the background, with growing pauses, until nothing about them is in doubt.

Asking changes nothing at the exchange, so two processes that pursue the same order do no harm: the journal takes each fact once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.concurrency.backoff import Backoff
from app.concurrency.waiting import wait_for_event
from app.domain.enums import EventKind
from app.domain.errors import (
    ConnectorNotConfigured,
    ExchangeAccountChanged,
    ExchangeReadError,
    JournalInDoubt,
    JournalUnavailable,
)
from app.domain.lifecycle import FINAL
from app.domain.order import STUCK, Order, OrderKey
from app.domain.wording import text_of
from app.services.orders.recorder import Recorder

log = structlog.get_logger(__name__)

#: Pauses before each question about one order, in seconds. The first comes soon, because most doubt is a lost reply and the order
#: is there; the last repeats for as long as it takes.
_QUESTION_PAUSES = (0.2, 1.0, 3.0, 10.0, 30.0, 60.0)
#: Questions under way at once on one connector; enough to clear a thousand doubts in a minute without eating an exchange's limits.
_AT_ONCE = 4
#: Errors that asking again does not heal: the exchange answers, and its answer is no order.
_NO_QUESTION_SETTLES = (ExchangeReadError, ExchangeAccountChanged, ConnectorNotConfigured)
#: How long an order must have been in doubt before it is shown as stuck.
_STUCK_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An order after a question. ``is_settled``: nothing about it is in doubt, so there is no reason to ask again. Otherwise
    ``ask_at`` is when the next question can bring more, where that is known. ``is_unprovable``: the exchange denies the order, and
    no denial of its will ever be proof.
    """

    order: Order
    is_settled: bool
    is_unprovable: bool = False
    ask_at: datetime | None = None


@dataclass(slots=True)
class _Pursuit:
    """An order that is being asked about. Setting ``is_urgent`` ends the pause before the next question, which comes at
    ``next_at``; None while it is being asked.
    """

    task: asyncio.Task[None]
    is_urgent: asyncio.Event
    next_at: datetime | None = None


class Pursuits:
    """The orders that are being asked about. ``find`` gives an order of the journal; ``settle`` asks about one once."""

    def __init__(
        self,
        *,
        find: Callable[[OrderKey], Awaitable[Order]],
        settle: Callable[[OrderKey], Awaitable[Settled]],
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._find = find
        self._settle = settle
        self._recorder = recorder
        self._clock = clock
        self._running: dict[OrderKey, _Pursuit] = {}
        #: By connector, so that an exchange that lets every question time out holds up no other's.
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
        self._is_closed = False

    def wake(self, key: OrderKey, *, at_once: bool = True) -> None:
        """Pursue an order until it is settled. If it is being pursued already, ask now instead of after the pause, unless
        ``at_once`` is False.
        """
        if self._is_closed:
            return
        pursuit = self._running.get(key)
        if pursuit is None:
            is_urgent = asyncio.Event()
            task = asyncio.get_running_loop().create_task(self._pursue(key, is_urgent))
            self._running[key] = _Pursuit(task, is_urgent)
        elif at_once:
            pursuit.is_urgent.set()

    def ask_at_once(self, key: OrderKey) -> None:
        """Pursue an order, from a first question that comes without a pause."""
        self.wake(key, at_once=False)
        if key in self._running:
            self._running[key].is_urgent.set()

    def next_question_at(self, key: OrderKey) -> datetime | None:
        """When an order is asked about next; None where it is not pursued here, or is being asked about now."""
        pursuit = self._running.get(key)
        return None if pursuit is None else pursuit.next_at

    async def close(self) -> None:
        """Stop asking; what is not settled is in the journal, for the next process to take up."""
        self._is_closed = True
        tasks = [pursuit.task for pursuit in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()

    async def _pursue(self, key: OrderKey, is_urgent: asyncio.Event) -> None:
        try:
            backoff = Backoff(_QUESTION_PAUSES)
            ask_at: datetime | None = None
            while True:
                await self._pause(key, is_urgent, backoff.next_pause(), ask_at)
                # A caller that wakes the pursuit from here on may know more than the coming answer says.
                is_urgent.clear()
                settled = await self._try_to_settle(key)
                if settled is not None and settled.is_settled and not is_urgent.is_set():
                    return
                ask_at = None if settled is None else settled.ask_at
        finally:
            self._running.pop(key, None)

    async def _try_to_settle(self, key: OrderKey) -> Settled | None:
        try:
            async with self._slots[key.connector_name]:
                settled = await self._settle(key)
            if settled.is_unprovable:
                await self._note_stuck(key, "The exchange denies the order, and its denial is no proof")
            return settled
        except Exception as error:  # noqa: BLE001 - whatever kept us from an answer, the order stays as it is and is asked again
            log.warning("order not settled yet", order_id=key.order_id, error=type(error).__name__, text=text_of(error))
            if isinstance(error, _NO_QUESTION_SETTLES):
                with suppress(JournalUnavailable, JournalInDoubt):
                    await self._note_stuck(key, error.detail)
            return None

    async def _note_stuck(self, key: OrderKey, why: str) -> None:
        """Record once that questions about an order have brought nothing but errors for a while, and what can be done about it."""
        order = await self._find(key)
        if order.state in FINAL or order.error_code == STUCK or self._clock.now() < order.updated_at + _STUCK_AFTER:
            return
        await self._recorder.note(
            key,
            EventKind.STUCK,
            "recovery",
            reason_code=STUCK,
            reason=(
                f"{why}. Questions do not settle the order: look at the exchange, then end it with"
                f" POST /trading/orders/{key.order_id}/resolve"
            ),
            evidence=f"no answer about the order for {_STUCK_AFTER}",
            as_seen=order,
        )

    async def _pause(self, key: OrderKey, is_urgent: asyncio.Event, seconds: float, ask_at: datetime | None) -> None:
        """Wait for ``seconds``, or until ``ask_at`` if that comes earlier, or until ``is_urgent`` is set."""
        now = self._clock.now()
        if ask_at is not None:
            seconds = min(seconds, max(0.0, (ask_at - now).total_seconds()))
        pursuit = self._running[key]
        pursuit.next_at = now + timedelta(seconds=seconds)
        await wait_for_event(is_urgent, self._clock, seconds)
        pursuit.next_at = None

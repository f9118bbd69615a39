"""Cancelling what a halt is to cancel, until nothing of it is left: by the process that halts, and by those that have the accounts.

Nothing of it is held in memory alone. Which halts want what cancelled is in the journal, and so is what is still active, so any
process takes up the work of one that died. Two that cancel the same order do no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.domain.caller import Actor
from app.domain.enums import HaltCancel, OrderState
from app.domain.errors import OrdergateError, OrderRefused
from app.domain.order import Order, OrderKey
from app.domain.safety.halts import Halt
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.units.guard import Guard
from app.journal.units.safety import FindEntries
from app.services.orders.admitting import market_of
from app.services.orders.placing import Orders
from app.services.reconciling.settling import Settling
from app.services.safety.evidence import Evidence
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds between two sweeps of the halts that hold.
_INTERVAL = 1.0
#: After which an order whose cancel came to nothing is cancelled again. Where the exchange refused it, each time after twice as
#: long: a request counts as news of the order, and that the exchange does not have it any more is proven only when there was none
#: for long enough.
_AGAIN = timedelta(seconds=5)
#: After which it is forgotten how often an order was cancelled.
_FORGOTTEN = timedelta(hours=2)
#: Cancels under way at once: an exchange's limits are shared with everything else.
_AT_ONCE = 8


class Sweeps:
    """Chases what is unknown and cancels what a halt names."""

    def __init__(
        self,
        *,
        journal: Journal,
        orders: Orders,
        settling: Settling,
        sessions: Sessions,
        evidence: Evidence,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._orders = orders
        self._settling = settling
        self._sessions = sessions
        self._evidence = evidence
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)
        #: When each order was last cancelled by this process, and when it may be again.
        self._asked: dict[OrderKey, tuple[datetime, datetime]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep as long as halts hold that want something cancelled."""
        self._task = asyncio.get_running_loop().create_task(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self, halt: Halt) -> None:
        """Sweep what the halt names, as ``clear`` does."""
        await self.clear(halt.scope, halt.cancel, by="halt")

    async def clear(self, scope: Scope, cancel: HaltCancel, *, by: str, before: int | None = None) -> bool:
        """Ask about the orders of ``scope`` that are unknown, then cancel those that ``cancel`` names; with ``before`` only those
        whose first event has a lower number. ``by`` is who cancels, as the orders' events tell it. Whether nothing was left to do.
        Raises nothing of orders.
        """
        stored = await self._evidence.orders_of(scope)
        orders = [each.order for each in stored if before is None or each.number < before]
        unknown = [order for order in orders if order.state is OrderState.UNKNOWN]
        asked = await asyncio.gather(*(self._chase(order) for order in unknown))
        known = [order for order in orders if order.state is OrderState.OPEN]
        # One that is still unknown is not cancelled: nobody knows whether it is there, and each request would put off the proof.
        found = [order for order in asked if order is not None and order.state is OrderState.OPEN]
        wanted = await self._wanted(cancel, [*known, *found])
        now = self._clock.now()
        self._asked = {key: times for key, times in self._asked.items() if now - times[1] < _FORGOTTEN}
        await asyncio.gather(*(self._cancel(order, by) for order in wanted if self._is_due(order.key, now)))
        return not unknown and not wanted and len(known) == len(orders)

    def _is_due(self, key: OrderKey, now: datetime) -> bool:
        return key not in self._asked or now >= self._asked[key][1]

    async def _wanted(self, cancel: HaltCancel, orders: Sequence[Order]) -> Sequence[Order]:
        if cancel is HaltCancel.NONE or not orders:
            return ()
        if cancel is HaltCancel.ALL:
            return orders
        markets = [(order, market_of(order, await self._sessions.connector(order.key.account))) for order in orders]
        entries = await self._journal.decide(FindEntries(orders=tuple(markets)))
        return [order for order in orders if order.key in entries]

    async def _chase(self, order: Order) -> Order | None:
        async with self._slots:
            try:
                return await self._settling.ask_now(order.key)
            except Exception as error:  # noqa: BLE001 - whatever kept the answer away: the order stays unknown, and is asked about again
                log.warning("not found out", order_id=order.order_id, error=type(error).__name__)
                return None

    async def _cancel(self, order: Order, by: str) -> None:
        now = self._clock.now()
        last, due = self._asked.get(order.key, (now, now))
        self._asked[order.key] = (now, now + _AGAIN)
        async with self._slots:
            try:
                await self._orders.cancel(order.key, Guard(actor=Actor(name=by)))
            except OrderRefused:
                self._asked[order.key] = (now, now + max(_AGAIN, 2 * (due - last)))
            except OrdergateError as error:
                # It is final meanwhile, or the exchange could not be asked: the next sweep sees which.
                log.info("not cancelled", order_id=order.order_id, error=type(error).__name__)

    async def _sweep_for_ever(self) -> None:
        while True:
            await self._clock.sleep(_INTERVAL)
            try:
                for halt in (await self._journal.safety()).halts:
                    if halt.cancel is not HaltCancel.NONE:
                        await self.sweep(halt)
            except Exception as error:  # noqa: BLE001 - the database or an exchange can't be asked now; the next sweep tries again
                log.warning("not swept", error=type(error).__name__)

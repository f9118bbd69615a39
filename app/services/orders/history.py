"""Looking things up: orders, their events and their executions. Reads only, from the journal only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.clock import Clock
from app.domain.errors import AmbiguousOrder, OrderNotFound
from app.domain.lifecycle import UNSETTLED
from app.domain.order import Order
from app.journal.journal import Journal
from app.journal.records import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWithEvents:
    """An order and everything that was recorded about it, oldest first."""

    order: Order
    entries: Sequence[JournalEntry]


class History:
    """The verbs get and wait; searches go to the journal as they are."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def get(self, order_id: str, *, account_name: str | None = None, connector_name: str | None = None) -> Order:
        """The one order of this id. Raises ``OrderNotFound``, or ``AmbiguousOrder`` if the rest does not tell which."""
        found = self._journal.find_orders(order_id, account_name=account_name, connector_name=connector_name)
        if not found:
            raise OrderNotFound(f"Order '{order_id}' not found")
        if len(found) > 1:
            places = ", ".join(sorted(f"{order.account_name}/{order.connector_name}" for order in found))
            raise AmbiguousOrder(
                f"Order '{order_id}' exists in {places}: say which with account_name and connector_name"
            )
        return found[0]

    def events(self, order: Order) -> OrderWithEvents:
        """``order`` with its whole history."""
        return OrderWithEvents(order=order, entries=self._journal.history(order.key))

    async def wait_settled(
        self, order_id: str, *, account_name: str | None, connector_name: str | None, seconds: float
    ) -> OrderWithEvents:
        """The order with its history, as soon as it is neither pending nor unknown, or after ``seconds`` as it then is."""
        deadline = self._clock.monotonic() + seconds
        head = await asyncio.to_thread(self._journal.head)
        while True:
            order = await asyncio.to_thread(
                self.get, order_id, account_name=account_name, connector_name=connector_name
            )
            left = deadline - self._clock.monotonic()
            if order.state not in UNSETTLED or left <= 0:
                return await asyncio.to_thread(self.events, order)
            head = await self._journal.wait_beyond(head, left)

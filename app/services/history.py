"""What is recorded: orders with their events and fills, funding payments, and portfolio snapshots.

Every read of recorded data by a caller goes through here, so that one place can decide what a caller may see. Reads only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.clock import Clock
from app.concurrency.waiting import wait_for_event
from app.domain.errors import AmbiguousOrder, OrderNotFound
from app.domain.lifecycle import UNSETTLED
from app.domain.order import Order
from app.journal.filters import OrderFilter, TradeFilter
from app.journal.journal import Journal
from app.journal.records import JournalEntry, Trade
from app.storage.funding import FundingFilter, RecordedFunding
from app.storage.portfolio import SnapshotFilter, SnapshotPage
from app.storage.records import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWithEvents:
    """An order and everything that was recorded about it, oldest first."""

    order: Order
    entries: Sequence[JournalEntry]


class History:
    """The searches, and the verbs get and wait for one order. Every search raises ``InvalidCursor``."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    # -- searches -------------------------------------------------------------------------------------------------------

    def active_orders(self, wanted: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders that may be on an exchange's book, by id."""
        return self._journal.active_orders(wanted, limit=limit, cursor=cursor)

    def search_orders(self, wanted: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders, newest first."""
        return self._journal.search_orders(wanted, limit=limit, cursor=cursor)

    def search_trades(self, wanted: TradeFilter, *, limit: int, cursor: str | None) -> Page[Trade]:
        """Fills with the order that each belongs to, newest first by the exchange's time."""
        return self._journal.search_trades(wanted, limit=limit, cursor=cursor)

    def funding_payments(self, wanted: FundingFilter, *, limit: int, cursor: str | None) -> Page[RecordedFunding]:
        """Funding payments, newest first."""
        return self._journal.funding_payments.page(wanted, limit=limit, cursor=cursor)

    def portfolio_snapshots(self, wanted: SnapshotFilter, *, limit: int, cursor: str | None) -> SnapshotPage:
        """Snapshots of the portfolio, newest first."""
        return self._journal.snapshots.page(wanted, limit=limit, cursor=cursor)

    # -- one order ------------------------------------------------------------------------------------------------------

    def get(self, order_id: str, *, account_name: str | None = None, connector_name: str | None = None) -> Order:
        """The order with this id. Raises ``OrderNotFound``, or ``AmbiguousOrder`` if several match."""
        found = self._journal.find_orders(order_id, account_name=account_name, connector_name=connector_name)
        if not found:
            raise OrderNotFound(
                f"Order '{order_id}' not found",
                hint="The id is the order_id of the answer to the placed order, not the exchange's."
                " POST /trading/orders/search lists all orders",
            )
        if len(found) > 1:
            places = ", ".join(sorted(f"{order.account_name}/{order.connector_name}" for order in found))
            raise AmbiguousOrder(
                f"Order '{order_id}' exists in {places}: say which with account_name and connector_name"
            )
        return found[0]

    async def wait_settled(
        self, order_id: str, *, account_name: str | None, connector_name: str | None, seconds: float
    ) -> OrderWithEvents:
        """The order with its events, as soon as it is neither pending nor unknown, or after ``seconds`` as it then is."""
        deadline = self._clock.monotonic() + seconds
        with self._journal.watch(order_id) as news:
            while True:
                news.clear()
                order = await asyncio.to_thread(
                    self.get, order_id, account_name=account_name, connector_name=connector_name
                )
                left = deadline - self._clock.monotonic()
                if order.state not in UNSETTLED or left <= 0:
                    entries = await asyncio.to_thread(self._journal.history, order.key)
                    return OrderWithEvents(order=order, entries=entries)
                await wait_for_event(news, self._clock, left)

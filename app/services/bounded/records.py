"""What is recorded, within the bounds of one caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from app.domain.caller import Caller
from app.domain.errors import AmbiguousOrder, OrderNotFound
from app.domain.order import Order
from app.journal.filters import EventFilter, OrderFilter, TradeFilter
from app.journal.records import Trade
from app.services.backlog import Render
from app.services.bounded.bounds import Bounds
from app.services.event_batch import EventBatch
from app.services.event_streams import EventStreams
from app.services.history import History, OrderWithEvents
from app.storage.audit_log import AuditEntry, AuditFilter, AuditLog
from app.storage.funding import FundingFilter, RecordedFunding
from app.storage.portfolio import SnapshotFilter, SnapshotPage
from app.storage.records import Page


class CallersHistory:
    """The verbs of ``History``, for one caller."""

    def __init__(self, history: History, bounds: Bounds) -> None:
        self._history = history
        self._bounds = bounds

    def active_orders(self, wanted: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders that may be on an exchange's book, by id."""
        return self._history.active_orders(self._orders(wanted), limit=limit, cursor=cursor)

    def search_orders(self, wanted: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders, newest first."""
        return self._history.search_orders(self._orders(wanted), limit=limit, cursor=cursor)

    def search_trades(self, wanted: TradeFilter, *, limit: int, cursor: str | None) -> Page[Trade]:
        """Fills, newest first."""
        bounds = self._bounds
        if not bounds.is_whole:
            wanted = replace(
                wanted,
                account_names=bounds.accounts(wanted.account_names),
                connector_names=bounds.connectors(wanted.connector_names),
                trading_pairs=bounds.pairs(wanted.trading_pairs),
            )
        return self._history.search_trades(wanted, limit=limit, cursor=cursor)

    def funding_payments(self, wanted: FundingFilter, *, limit: int, cursor: str | None) -> Page[RecordedFunding]:
        """Funding payments, newest first."""
        bounds = self._bounds
        if not bounds.is_whole:
            wanted = replace(
                wanted,
                account_names=bounds.accounts(wanted.account_names),
                connector_names=bounds.connectors(wanted.connector_names),
                trading_pairs=bounds.pairs(wanted.trading_pairs),
            )
        return self._history.funding_payments(wanted, limit=limit, cursor=cursor)

    def portfolio_snapshots(self, wanted: SnapshotFilter, *, limit: int, cursor: str | None) -> SnapshotPage:
        """Snapshots of the portfolio, newest first."""
        bounds = self._bounds
        if not bounds.is_whole:
            wanted = replace(
                wanted,
                account_names=bounds.accounts(wanted.account_names),
                connector_names=bounds.connectors(wanted.connector_names),
            )
        return self._history.portfolio_snapshots(wanted, limit=limit, cursor=cursor)

    async def get(self, order_id: str, *, account_name: str | None = None, connector_name: str | None = None) -> Order:
        """The order with this id. Raises ``OrderNotFound``, also for one out of bounds, or ``AmbiguousOrder``."""
        try:
            order = await asyncio.to_thread(
                self._history.get, order_id, account_name=account_name, connector_name=connector_name
            )
        except AmbiguousOrder as error:
            if not self._bounds.is_whole:
                error.detail = (
                    f"Order '{order_id}' exists in several places: say which with account_name and connector_name"
                )
            raise
        self.check(order)
        return order

    async def wait_settled(
        self, order_id: str, *, account_name: str | None, connector_name: str | None, seconds: float
    ) -> OrderWithEvents:
        """The order with its events, as soon as it is settled, or after ``seconds``. One out of bounds is not waited for."""
        if not self._bounds.is_whole:
            await self.get(order_id, account_name=account_name, connector_name=connector_name)
        return await self._history.wait_settled(
            order_id, account_name=account_name, connector_name=connector_name, seconds=seconds
        )

    def check(self, order: Order) -> None:
        """Raise ``OrderNotFound`` for an order that the caller may not see: for it, there is none."""
        if not self._bounds.holds(order.account_name, order.connector_name, order.trading_pair):
            raise OrderNotFound(f"Order '{order.order_id}' not found")

    def _orders(self, wanted: OrderFilter) -> OrderFilter:
        bounds = self._bounds
        if bounds.is_whole:
            return wanted
        return replace(
            wanted,
            account_names=bounds.accounts(wanted.account_names),
            connector_names=bounds.connectors(wanted.connector_names),
            trading_pairs=bounds.pairs(wanted.trading_pairs),
        )


class CallersAudit:
    """The audit log, for one caller. Rows do not tell all that they are about, so a key that is bounded to accounts, connectors or
    pairs sees those of its own.
    """

    def __init__(self, audit_log: AuditLog, caller: Caller, bounds: Bounds) -> None:
        self._audit_log = audit_log
        self._caller = caller
        self._bounds = bounds

    def page(self, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """As ``AuditLog.page``. Raises ``OutOfBounds`` or ``WrongEnvironment`` where an object of another's is asked for."""
        caller = self._caller
        for part in (wanted.about or "").split("/"):
            if part in self._bounds.environments:
                self._bounds.check(connector_name=part)
        if (caller.accounts, caller.connectors, caller.pairs) != (None, None, None):
            wanted = replace(wanted, of_key_id=caller.key_id)
        return self._audit_log.page(wanted, limit=limit, cursor=cursor)


class CallersEvents:
    """The journal's events as they come, for one caller."""

    def __init__(self, event_streams: EventStreams, bounds: Bounds) -> None:
        self._event_streams = event_streams
        self._bounds = bounds

    async def check_start(self, since: int | None, name: str) -> None:
        """As ``EventStreams.check_start``."""
        await self._event_streams.check_start(since, name)

    def follow(self, since: int | None, wanted: EventFilter, render: Render | None = None) -> AsyncIterator[EventBatch]:
        """As ``EventStreams.follow``."""
        bounds = self._bounds
        if not bounds.is_whole:
            wanted = EventFilter(
                account_names=bounds.accounts(wanted.account_names),
                connector_names=bounds.connectors(wanted.connector_names),
                trading_pairs=bounds.pairs(wanted.trading_pairs),
            )
        return self._event_streams.follow(since, wanted, render)

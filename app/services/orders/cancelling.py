"""Cancelling, in the same four steps as placing: the intent is committed before the call, and what came of it after.

A cancel that was not answered is not sent again by itself: the order stays as it is, and is asked about.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog

from app import failpoints
from app.clock import Clock
from app.concurrency.threads import Threads
from app.connectors.base import Connector
from app.domain.decimals import plain, shortest
from app.domain.enums import EventKind, OrderState
from app.domain.errors import OrderNotFound, Refused
from app.domain.lifecycle import FINAL
from app.domain.order import Order, OrderKey
from app.domain.reports import OrderReport
from app.domain.suggestions import listed
from app.domain.wording import in_words, text_of
from app.journal.journal import Journal
from app.journal.units.guard import Guard
from app.metrics import Metrics, Stopwatch
from app.services.orders.inflight import Calls
from app.services.orders.recorder import Recorder
from app.services.orders.settler import Settler
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)


class Cancels:
    """The work of a cancel."""

    def __init__(
        self,
        *,
        journal: Journal,
        recorder: Recorder,
        sessions: Sessions,
        settling: Settler,
        metrics: Metrics,
        calls: Calls,
        threads: Threads,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._recorder = recorder
        self._sessions = sessions
        self._settling = settling
        self._metrics = metrics
        self._calls = calls
        self._threads = threads
        self._clock = clock

    async def cancel(self, key: OrderKey, guard: Guard) -> Order:
        """Cancel an order and return and raise as ``Orders.cancel`` does."""
        connector = await self._sessions.connector(key.account)
        found = await self._threads.run(self._journal.find_order, key)
        if found is None or found.state in FINAL:
            hint = await self._elsewhere(key) if found is None else _what_became_of(found)
            raise OrderNotFound(
                f"Order '{key.order_id}' not found in active orders",
                order_id=None if found is None else found.order_id,
                hint=hint,
            )
        connector.check_available()
        started, begun_at = self._clock.monotonic(), self._clock.now()

        async def note(version: int | None) -> Order:
            return await self._recorder.note(
                key, EventKind.CANCEL_REQUESTED, "caller", credentials_version=version, guard=guard
            )

        connector, order = await self._sessions.write_with_current_credentials(connector, note)
        failpoints.reach("orders.cancel_recorded")
        with self._recorder.awaited.answer(key):
            return await self._carry_out(connector, order, started, begun_at)

    async def _carry_out(self, connector: Connector, order: Order, started: float, begun_at: datetime) -> Order:
        """Send the cancel of ``order``, whose intent is recorded, and record what comes of it."""
        try:
            cancel, stopwatch = partial(connector.cancel_order, order.ref), Stopwatch(self._clock.monotonic)
            report = await self._calls.make(cancel, order.connector_name, "cancel", started, begun_at, stopwatch)
        except Refused as refusal:
            self._count(order, "refused")
            return await self._record_refusal(order, refusal.about(order.order_id))
        except Exception as error:  # noqa: BLE001 - rule 3 holds for cancels too
            self._count(order, "unknown")
            return await self._record_doubt(order, error)
        self._count(order, "accepted")
        failpoints.reach("orders.cancel_answered")
        return await self._record_cancel(order, report)

    async def _elsewhere(self, key: OrderKey) -> str:
        """Where an order that was not found is, if it is anywhere."""
        # Of the same account: who may act for this one need not know what others do.
        find = partial(self._journal.find_orders, key.order_id, account_name=key.account_name)
        others = await self._threads.run(find)
        if others:
            return f"The account has an order of this id on {listed([other.connector_name for other in others])}"
        return (
            f"No order of this id was placed here on {key.connector_name} for {key.account_name}: the id is the order_id of the"
            " answer to the placed order, not the exchange's. POST /trading/orders/active lists the active orders"
        )

    async def _record_cancel(self, order: Order, report: OrderReport) -> Order:
        try:
            observed = await self._recorder.observe(order.key, report, "answer", "the exchange answered the cancel")
        except Exception as error:  # noqa: BLE001 - the cancel was done even if that was not recorded; recovery records it
            return self._left_to_recovery(order, error)
        if not observed.missing_fills:
            if observed.order.is_active:
                # The exchange has accepted the cancel and not done it yet.
                self._settling.wake(order.key)
            return observed.order
        try:
            return await self._settling.ask_now(order.key)
        except Exception as error:  # noqa: BLE001 - fills are still missing: the order is returned as it is and asked about again
            return self._left_to_recovery(observed.order, error)

    async def _record_refusal(self, order: Order, refusal: Refused) -> Order:
        """Raise ``refusal`` once it is recorded, or return the order if it has come to its end meanwhile."""
        evidence = f"the exchange refused the cancel: {refusal.detail}"
        order = await self._note(order, EventKind.CANCEL_REFUSED, evidence)
        if order.state in FINAL:
            return order
        raise refusal

    async def _record_doubt(self, order: Order, error: Exception) -> Order:
        log.warning("cancel outcome unknown", order_id=order.order_id, error=type(error).__name__, text=text_of(error))
        evidence = f"no answer that settles it: {in_words(error)}"
        return await self._note(order, EventKind.CANCEL_UNCONFIRMED, evidence)

    async def _note(self, order: Order, kind: EventKind, evidence: str) -> Order:
        """Record what came of a cancel that did not succeed, and ask about the order."""
        try:
            order = await self._recorder.note(order.key, kind, "answer", evidence=evidence)
        except Exception as error:  # noqa: BLE001 - the order is as it was; recovery asks about it
            return self._left_to_recovery(order, error)
        self._settling.wake(order.key)
        return order

    def _left_to_recovery(self, order: Order, error: Exception) -> Order:
        log.error("outcome not recorded", order_id=order.order_id, error=type(error).__name__, text=text_of(error))
        self._settling.wake(order.key)
        return order

    def _count(self, order: Order, outcome: str) -> None:
        self._metrics.count_outcome(order.connector_name, "cancel", outcome)


def _what_became_of(order: Order) -> str:
    """How an order ended, for somebody who wanted to cancel it."""
    if order.state is OrderState.REJECTED:
        return f"The order was rejected: {order.error_message or 'the exchange gave no reason'}"
    price = order.average_fill_price
    whole = "" if order.amount is None else f" of {shortest(order.amount)}"
    at = "" if price is None else f" at an average price of {plain(price)}"
    since = order.updated_at.isoformat(timespec="seconds")
    return (
        f"The order is {order.state} since {since}: {shortest(order.filled_amount)}{whole} was filled{at}."
        " There is nothing to cancel"
    )

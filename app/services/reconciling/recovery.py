"""Recovery: making the journal equal to the exchange, for one account.

``reconcile`` compares all orders: what rests on the exchange's book, what the journal believes to be open, and what it does not
know. It runs at start, after every gap of the stream, and at intervals, since a stream may lose events without notice.

    the book shows      the journal has      done
    an order            it, active           recorded, with missing fills
    an order            it, presumed gone    recorded: it has reappeared, with an alarm
    one with our id     nothing              adopted, with an alarm
    a foreign one       nothing              ignored
    nothing             an open order        asked about (settling)
    -                   pending or unknown   asked about (settling)
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from app import failpoints
from app.clock import Clock
from app.connectors.base import Connector
from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderState
from app.domain.ids import is_ours
from app.domain.order import AccountKey, Order, OrderKey
from app.domain.reports import OrderReport
from app.journal.journal import Journal
from app.services.orders.recorder import Recorder
from app.services.reconciling.settling import Settling
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)


class Recovery:
    """Compares the journal with exchanges."""

    def __init__(
        self,
        *,
        journal: Journal,
        recorder: Recorder,
        sessions: Sessions,
        settling: Settling,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._recorder = recorder
        self._sessions = sessions
        self._settling = settling
        self._timeout = settings.exchange_timeout
        self._clock = clock

    async def reconcile(self, account: AccountKey) -> None:
        """Bring one account's orders up to date. Raises what the exchange raises when it can't be asked, after everything that
        could be done without that answer.
        """
        await self.wake_unsettled(account, at_once=True)
        connector = await self._sessions.connector(account)
        asked_at = self._clock.now()
        async with asyncio.timeout(self._timeout.total_seconds()):
            book = {report.order_id: report for report in await connector.fetch_open_orders()}
        failpoints.reach("recovery.book_answered")
        fault: Exception | None = None
        for report in book.values():
            try:
                await self.record(connector, report)
            except Exception as error:  # noqa: BLE001 - one order that can't be asked about must not stop the others
                log.warning("order on the book not recorded", order_id=report.order_id, error=type(error).__name__)
                fault = error
        await self._ask_about_missing(account, set(book), asked_at)
        if fault is not None:
            raise fault

    async def wake_unsettled(self, account: AccountKey, *, at_once: bool = False) -> None:
        """Pursue every order that is pending or unknown, whichever process left it so. Reads the journal only."""
        for order in await asyncio.to_thread(
            self._journal.unsettled_orders,
            account_name=account.account_name,
            connector_name=account.connector_name,
        ):
            self._settling.wake(order.key, at_once=at_once)

    async def record(self, connector: Connector, report: OrderReport) -> None:
        """Record a report about any order of the account: known, adopted, or ignored as foreign."""
        order = await self._known(connector, report)
        if order is not None:
            await self._settling.record(connector, order, report)

    async def _known(self, connector: Connector, report: OrderReport) -> Order | None:
        key = OrderKey(
            account_name=connector.context.account_name, connector_name=connector.name, order_id=report.order_id
        )
        order = await asyncio.to_thread(self._journal.find_order, key)
        if order is not None or not is_ours(report.order_id):
            return order
        return await self._adopt(key, report)

    async def _adopt(self, key: OrderKey, report: OrderReport) -> Order | None:
        terms = report.terms
        if terms is None:
            log.error("an order with our id is not in the journal and can't be adopted", order_id=key.order_id)
            return None
        now = self._clock.now()
        order = Order(
            account_name=key.account_name,
            connector_name=key.connector_name,
            order_id=key.order_id,
            trading_pair=report.trading_pair,
            trade_type=terms.trade_type,
            order_type=terms.order_type,
            amount=report.amount,
            price=terms.price,
            terms="",
            state=OrderState.OPEN,
            created_at=terms.created_at or now,
            updated_at=now,
            exchange_order_id=report.exchange_order_id,
            filled_amount=ZERO,
        )
        evidence = "the exchange has this order under an id of our form, and the journal did not know it"
        return (await self._recorder.begin(order, EventKind.ADOPTED, "recovery", evidence=evidence)).order

    async def _ask_about_missing(self, account: AccountKey, on_book: set[str], asked_at: datetime) -> None:
        """Ask about orders that the journal believes open and the book did not show, unless they have changed since."""
        for order in await asyncio.to_thread(
            self._journal.open_orders, account_name=account.account_name, connector_name=account.connector_name
        ):
            is_missing = order.order_id not in on_book and order.updated_at < asked_at
            if is_missing or order.cancel_requested_at is not None:
                self._settling.wake(order.key)

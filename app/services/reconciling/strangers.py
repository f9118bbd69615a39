"""Orders at the exchange of which the journal knows nothing: those that are ours are adopted, and foreign ones remembered."""

from __future__ import annotations

from collections import defaultdict

import structlog

from app.clock import Clock
from app.connectors.base import Connector
from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderState
from app.domain.order import AccountKey, Order, OrderKey
from app.domain.reports import OrderReport
from app.services.installation import Installations
from app.services.orders.recorder import Recorder
from app.services.reconciling.comparing import ForeignOrders
from app.services.reconciling.settling import Settling

log = structlog.get_logger(__name__)


class Strangers:
    """What is known of them in this process."""

    def __init__(self, *, recorder: Recorder, settling: Settling, installations: Installations, clock: Clock) -> None:
        self._recorder = recorder
        self._settling = settling
        self._installations = installations
        self._clock = clock
        self._foreign: defaultdict[AccountKey, ForeignOrders] = defaultdict(ForeignOrders)

    def is_foreign(self, account: AccountKey, report: OrderReport) -> bool:
        """Whether the report is about an order that was found to be another program's. Asks nobody."""
        return report in self._foreign[account]

    def forget(self, account: AccountKey, report: OrderReport) -> None:
        """The report is about an order of the journal after all."""
        self._foreign[account].forget(report)

    async def take_in(self, connector: Connector, report: OrderReport) -> None:
        """Adopt the order if it is ours; remember it, if it is foreign."""
        account = AccountKey(connector.context.account_name, connector.name)
        if not (await self._installations.get()).has_made(report.order_id):
            self._foreign[account].add(report)
            return
        account_name, connector_name = account
        key = OrderKey(account_name=account_name, connector_name=connector_name, order_id=report.order_id)
        order = await self._adopt(key, report)
        if order is not None:
            await self._settling.record(connector, order, report)

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
        evidence = (
            "the exchange has this order under an id that this installation has made, and the journal did not know it"
        )
        return (await self._recorder.begin(order, EventKind.ADOPTED, "recovery", evidence=evidence)).order

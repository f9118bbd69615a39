"""Another attempt to send an order that surely is not at the exchange. It decides and records; the order path sends."""

from __future__ import annotations

import structlog

from app import failpoints
from app.connectors.base import Connector
from app.domain.errors import ExchangeDown, ExchangeReadFailed, OrdergateError
from app.domain.events import Source
from app.domain.order import Order
from app.domain.safety.admission import Admission
from app.domain.wording import text_of
from app.journal.records import Opened
from app.journal.units.guard import Guard
from app.services.orders.admitting import Admissions
from app.services.orders.recorder import Recorder
from app.services.orders.settler import Settler

log = structlog.get_logger(__name__)


class Retries:
    """What comes before another attempt."""

    def __init__(self, recorder: Recorder, settling: Settler, admissions: Admissions) -> None:
        self._recorder = recorder
        self._settling = settling
        self._admissions = admissions

    async def look_for(self, connector: Connector, order: Order) -> Order:
        """A refused order after one more question to the exchange, so that nothing is sent again that is there after all.

        Raises ``Refused`` if there is no answer. An exchange that can't be asked by our id has only its refusal as a proof.
        """
        if connector.capabilities.absence_grace is None:
            return order
        try:
            return await self._settling.look_again(order)
        except Exception as error:
            if isinstance(error, OrdergateError) and not isinstance(error, ExchangeReadFailed):
                raise
            # Whatever kept us from an answer, it is about a question: nothing was sent.
            log.warning("order not retried", order_id=order.order_id, error=type(error).__name__, text=text_of(error))
            raise ExchangeDown(
                f"The exchange could not be asked about order '{order.order_id}'; nothing was sent"
            ) from error

    async def begin(self, connector: Connector, order: Order, source: Source, evidence: str, guard: Guard) -> Opened:
        """Record that ``order`` is about to be sent again, as ``Recorder.retry`` does."""
        version = connector.context.credentials_version

        async def retry(admission: Admission) -> Opened:
            return await self._recorder.retry(
                order, source, evidence, credentials_version=version, guard=guard, admission=admission
            )

        opened = await self._admissions.write_again(order, connector, retry)
        if opened.is_new:
            failpoints.reach("orders.retry_recorded")
        return opened

"""The feed: what one account's exchange pushes, taken into the journal, under supervision.

Three loops run side by side. One reads the stream and restarts it with growing pauses when it fails or falls silent. The second
reconciles: after every ``Gap``, after every restart, and at intervals, because a stream can lose events silently. The third looks
into the journal for orders that a process left in doubt when it died. A fill may come before the answer to its order, twice, late
or out of order; the journal takes each once. Beside them the funding payments of perpetuals are recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import chain, repeat

import structlog

from app import failpoints
from app.clock import Clock
from app.concurrency.waiting import wait_for_event
from app.connectors.base import Connector
from app.domain.errors import JournalUnavailable, OrderNotFound
from app.domain.order import OrderKey
from app.domain.reports import BalanceReport, ConnectorEvent, Gap, OrderReport
from app.journal.journal import Journal
from app.services.orders.recorder import Recorder
from app.services.reconciling.funding import FundingKeeper
from app.services.reconciling.recovery import Recovery
from app.services.reconciling.settling import Settling
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Pauses before a failed stream is tried again, in seconds; the last repeats. An exchange that is down for an hour is not hammered.
_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
#: A stream that has run this long, in seconds, is healthy: the next failure starts with the first pause again.
_HEALTHY = 60.0
#: A stream that says nothing at all for this long, in seconds, is taken for dead and restarted.
_SILENCE = 600.0
#: Seconds between reconciliations while nothing seems wrong: what a stream lost is found after this long at the latest.
_INTERVAL = 30.0
#: Seconds between looks for orders in doubt: one indexed read of the journal, so that a dead process's orders need not wait for the
#: next reconciliation.
_LOOK = 2.0


class Feed:
    """Keeps one account on one connector in step with its exchange while ``run`` runs."""

    def __init__(
        self,
        account_name: str,
        connector_name: str,
        *,
        journal: Journal,
        recorder: Recorder,
        recovery: Recovery,
        settling: Settling,
        sessions: Sessions,
        clock: Clock,
        funding: FundingKeeper | None = None,
    ) -> None:
        self._account_name = account_name
        self._connector_name = connector_name
        self._journal = journal
        self._recorder = recorder
        self._recovery = recovery
        self._settling = settling
        self._sessions = sessions
        self._clock = clock
        self._funding = funding
        self._is_dirty = asyncio.Event()
        self._log = log.bind(account_name=account_name, connector_name=connector_name)

    async def run(self) -> None:
        """Run until cancelled."""
        self._is_dirty.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            group.create_task(self._keep_reconciling())
            group.create_task(self._keep_looking())
            if self._funding is not None:
                group.create_task(self._funding.run(self._account_name, self._connector_name))

    async def _keep_reading(self) -> None:
        pauses = _pauses()
        while True:
            started = self._clock.monotonic()
            try:
                connector = await self._sessions.connector(self._account_name, self._connector_name)
                await self._read(connector)
                self._log.warning("stream ended")
            except Exception as error:  # noqa: BLE001 - a stream fails in as many ways as networks do; it is told and restarted
                self._log.warning("stream failed", error=type(error).__name__, text=str(error))
            self._is_dirty.set()
            if self._clock.monotonic() - started > _HEALTHY:
                pauses = _pauses()
            await self._clock.sleep(next(pauses))

    async def _read(self, connector: Connector) -> None:
        events = connector.events()
        try:
            while (event := await _next_event(events)) is not None:
                await self._take(connector, event)
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    async def _take(self, connector: Connector, event: ConnectorEvent) -> None:
        match event:
            case Gap():
                self._is_dirty.set()
            case BalanceReport():
                await self._journal.record_balances(self._account_name, self._connector_name, event)
            case OrderReport():
                await self._take_order(connector, event)

    async def _take_order(self, connector: Connector, report: OrderReport) -> None:
        key = OrderKey(account_name=self._account_name, connector_name=self._connector_name, order_id=report.order_id)
        failpoints.reach("feed.event_read")
        try:
            observed = await self._recorder.observe(key, report, "stream", f"the exchange's stream said {report.state}")
        except OrderNotFound:
            await self._recovery.take(connector, report)
            return
        if observed.missing_fills:
            self._settling.wake(key)

    async def _keep_reconciling(self) -> None:
        pauses = _pauses()
        while True:
            await wait_for_event(self._is_dirty, self._clock, _INTERVAL)
            self._is_dirty.clear()
            try:
                await self._recovery.reconcile(self._account_name, self._connector_name)
                pauses = _pauses()
            except Exception as error:  # noqa: BLE001 - the exchange can't be asked now; nothing is concluded and it is asked again
                self._log.warning("not reconciled", error=type(error).__name__, text=str(error))
                self._is_dirty.set()
                await self._clock.sleep(next(pauses))

    async def _keep_looking(self) -> None:
        while True:
            await self._clock.sleep(_LOOK)
            try:
                await self._recovery.wake_unsettled(self._account_name, self._connector_name)
            except JournalUnavailable as error:
                self._log.warning("orders in doubt not looked for", error=error.detail)


async def _next_event(events: AsyncIterator[ConnectorEvent]) -> ConnectorEvent | None:
    async with asyncio.timeout(_SILENCE):
        return await anext(events, None)


def _pauses() -> chain[float]:
    return chain(_PAUSES, repeat(_PAUSES[-1]))

"""The feed of one account: it records in the journal what the account's exchange pushes, and reconciles.

What the stream says and the journal knows already is dropped in memory: events that come twice, that an answer has said before, or
that are about other programs' orders. What it says of an order whose answer this process awaits waits for that a moment, and is
recorded with it. An order that is not in memory is looked up: another process may have placed it an instant ago, but never after
its first event, since intents come first.

The loops run side by side. The first reads the connector's stream, the second looks up the orders that are not in memory, the third
ends the waits for slow answers, the fourth records the latest balances. The stream reconnects by itself, so the feed restarts it
only when it raises, ends, or is silent for too long. The fifth reconciles after every ``Gap``, after every restart, and at
intervals, because a stream can lose events without notice. The sixth looks in the journal for orders that a dead process left in
doubt. A fill may come before the answer to its order, twice, late or out of order; the journal records each fill once. Beside the
loops, the funding payments of perpetuals are recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

import structlog

from app import failpoints
from app.clock import Clock
from app.concurrency.backoff import Backoff
from app.concurrency.waiting import wait_for_event
from app.connectors.base import Connector
from app.domain.errors import CredentialsRefused, JournalUnavailable, OrderNotFound
from app.domain.order import AccountKey, OrderKey
from app.domain.reports import POLLED, Balance, BalanceReport, ConnectorEvent, Gap, OrderReport
from app.domain.wording import text_of
from app.journal.journal import Journal
from app.services.exchange_accounts import ACCOUNT_AGE, ExchangeAccounts
from app.services.orders.recorder import Recorder
from app.services.reconciling.comparing import compare, says_something_new
from app.services.reconciling.funding import FundingRecorder
from app.services.reconciling.lookups import Lookups
from app.services.reconciling.recovery import Recovery
from app.services.reconciling.settling import Settling
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Pauses before a failed stream is restarted, and before a failed reconciliation is repeated, in seconds. The last is long enough
#: for an exchange that is down for an hour.
_RESTART_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
#: The shortest pause after the exchange has refused the credentials, unless others are stored meanwhile: asking on at once would
#: press it for nothing.
_REFUSED_PAUSE = 30.0
#: A stream that ran for this many seconds was healthy: the next failure starts with the first pause again.
_HEALTHY = 60.0
#: A stream that yields nothing at all for this many seconds is taken for dead and restarted.
_SILENCE = 600.0
#: Seconds by which that may come out shorter.
_SILENCE_STEP = 1.0
#: Seconds between reconciliations while nothing seems wrong. What a stream lost is found after this time at the latest.
_RECONCILE_INTERVAL = 30.0
#: The same where the last comparison, without a gap before it, found nothing that the stream had not told.
_QUIET_INTERVAL = 60.0
#: Seconds between looks for orders in doubt. A look is one indexed read of the journal, so the orders of a dead process need not
#: wait for the next reconciliation.
_DOUBT_INTERVAL = 2.0
#: Seconds for which an event waits for the answer to its order, and at most once more. Exchanges send both at the same moment.
_ANSWER_PATIENCE = 0.05
#: Seconds between records of balances: each order changes them, and whoever reads them wants the latest.
_BALANCES_INTERVAL = 0.1


class Feed:
    """Keeps one account in step with its exchange while ``run`` runs."""

    def __init__(
        self,
        account: AccountKey,
        *,
        journal: Journal,
        recorder: Recorder,
        recovery: Recovery,
        settling: Settling,
        sessions: Sessions,
        exchange_accounts: ExchangeAccounts,
        clock: Clock,
        funding: FundingRecorder,
    ) -> None:
        self._account = account
        self._journal = journal
        self._recorder = recorder
        self._recovery = recovery
        self._settling = settling
        self._sessions = sessions
        self._exchange_accounts = exchange_accounts
        self._clock = clock
        self._funding = funding
        self._lookups = Lookups(self._look_up)
        #: What waits, or has waited, for an answer since the third loop looked.
        self._said: list[tuple[OrderKey, OrderReport]] = []
        self._has_said = asyncio.Event()
        #: The balances that were reported last, by asset; those of them that are not recorded yet; and when they were reported.
        self._balances: dict[str, Balance] = {}
        self._changed_balances: dict[str, Balance] = {}
        self._balances_at: datetime | None = None
        self._has_balances = asyncio.Event()
        #: Set when events may have been missed.
        self._must_reconcile = asyncio.Event()
        self._log = log.bind(account_name=account.account_name, connector_name=account.connector_name)

    async def run(self) -> None:
        """Run until cancelled."""
        self._must_reconcile.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_for_ever())
            group.create_task(self._look_up_for_ever())
            group.create_task(self._end_waits_for_ever())
            group.create_task(self._record_balances_for_ever())
            group.create_task(self._reconcile_for_ever())
            group.create_task(self._find_doubt_for_ever())
            group.create_task(self._funding.run(self._account))

    async def _read_for_ever(self) -> None:
        backoff = Backoff(_RESTART_PAUSES)
        while True:
            started, pause = self._clock.monotonic(), 0.0
            retired = self._sessions.retirement(self._account)
            try:
                connector = await self._sessions.connector(self._account)
                await self._exchange_accounts.name(connector, ACCOUNT_AGE)
                await self._read(connector)
                self._log.warning("stream ended")
            except Exception as error:  # noqa: BLE001 - a stream can fail in any way; the failure is logged and the stream restarted
                self._log.warning("stream failed", error=type(error).__name__, text=text_of(error))
                pause = _shortest_pause(error)
            self._must_reconcile.set()
            if self._clock.monotonic() - started > _HEALTHY:
                backoff.reset()
            # With other credentials it may go on at once.
            await wait_for_event(retired, self._clock, max(pause, backoff.next_pause()))

    async def _read(self, connector: Connector) -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(connector.events()) as events, asyncio.timeout(_SILENCE) as silence:  # type: ignore[type-var]
            since = loop.time()
            async for event in events:
                await self._handle(event)
                # Not at each event: setting a timer anew costs more than handling one that adds nothing.
                if (now := loop.time()) - since > _SILENCE_STEP:
                    silence.reschedule(now + _SILENCE)
                    since = now

    async def _handle(self, event: ConnectorEvent) -> None:
        match event:
            case Gap():
                if event.reason != POLLED:  # one every few seconds is no news
                    self._log.info("reconciling after a gap", reason=event.reason)
                self._must_reconcile.set()
            case BalanceReport():
                self._handle_balances(event)
            case OrderReport():
                await self._handle_order(event)

    def _handle_balances(self, report: BalanceReport) -> None:
        """Let balances be recorded, unless all of them are as they were reported last; no other process records any meanwhile."""
        latest = {balance.asset: balance for balance in report.balances}
        if any(self._balances.get(asset) != balance for asset, balance in latest.items()):
            self._balances.update(latest)
            self._changed_balances.update(latest)
            self._balances_at = report.reported_at
            self._has_balances.set()

    async def _record_balances(self) -> None:
        """Record the balances that have changed since the last time, each as it was reported last."""
        changed, self._changed_balances = self._changed_balances, {}
        report = BalanceReport(balances=tuple(changed.values()), reported_at=self._balances_at)
        try:
            await self._journal.record_balances(*self._account, report)
        except BaseException:
            self._changed_balances = changed | self._changed_balances
            raise

    async def _handle_order(self, report: OrderReport) -> None:
        """Record a report, unless memory tells that it adds nothing: neither a thread nor the database is needed then."""
        failpoints.reach("feed.event_read")
        key = self._key(report)
        if self._recorder.awaited.put(key, report, self._take_back):
            self._said.append((key, report))
            self._has_said.set()
            return
        stored = self._journal.recall(key)
        if stored is not None and not says_something_new(stored, report):
            return
        if stored is None and self._recovery.is_foreign(self._account, report):
            return
        if stored is None and not self._journal.is_changing(key):
            await self._lookups.put(report)
            return
        try:
            await self._record(key, report)
        except OrderNotFound:
            await self._lookups.put(report)

    def _take_back(self, key: OrderKey, report: OrderReport) -> None:
        """The answer has been recorded without ``report``, or has not come."""
        stored = self._journal.recall(key)
        if stored is None or says_something_new(stored, report):
            self._lookups.add(report)

    async def _look_up(self, reports: Sequence[OrderReport]) -> None:
        """Record those of ``reports`` that say something new, and take in orders of ours that the journal does not know."""
        found = compare(reports, await self._recovery.look_up(self._account, reports))
        await asyncio.gather(*(self._record(stored.key, report) for stored, report in found.news))
        if found.unmatched:
            connector = await self._sessions.connector(self._account)
            for report in found.unmatched:
                await self._recovery.take_in(connector, report)

    async def _record(self, key: OrderKey, report: OrderReport) -> None:
        observed = await self._recorder.observe(key, report, "stream", f"the exchange's stream said {report.state}")
        if observed.missing_fills:
            self._settling.wake(key)

    def _key(self, report: OrderReport) -> OrderKey:
        account_name, connector_name = self._account
        return OrderKey(account_name=account_name, connector_name=connector_name, order_id=report.order_id)

    async def _look_up_for_ever(self) -> None:
        while True:
            try:
                await self._lookups.run()
            except Exception as error:  # noqa: BLE001 - what was not recorded is found by comparing; the failure is logged
                self._log.warning("events not recorded", error=type(error).__name__, text=text_of(error))
                self._must_reconcile.set()

    async def _end_waits_for_ever(self) -> None:
        while True:
            await self._has_said.wait()
            self._has_said.clear()
            said, self._said = self._said, []
            await self._clock.sleep(_ANSWER_PATIENCE)
            for key, report in said:
                if self._journal.is_changing(key):
                    # The answer, perhaps, is being written down, which ends by itself.
                    self._said.append((key, report))
                elif self._recorder.awaited.take_out(key, report):
                    self._take_back(key, report)
            if self._said:
                self._has_said.set()

    async def _record_balances_for_ever(self) -> None:
        backoff = Backoff(_RESTART_PAUSES)
        while True:
            await self._has_balances.wait()
            self._has_balances.clear()
            pause = _BALANCES_INTERVAL
            try:
                await self._record_balances()
                backoff.reset()
            except Exception as error:  # noqa: BLE001 - they are recorded after a pause; the failure is logged
                self._log.warning("balances not recorded", error=type(error).__name__, text=text_of(error))
                self._has_balances.set()
                pause = backoff.next_pause()
            await self._clock.sleep(pause)

    async def _reconcile_for_ever(self) -> None:
        backoff = Backoff(_RESTART_PAUSES)
        interval = _RECONCILE_INTERVAL
        while True:
            after_gap = await wait_for_event(self._must_reconcile, self._clock, interval)
            self._must_reconcile.clear()
            retired = self._sessions.retirement(self._account)
            try:
                had_news = await self._recovery.reconcile(self._account, after_gap=after_gap)
                interval = _RECONCILE_INTERVAL if after_gap or had_news else _QUIET_INTERVAL
                backoff.reset()
            except Exception as error:  # noqa: BLE001 - the exchange can't be asked now; nothing is concluded and it is asked again
                self._log.warning("not reconciled", error=type(error).__name__, text=text_of(error))
                self._must_reconcile.set()
                pause = max(_shortest_pause(error), backoff.next_pause())
                await wait_for_event(retired, self._clock, pause)

    async def _find_doubt_for_ever(self) -> None:
        while True:
            await self._clock.sleep(_DOUBT_INTERVAL)
            try:
                await self._recovery.wake_unsettled(self._account)
            except JournalUnavailable as error:
                self._log.warning("orders in doubt not looked for", error=error.detail)


def _shortest_pause(error: Exception) -> float:
    return _REFUSED_PAUSE if isinstance(error, CredentialsRefused) else 0.0

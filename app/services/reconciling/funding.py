"""Funding payments: what the exchanges paid and took, recorded in the journal's database by the process that feeds the account.

No exchange pushes funding reliably, so it is polled. A payment that is recorded already is not recorded again. A failed poll is
logged and repeated; nothing else depends on it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.connectors.base import Connector
from app.connectors.registry import connector_class
from app.domain.order import AccountKey
from app.metrics import Metrics
from app.services.reconciling.pacing import Pace
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage.funding import FundingPayments

log = structlog.get_logger(__name__)

#: Seconds between two polls. Funding falls due every hour at most, and a poll costs weight of the request limits.
_INTERVAL = 60.0
#: How far back the first poll of an account goes: what exchanges have at hand.
_FIRST = timedelta(days=30)
#: How far before the newest recorded payment later polls go. An exchange may list a payment late, but not by a whole interval.
_OVERLAP = timedelta(hours=9)
#: The share of an exchange's request limits that these polls may take, however many accounts there are.
_SHARE = 0.1


class FundingRecorder:
    """Records the funding payments of accounts."""

    def __init__(
        self,
        payments: FundingPayments,
        sessions: Sessions,
        settings: Settings,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._payments = payments
        self._sessions = sessions
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._metrics = metrics or Metrics()
        #: The accounts of which it was said that payments are missing.
        self._cut: set[AccountKey] = set()
        self._pace = Pace(clock, _SHARE)

    async def run(self, account: AccountKey) -> None:
        """Record the payments of ``account`` until cancelled. Returns at once where the connector has no funding."""
        kind = connector_class(account.connector_name)
        if not (kind.capabilities.is_perpetual and kind.has_verb("fetch_funding_payments")):
            return
        while True:
            try:
                await self.record(account)
            except Exception as error:  # noqa: BLE001 - exchange or database can't be asked now; it is logged and repeated
                log.warning(
                    "funding not recorded",
                    account_name=account.account_name,
                    connector_name=account.connector_name,
                    error=type(error).__name__,
                    text=str(error),
                )
            await self._clock.sleep(_INTERVAL)

    def _within_history(self, account: AccountKey, connector: Connector, since: datetime) -> datetime:
        """``since``, or the first moment that the exchange still tells of, because a question about more is refused for ever. What
        is missing between the two is said once: in the log, and by the metric.
        """
        history = connector.capabilities.funding_history
        oldest = since if history is None else max(since, self._clock.now() - history)
        if oldest == since:
            self._cut.discard(account)
        elif account not in self._cut:
            self._cut.add(account)
            self._metrics.count_history_cut(account.connector_name, "funding")
            log.warning(
                "funding history has a gap",
                account_name=account.account_name,
                connector_name=account.connector_name,
                missing_from=since.isoformat(),
                missing_until=oldest.isoformat(),
            )
        return oldest

    async def record(self, account: AccountKey) -> int:
        """Record new payments and return how many they were. Raises what the exchange raises, or ``JournalUnavailable``."""
        last = await asyncio.to_thread(self._payments.last_paid_at, *account)
        since = self._clock.now() - _FIRST if last is None else last - _OVERLAP
        connector = await self._sessions.connector(account)
        since = self._within_history(account, connector, since)
        await self._pace.wait(connector.name, connector.request_share("funding_payments"))
        async with asyncio.timeout(self._timeout.total_seconds()):
            found = await connector.fetch_funding_payments(since)
        at = self._clock.now()
        count = await asyncio.to_thread(self._payments.put, *account, found, at=at)
        if count:
            log.info(
                "funding recorded",
                account_name=account.account_name,
                connector_name=account.connector_name,
                payments=count,
            )
        return count

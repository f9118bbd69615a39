"""Funding payments, taken from the exchanges into the journal's database by whoever keeps the account in step.

Exchanges push no funding that could be relied on, so it is asked for again and again; a payment that is recorded already is left
alone. Nothing else depends on it: a failure is told and the question repeated.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from app.clock import Clock
from app.connectors.registry import connector_class
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage.funding import FundingPayments

log = structlog.get_logger(__name__)

#: Seconds between two questions. Funding falls due every hour at the most, and a question costs a limit's weight.
_INTERVAL = 60.0
#: How far back the first question of an account goes: what exchanges keep at hand.
_FIRST = timedelta(days=30)
#: How far before the newest recorded payment later questions go: an exchange may list one late, but not by a whole interval.
_OVERLAP = timedelta(hours=9)


class FundingKeeper:
    """Records what the exchanges paid and took."""

    def __init__(self, payments: FundingPayments, sessions: Sessions, settings: Settings, clock: Clock) -> None:
        self._payments = payments
        self._sessions = sessions
        self._timeout = settings.exchange_timeout
        self._clock = clock

    async def run(self, account_name: str, connector_name: str) -> None:
        """Keep one account's payments recorded, until cancelled; ends at once where there is no funding."""
        kind = connector_class(connector_name)
        if not (kind.capabilities.is_perpetual and kind.has_verb("fetch_funding_payments")):
            return
        while True:
            try:
                await self.record(account_name, connector_name)
            except Exception as error:  # noqa: BLE001 - exchange or database can't be asked now; it is told, and asked again
                log.warning(
                    "funding not recorded",
                    account_name=account_name,
                    connector_name=connector_name,
                    error=type(error).__name__,
                    text=str(error),
                )
            await self._clock.sleep(_INTERVAL)

    async def record(self, account_name: str, connector_name: str) -> int:
        """Record what is new; how much that was. Raises what the exchange raises, or ``JournalUnavailable``."""
        last = await asyncio.to_thread(self._payments.last_paid_at, account_name, connector_name)
        since = self._clock.now() - _FIRST if last is None else last - _OVERLAP
        connector = await self._sessions.connector(account_name, connector_name)
        async with asyncio.timeout(self._timeout.total_seconds()):
            found = await connector.fetch_funding_payments(since)
        at = self._clock.now()
        count = await asyncio.to_thread(self._payments.put, account_name, connector_name, found, at=at)
        if count:
            log.info("funding recorded", account_name=account_name, connector_name=connector_name, payments=count)
        return count

"""Stores a snapshot of the portfolio every five minutes, in one of the processes that feed the accounts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from app.clock import Clock
from app.journal.journal import Journal
from app.services.accounts.portfolio import Portfolio
from app.storage.leases import Leases
from app.storage.portfolio import slot_of, start_of

log = structlog.get_logger(__name__)

_LEASE = "portfolio"
#: Shorter than a slot, so that the lease is free again at the next, and longer than any snapshot takes.
_TTL = timedelta(minutes=4)


class SnapshotTaker:
    """Runs in the background from ``start`` to ``close``. Among several processes, a lease lets one of them store a slot."""

    def __init__(
        self, *, journal: Journal, portfolio: Portfolio, leases: Leases | None, holder: str, clock: Clock
    ) -> None:
        self._journal = journal
        self._portfolio = portfolio
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take the first snapshot now, and then one per slot."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def take(self) -> None:
        """Store the snapshot of the present slot, unless another process has its lease. Raises ``JournalUnavailable``."""
        slot = slot_of(self._clock.now())
        if self._leases is not None:
            lease = await asyncio.to_thread(self._leases.acquire, _LEASE, self._holder, _TTL)
            if lease is None:
                return
        await asyncio.to_thread(self._journal.snapshots.put, slot, await self._portfolio.known())

    async def _run(self) -> None:
        while True:
            try:
                await self.take()
            except Exception as error:  # noqa: BLE001 - the database can't be written now; one point of the history is missing
                log.warning("no portfolio snapshot", error=type(error).__name__)
            now = self._clock.now()
            await self._clock.sleep((start_of(slot_of(now) + 1) - now).total_seconds())

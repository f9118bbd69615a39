"""The feeds of all accounts, each in one process at a time by lease.

Every account with credentials gets a feed. Where several processes share a journal, a feed runs only while this process holds the
account's lease. The process renews the lease well before it ends. If it can't, it stops the feed before another process may begin.
On SQLite one process has the journal to itself, and no lease is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from app import failpoints
from app.clock import Clock
from app.domain.order import AccountKey
from app.services.reconciling.feed import Feed
from app.storage.accounts import Accounts
from app.storage.leases import Lease, Leases

log = structlog.get_logger(__name__)

#: How long a lease lasts, in seconds: the time in which another process takes over a dead one's accounts.
LEASE = 6.0
#: Seconds between renewals; two may fail before the lease is given up.
_RENEW = 1.5
#: A holder that could not renew stops this many seconds before its lease ends, by its own clock.
_MARGIN = 1.5
#: Seconds between looks for accounts that were added or deleted, and for leases that have become free.
_LOOK = 1.0


class AccountFeeds:
    """Runs the feeds of all accounts whose lease this process can get."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        leases: Leases | None,
        holder: str,
        make_feed: Callable[[AccountKey], Feed],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._leases = leases
        self._holder = holder
        self._make_feed = make_feed
        self._clock = clock
        self._feeds: dict[AccountKey, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop all feeds and release their leases; may be called twice."""
        tasks = [task for task in (self._loop, *self._feeds.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the database can't be asked now; the feeds go on, and we look again
                log.warning("accounts not listed", error=type(error).__name__)
            await self._clock.sleep(_LOOK)

    async def _look(self) -> None:
        wanted = set(await asyncio.to_thread(self._accounts.all_credentials))
        for deleted in set(self._feeds) - wanted:
            self._feeds.pop(deleted).cancel()
        for account in wanted:
            task = self._feeds.get(account)
            if task is None or task.done():
                if task is not None:
                    _log_failure(account, task)
                self._feeds[account] = asyncio.get_running_loop().create_task(self._run_feed(account))

    async def _run_feed(self, account: AccountKey) -> None:
        if self._leases is None:
            await self._make_feed(account).run()
            return
        name = f"account:{account.account_name}:{account.connector_name}"
        asked_at = self._clock.monotonic()
        lease = await asyncio.to_thread(self._leases.acquire, name, self._holder, timedelta(seconds=LEASE))
        if lease is None:
            return
        failpoints.reach("account_feeds.lease_taken")
        log.info("lease taken", lease=name, token=lease.token)
        feed = asyncio.get_running_loop().create_task(self._make_feed(account).run())
        try:
            await self._renew(self._leases, lease, feed, asked_at)
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)
            await asyncio.to_thread(self._leases.release, lease)

    async def _renew(self, leases: Leases, lease: Lease, feed: asyncio.Task[None], asked_at: float) -> None:
        """Renew until that fails for too long, or the feed ends. The lease was granted no earlier than ``asked_at``."""
        good_until = asked_at + LEASE - _MARGIN
        while not feed.done() and (left := good_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(_RENEW, left))
            asked_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(max(0.0, min(_RENEW, good_until - asked_at))):
                    is_ours = await asyncio.to_thread(leases.renew, lease)
            except Exception as error:  # noqa: BLE001 - the database can't be asked; the lease runs on until its time is up
                log.warning("lease not renewed", lease=lease.name, error=type(error).__name__)
                continue
            if not is_ours:
                break
            good_until = asked_at + LEASE - _MARGIN
        log.warning("lease given up", lease=lease.name)


def _log_failure(account: AccountKey, task: asyncio.Task[None]) -> None:
    """Log why a feed ended. A feed runs until it is cancelled, so any other end is a fault."""
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        log.error(
            "feed failed",
            account_name=account.account_name,
            connector_name=account.connector_name,
            error=repr(fault),
        )

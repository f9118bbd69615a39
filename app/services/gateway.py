"""The running gateway: every service by name, and how all of them start and stop.

``bootstrap`` builds it; handlers and the worker use it. It holds no logic of its own beyond the order of starting and stopping.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from app import logs
from app.clock import Clock
from app.connectors.registry import load_connectors
from app.journal.journal import Journal
from app.metrics import Metrics
from app.services.accounts.accounts import AccountKeeper
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.accounts.snapshots import SnapshotTaker
from app.services.accounts.users import Users
from app.services.catalog import Catalog
from app.services.gauges import Gauges
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.prices import Prices
from app.services.markets.rates import Rates
from app.services.markets.rules import Rules
from app.services.orders.history import History
from app.services.orders.inflight import InFlight
from app.services.orders.placing import Orders
from app.services.reconciling.settling import Settling
from app.services.reconciling.watch import Watch
from app.services.sessions import Sessions
from app.services.streams import Streams
from app.settings import Settings
from app.storage import schema
from app.storage.accounts import Accounts
from app.storage.directory_lock import DirectoryLock

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """All services of one process. ``watch`` and ``snapshots`` are None in a process that leaves the accounts to workers."""

    settings: Settings
    clock: Clock
    journal: Journal
    accounts: Accounts
    users: Users
    sessions: Sessions
    rules: Rules
    catalog: Catalog
    keeper: AccountKeeper
    prices: Prices
    portfolio: Portfolio
    market_data: MarketData
    books: Books
    rates: Rates
    orders: Orders
    history: History
    positions: Positions
    position_settings: PositionSettings
    settling: Settling
    inflight: InFlight
    streams: Streams
    metrics: Metrics
    gauges: Gauges
    watch: Watch | None
    snapshots: SnapshotTaker | None
    lock: DirectoryLock | None
    #: Called when everything has started.
    on_start: Callable[[Gateway], None] | None = None
    #: The password that the first run made; to be shown once.
    first_password: str | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Open the journal and begin. Needs no exchange to be up. Raises if the database is not at the right version."""
        if self.lock is not None:
            await asyncio.to_thread(self.lock.acquire)
            # One process has the database to itself here, so there is nobody whom a migration could surprise.
            await asyncio.to_thread(schema.upgrade, self.settings.database_url)
        await asyncio.gather(self.journal.open(), load_connectors())
        await asyncio.to_thread(self.keeper.ensure_master_account)
        self.first_password = await self.users.start()
        await self.streams.start()
        self.sessions.start()
        if self.watch is not None:
            self.watch.start()
        if self.snapshots is not None:
            self.snapshots.start()
        if self.on_start is not None:
            self.on_start(self)
            self.first_password = None

    def prepare_stop(self) -> None:
        """The process was told to stop: take no new orders and end the streams, so that the server can finish its connections."""
        self.inflight.close()
        self.streams.end()
        self.market_data.end()

    async def stop(self) -> None:
        """Take no more orders, finish what is in flight within the limit, leave the rest to recovery."""
        await self.inflight.drain(self.settings.shutdown_timeout)
        if self.watch is not None:
            await self.watch.close()
        if self.snapshots is not None:
            await self.snapshots.close()
        await self.portfolio.close()
        await self.positions.close()
        await self.prices.close()
        await self.market_data.close()
        await self.streams.close()
        await self.settling.close()
        await self.rules.close()
        await self.sessions.close()
        await self.journal.close()
        if self.lock is not None:
            self.lock.release()
        logs.flush()

    async def password_hash(self, username: str) -> str | None:
        """The hash of a user's password as it is now; for the edge's authenticator."""
        return await self.users.password_hash(username)

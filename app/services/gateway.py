"""The running gateway: every service by name, and the order in which they start and stop.

``bootstrap`` builds it; handlers and the worker use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from app import logs
from app.clock import Clock
from app.connectors.registry import load_connectors
from app.domain.acting import Acting
from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.enums import Environment
from app.domain.order import AccountKey
from app.journal.journal import Journal
from app.journal.units.guard import Guards
from app.metrics import Metrics
from app.services.accounts.accounts import AccountAdmin
from app.services.accounts.console_sessions import ConsoleSessions
from app.services.accounts.directory import Directory
from app.services.accounts.keys import ApiKeys
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.portfolio_snapshots import SnapshotTaker
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.accounts.users import Users
from app.services.acting import ActingGateway, Services
from app.services.catalog import Catalog
from app.services.checkpoints import Checkpoints
from app.services.event_streams import EventStreams
from app.services.gauges import Gauges
from app.services.history import History
from app.services.installation import Installations
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.rates import Rates
from app.services.markets.rules import Rules
from app.services.orders.inflight import InFlight
from app.services.orders.placing import Orders
from app.services.orders.previewing import Previews
from app.services.reconciliations import Reconciliations
from app.services.reconciling.account_feeds import AccountFeeds
from app.services.reconciling.resolving import Resolving
from app.services.reconciling.settling import Settling
from app.services.safety.approving import Approving
from app.services.safety.safety import Safety
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage import schema
from app.storage.audit_log import AuditLog
from app.storage.directory_lock import DirectoryLock

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """All services of one process. ``account_feeds`` and ``snapshot_taker`` are None where workers have the accounts."""

    settings: Settings
    clock: Clock
    journal: Journal
    accounts: AccountAdmin
    users: Users
    directory: Directory
    audit_log: AuditLog
    checkpoints: Checkpoints
    keys: ApiKeys
    console_sessions: ConsoleSessions
    environments: Mapping[str, Environment]
    sessions: Sessions
    rules: Rules
    catalog: Catalog
    portfolio: Portfolio
    market_data: MarketData
    books: Books
    rates: Rates
    orders: Orders
    previews: Previews
    guards: Guards
    safety: Safety
    approving: Approving
    history: History
    positions: Positions
    position_settings: PositionSettings
    settling: Settling
    resolving: Resolving
    installations: Installations
    reconciliations: Reconciliations
    inflight: InFlight
    event_streams: EventStreams
    metrics: Metrics
    gauges: Gauges
    account_feeds: AccountFeeds | None
    snapshot_taker: SnapshotTaker | None
    lock: DirectoryLock | None
    #: Called when everything has started.
    on_start: Callable[[Gateway], None] | None = None
    #: Whether somebody reads what this process prints, so that it may make a first password.
    is_attended: bool = False
    #: The password that the first run made, to be shown once.
    first_password: str | None = field(default=None, repr=False)
    _services: Services | None = field(default=None, repr=False)
    #: The live accounts without limits, as they were at the start.
    undecided: Sequence[AccountKey] = ()

    async def start(self) -> None:
        """Open the journal and begin. Needs no exchange to be up. Raises if the database is not at the right version."""
        # Looked for first: whoever makes the key has noted the first account in the database before.
        has_key = self.settings.secret_key is None and self.settings.key_file.exists()
        for sentence in self.settings.strange_variables:
            log.warning("a variable of the environment is no setting", reason=sentence)
        if self.lock is not None:
            await asyncio.to_thread(self.lock.acquire)
            # This process has the database to itself, so a migration disturbs no other.
            await asyncio.to_thread(schema.upgrade, self.settings.database_url)
        await asyncio.gather(self.journal.open(), load_connectors())
        if has_key and not self.settings.accept_empty_journal:
            await asyncio.to_thread(self.accounts.check_journal, self.settings.key_file)
        await self.installations.get()
        await asyncio.to_thread(self.accounts.ensure_master_account)
        self.first_password = await self.users.start(makes_first=self.is_attended)
        await self.directory.refresh()
        self.directory.start()
        await self.event_streams.start()
        self.sessions.start()
        self.undecided = await self.safety.limiting.undecided()
        if self.account_feeds is not None:
            self.reconciliations.start()
            self.account_feeds.start()
            self.safety.start()
            self.approving.start()
            self.checkpoints.start()
        if self.snapshot_taker is not None:
            self.snapshot_taker.start()
        if self.on_start is not None:
            self.on_start(self)
            self.first_password = None

    def prepare_stop(self) -> None:
        """Take no new orders and end the streams, so that the server can finish its connections. ``stop`` follows."""
        self.inflight.close()
        self.event_streams.end()
        self.market_data.end()

    async def finish_orders(self) -> None:
        """Wait for the orders that are under way, within the limit; meanwhile the server listens, and takes cancels."""
        await self.inflight.wait(self.settings.shutdown_timeout)

    async def stop(self) -> None:
        """Take no new orders, finish those in flight within the limit, leave the rest to recovery, and close everything."""
        await self.inflight.drain(self.settings.shutdown_timeout)
        await self.safety.close()
        await self.approving.close()
        if self.account_feeds is not None:
            await self.account_feeds.close()
        await self.reconciliations.close()
        if self.snapshot_taker is not None:
            await self.snapshot_taker.close()
        self.orders.close()
        await self.users.close()
        await self.directory.close()
        await self.checkpoints.close()
        await self.catalog.close()
        await self.portfolio.close()
        await self.positions.close()
        await self.market_data.close()
        await self.event_streams.close()
        await self.settling.close()
        await self.rules.close()
        await self.sessions.close()
        await self.journal.close()
        if self.lock is not None:
            self.lock.release()
        logs.flush()

    def acting_as(self, acting: Acting) -> ActingGateway:
        """The gateway for one request's caller."""
        if self._services is None:
            self._services = Services(
                accounts=self.accounts,
                approving=self.approving,
                audit_log=self.audit_log,
                books=self.books,
                catalog=self.catalog,
                clock=self.clock,
                console_sessions=self.console_sessions,
                directory=self.directory,
                environments=self.environments,
                event_streams=self.event_streams,
                gauges=self.gauges,
                guards=self.guards,
                history=self.history,
                keys=self.keys,
                market_data=self.market_data,
                orders=self.orders,
                portfolio=self.portfolio,
                previews=self.previews,
                position_settings=self.position_settings,
                positions=self.positions,
                rates=self.rates,
                reconciliations=self.reconciliations,
                resolving=self.resolving,
                safety=self.safety,
            )
        return ActingGateway(self._services, acting)

    async def password_hash(self, username: str) -> str | None:
        """The hash of a user's password as it is now; for the edge's authenticator."""
        return await self.users.password_hash(username)

    async def caller_of(self, username: str) -> Caller | None:
        """Who calls with the password of the user; None if nobody may."""
        return await self.directory.caller_of(username)

    def needs_code(self, username: str) -> bool:
        """Whether the user's password is not enough to sign in."""
        return self.directory.totp(username) is not None

    async def caller_with(self, secret: str, address: str) -> Caller:
        """Who calls with an API key from ``address``. Raises ``NotAuthenticated``."""
        return await self.keys.caller(secret, address)

    async def caller_in(self, session: str) -> Caller:
        """Who has signed in at the console with the session of that token. Raises ``NotAuthenticated``."""
        return await self.console_sessions.caller(session)

    async def ended(self, caller: Caller) -> None:
        """Return when ``caller`` may not do any more what it may now."""
        await self.directory.ended(caller)

    async def audit(self, record: AuditRecord) -> None:
        """Append to the audit log what stands in no other transaction."""
        await self.journal.audit(record)

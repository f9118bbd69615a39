"""From ``Settings`` to a gateway that can be started: the only place that connects services. Does no network I/O."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app.clock import Clock, SystemClock
from app.connectors.registry import check_addresses, environments
from app.domain.order import AccountKey
from app.entropy import Entropy
from app.journal.journal import Journal
from app.journal.units.guard import Guards
from app.metrics import Metrics
from app.services.accounts.accounts import AccountAdmin, reseal
from app.services.accounts.console_sessions import ConsoleSessions
from app.services.accounts.directory import Directory
from app.services.accounts.keys import ApiKeys
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.portfolio_snapshots import SnapshotTaker
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.accounts.totp import Totp
from app.services.accounts.users import Users
from app.services.catalog import Catalog
from app.services.checkpoint_posts import CheckpointPosts
from app.services.checkpoints import Checkpoints, Signer
from app.services.event_streams import EventStreams
from app.services.exchange_accounts import ExchangeAccounts
from app.services.gateway import Gateway
from app.services.gauges import Gauges
from app.services.history import History
from app.services.installation import Installations
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.prices import Prices
from app.services.markets.rates import Rates
from app.services.markets.readings import Readings
from app.services.markets.rules import Rules
from app.services.names import Names
from app.services.orders.admitting import Admissions
from app.services.orders.countdowns import Countdowns
from app.services.orders.inflight import InFlight
from app.services.orders.placing import Orders
from app.services.orders.recorder import Recorder
from app.services.reconciliations import Reconciliations
from app.services.reconciling.account_feeds import AccountFeeds
from app.services.reconciling.feed import Feed
from app.services.reconciling.funding import FundingRecorder
from app.services.reconciling.recovery import Recovery
from app.services.reconciling.resolving import Resolving
from app.services.reconciling.settling import Settling
from app.services.safety.approving import Approving
from app.services.safety.dead_man import DeadMen
from app.services.safety.evidence import Evidence
from app.services.safety.halting import Halting
from app.services.safety.limiting import Limiting
from app.services.safety.naming import Naming
from app.services.safety.safety import Safety
from app.services.safety.sweeping import Sweeps
from app.services.sessions import Sessions
from app.settings import Settings
from app.sqlite import restrict
from app.storage.audit_log import AuditLog
from app.storage.directory_lock import DirectoryLock
from app.storage.preferences import Preferences
from app.storage.reconciliations import StoredReconciliations
from app.vault import Vault, add_key, load_secret

#: ``all`` serves orders and feeds the accounts, ``web`` leaves the accounts to workers.
Role = Literal["all", "web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What nearly every service needs."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    journal: Journal
    vault: Vault
    sessions: Sessions
    rules: Rules
    recorder: Recorder
    exchange_accounts: ExchangeAccounts
    installations: Installations
    reconciliations: Reconciliations
    settling: Settling
    countdowns: Countdowns
    names: Names
    market_data: MarketData


def build_gateway(
    settings: Settings,
    *,
    role: Role = "all",
    clock: Clock | None = None,
    random_bits: Callable[[int], int] | None = None,
) -> Gateway:
    """The gateway of one process. On SQLite, which serves one process, the role is always ``all``."""
    random_bits = random_bits or Entropy().bits
    base = _base(settings, clock or SystemClock(), random_bits)
    clock, journal, sessions, rules = base.clock, base.journal, base.sessions, base.rules
    inflight = InFlight()
    event_streams = EventStreams(journal, clock)
    directory = Directory(journal.callers, settings.username, clock)
    audit_log = AuditLog(journal.database)
    users = Users(journal.accounts, settings, clock, directory)
    preferences = Preferences(journal.database)
    prices = Prices(market_data=base.market_data, rules=rules)
    portfolio = Portfolio(journal=journal, sessions=sessions, prices=prices, settings=settings, clock=clock)
    account_feeds, snapshot_taker = _background(role, base, portfolio)
    rates = Rates(base.market_data, journal.accounts, preferences)
    admissions = _admissions(base, rates)
    orders = _orders(base, inflight, random_bits, admissions)
    safety = _safety(base, orders, admissions)
    approving = Approving(journal=journal, orders=orders, clock=clock)
    return Gateway(
        settings=settings,
        clock=clock,
        journal=journal,
        users=users,
        directory=directory,
        audit_log=audit_log,
        checkpoints=_checkpoints(base, audit_log),
        console_sessions=_console_sessions(base, users, directory, random_bits),
        keys=ApiKeys(journal, directory, base.names, clock, random_bits),
        environments=environments(settings),
        sessions=sessions,
        rules=rules,
        catalog=Catalog(journal=journal, rules=rules, sessions=sessions, settings=settings, clock=clock),
        accounts=_accounts(base, preferences, portfolio),
        portfolio=portfolio,
        market_data=base.market_data,
        books=Books(base.market_data),
        rates=rates,
        orders=orders,
        previews=orders.previews,
        safety=safety,
        approving=approving,
        guards=Guards(),
        history=History(journal, clock),
        positions=Positions(accounts=journal.accounts, sessions=sessions, settings=settings),
        position_settings=PositionSettings(journal=journal, sessions=sessions, rules=rules, settings=settings),
        settling=base.settling,
        installations=base.installations,
        reconciliations=base.reconciliations,
        resolving=_resolving(base),
        inflight=inflight,
        event_streams=event_streams,
        metrics=base.metrics,
        gauges=_gauges(base, event_streams, safety, approving),
        account_feeds=account_feeds,
        snapshot_taker=snapshot_taker,
        lock=DirectoryLock(settings.data_dir) if settings.is_sqlite else None,
    )


def _console_sessions(
    base: _Base, users: Users, directory: Directory, random_bits: Callable[[int], int]
) -> ConsoleSessions:
    return ConsoleSessions(
        vault=base.vault,
        totp=Totp(base.journal.callers, base.vault, base.clock),
        users=users,
        callers=base.journal.callers,
        directory=directory,
        random_bits=random_bits,
        clock=base.clock,
    )


def _base(settings: Settings, clock: Clock, random_bits: Callable[[int], int]) -> _Base:
    check_addresses(settings)
    metrics = Metrics(clock.now)
    journal = Journal(settings, clock, metrics)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A directory that others made for us, or a key that was copied to it.
    restrict(settings.data_dir, 0o700)
    restrict(settings.key_file, 0o600)
    vault = build_vault(settings)
    sessions = Sessions(journal.accounts, vault, settings, clock)
    rules = Rules(sessions)
    recorder = Recorder(journal, clock)
    exchange_accounts = ExchangeAccounts(journal.accounts, settings, clock)
    return _Base(
        settings=settings,
        clock=clock,
        metrics=metrics,
        journal=journal,
        vault=vault,
        sessions=sessions,
        rules=rules,
        names=Names(journal.accounts, journal.callers, rules),
        recorder=recorder,
        exchange_accounts=exchange_accounts,
        installations=Installations(
            journal=journal, preferences=Preferences(journal.database), clock=clock, random_bits=random_bits
        ),
        reconciliations=Reconciliations(None if settings.is_sqlite else StoredReconciliations(journal.database), clock),
        settling=Settling(
            journal=journal,
            recorder=recorder,
            sessions=sessions,
            exchange_accounts=exchange_accounts,
            settings=settings,
            clock=clock,
        ),
        countdowns=Countdowns(journal=journal, sessions=sessions, settings=settings, clock=clock),
        market_data=MarketData(sessions, Readings(clock, settings.exchange_timeout), clock),
    )


def _accounts(base: _Base, preferences: Preferences, portfolio: Portfolio) -> AccountAdmin:
    return AccountAdmin(
        journal=base.journal,
        preferences=preferences,
        vault=base.vault,
        sessions=base.sessions,
        exchange_accounts=base.exchange_accounts,
        portfolio=portfolio,
        settings=base.settings,
        clock=base.clock,
    )


def _admissions(base: _Base, rates: Rates) -> Admissions:
    return Admissions(
        journal=base.journal,
        market_data=base.market_data,
        rates=rates,
        rules=base.rules,
        countdowns=base.countdowns,
        settings=base.settings,
        clock=base.clock,
    )


def _safety(base: _Base, orders: Orders, admissions: Admissions) -> Safety:
    journal, clock, sessions = base.journal, base.clock, base.sessions
    evidence = Evidence(journal=journal, accounts=journal.accounts, sessions=sessions, installations=base.installations)
    sweeps = Sweeps(
        journal=journal,
        orders=orders,
        settling=base.settling,
        sessions=sessions,
        evidence=evidence,
        clock=clock,
    )
    return Safety(
        Halting(journal=journal, evidence=evidence, sweeps=sweeps, clock=clock),
        Limiting(journal=journal, accounts=journal.accounts, admissions=admissions, clock=clock),
        Naming(journal, base.names),
        sweeps,
        DeadMen(
            journal=journal,
            sessions=sessions,
            countdowns=base.countdowns,
            sweeps=sweeps,
            evidence=evidence,
            clock=clock,
        ),
    )


def _orders(base: _Base, inflight: InFlight, random_bits: Callable[[int], int], admissions: Admissions) -> Orders:
    return Orders(
        journal=base.journal,
        recorder=base.recorder,
        sessions=base.sessions,
        rules=base.rules,
        settling=base.settling,
        inflight=inflight,
        metrics=base.metrics,
        settings=base.settings,
        clock=base.clock,
        random_bits=random_bits,
        installations=base.installations,
        admissions=admissions,
        market_data=base.market_data,
        vault=base.vault,
    )


def _gauges(base: _Base, event_streams: EventStreams, safety: Safety, approving: Approving) -> Gauges:
    return Gauges(
        metrics=base.metrics,
        journal=base.journal,
        event_streams=event_streams,
        sessions=base.sessions,
        safety=safety,
        approving=approving,
        clock=base.clock,
    )


def _resolving(base: _Base) -> Resolving:
    return Resolving(
        journal=base.journal,
        recorder=base.recorder,
        settling=base.settling,
        settings=base.settings,
        clock=base.clock,
    )


def _checkpoints(base: _Base, audit_log: AuditLog) -> Checkpoints:
    settings = base.settings
    signer = Signer(settings.audit_key_file)
    posts = CheckpointPosts(settings.audit_webhook, base.metrics, base.clock)
    return Checkpoints(audit_log, signer, settings.audit_checkpoints, posts, base.metrics, base.clock)


def _feed_factory(base: _Base) -> Callable[[AccountKey], Feed]:
    shared: dict[str, Any] = {
        "journal": base.journal,
        "recorder": base.recorder,
        "settling": base.settling,
        "exchange_accounts": base.exchange_accounts,
        "sessions": base.sessions,
        "clock": base.clock,
    }
    recovery = Recovery(
        settings=base.settings, installations=base.installations, reconciliations=base.reconciliations, **shared
    )
    funding = FundingRecorder(
        payments=base.journal.funding_payments,
        sessions=base.sessions,
        settings=base.settings,
        clock=base.clock,
        metrics=base.metrics,
    )
    return partial(Feed, recovery=recovery, funding=funding, **shared)


def _background(role: Role, base: _Base, portfolio: Portfolio) -> tuple[AccountFeeds | None, SnapshotTaker | None]:
    """The services that work without callers; None in a process that leaves the accounts to workers."""
    journal, clock, is_sqlite = base.journal, base.clock, base.settings.is_sqlite
    if role == "web" and not is_sqlite:
        return None, None
    leases = None if is_sqlite else journal.leases
    holder = _holder()
    account_feeds = AccountFeeds(
        accounts=journal.accounts, leases=leases, holder=holder, make_feed=_feed_factory(base), clock=clock
    )
    snapshot_taker = SnapshotTaker(journal=journal, portfolio=portfolio, leases=leases, holder=holder, clock=clock)
    return account_feeds, snapshot_taker


def build_vault(settings: Settings) -> Vault:
    """The vault with the keys that the settings or the key file hold."""
    # The first run's key is made when it is first needed: a key file beside a database that was never used says that the database
    # is not the one that belongs to it.
    has_key = settings.secret_key is not None or settings.key_file.exists()
    return Vault(_secret(settings) if has_key else None, reload=partial(_secret, settings))


def rotate_vault(settings: Settings) -> int:
    """Seal all credentials with the first key and return how many they were. A key file gets a new first key before.

    Raises ``VaultError`` if some can't be opened, ``JournalUnavailable`` without a database.
    """
    journal = Journal(settings, SystemClock())
    try:
        # Fails without a database, before a new key is made for nothing.
        journal.accounts.all_credentials()
        if settings.secret_key is None:
            add_key(settings.key_file)
        return reseal(journal, build_vault(settings))
    finally:
        journal.database.dispose()


def _secret(settings: Settings) -> str:
    return load_secret(settings.secret_key, settings.key_file)


def _holder() -> str:
    """A name of this process for leases, which no other process has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

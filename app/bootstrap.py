"""From ``Settings`` to a gateway that can be started: the only place that wires services together. Does no network I/O."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from app.clock import Clock, SystemClock
from app.journal.journal import Journal
from app.journal.preferences import Preferences
from app.metrics import Metrics
from app.services.accounts import AccountKeeper, reseal
from app.services.books import Books
from app.services.catalog import Catalog
from app.services.feed import Feed
from app.services.funding import FundingKeeper
from app.services.gateway import Gateway
from app.services.gauges import Gauges
from app.services.history import History
from app.services.inflight import InFlight
from app.services.lock import DirectoryLock
from app.services.market_data import MarketData
from app.services.orders import Orders
from app.services.portfolio import Portfolio
from app.services.position_settings import PositionSettings
from app.services.positions import Positions
from app.services.prices import Prices
from app.services.rates import Rates
from app.services.readings import Readings
from app.services.recorder import Recorder
from app.services.recovery import Recovery
from app.services.rules import Rules
from app.services.sessions import Sessions
from app.services.settling import Settling
from app.services.snapshots import SnapshotTaker
from app.services.streams import Streams
from app.services.users import Users
from app.services.watch import Watch
from app.settings import Settings
from app.vault import Vault, add_key, load_secret

#: ``all`` serves orders and keeps accounts in step, ``web`` leaves the latter to workers.
Role = Literal["all", "web"]


def build_gateway(
    settings: Settings,
    *,
    role: Role = "all",
    clock: Clock | None = None,
    random_bits: Callable[[int], int] = secrets.randbits,
) -> Gateway:
    """The gateway of one process. On SQLite, which serves one process, the role is always ``all``."""
    clock = clock or SystemClock()
    metrics = Metrics()
    journal = Journal(settings, clock, metrics)
    accounts = journal.accounts
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = build_vault(settings)
    sessions = Sessions(accounts, vault, settings, clock)
    rules = Rules(sessions, clock)
    recorder = Recorder(journal, clock)
    settling = Settling(journal=journal, recorder=recorder, sessions=sessions, settings=settings, clock=clock)
    recovery = Recovery(
        journal=journal, recorder=recorder, sessions=sessions, settling=settling, settings=settings, clock=clock
    )
    inflight = InFlight()
    streams = Streams(journal, clock)
    make_feed = partial(
        Feed,
        journal=journal,
        recorder=recorder,
        recovery=recovery,
        settling=settling,
        sessions=sessions,
        clock=clock,
        funding=FundingKeeper(journal.funding_payments, sessions, settings, clock),
    )
    prices = Prices(sessions=sessions, rules=rules, clock=clock)
    portfolio = Portfolio(journal=journal, sessions=sessions, prices=prices, settings=settings, clock=clock)
    market_data = MarketData(sessions, Readings(clock, settings.exchange_timeout), clock)
    watch, snapshots = _keepers(role, settings, journal, portfolio, make_feed, clock)
    return Gateway(
        settings=settings,
        clock=clock,
        journal=journal,
        accounts=accounts,
        users=Users(accounts, settings),
        sessions=sessions,
        rules=rules,
        catalog=Catalog(journal=journal, accounts=accounts, rules=rules),
        keeper=AccountKeeper(journal=journal, vault=vault, sessions=sessions, portfolio=portfolio, settings=settings),
        prices=prices,
        portfolio=portfolio,
        market_data=market_data,
        books=Books(market_data),
        rates=Rates(market_data, accounts, Preferences(journal.database)),
        orders=Orders(
            journal=journal,
            recorder=recorder,
            sessions=sessions,
            rules=rules,
            settling=settling,
            inflight=inflight,
            metrics=metrics,
            settings=settings,
            clock=clock,
            random_bits=random_bits,
        ),
        history=History(journal, clock),
        positions=Positions(accounts=accounts, sessions=sessions, settings=settings),
        position_settings=PositionSettings(sessions=sessions, rules=rules, settings=settings),
        settling=settling,
        inflight=inflight,
        streams=streams,
        metrics=metrics,
        gauges=Gauges(metrics=metrics, journal=journal, streams=streams, sessions=sessions, clock=clock),
        watch=watch,
        snapshots=snapshots,
        lock=DirectoryLock(settings.data_dir) if settings.is_sqlite else None,
    )


def _keepers(
    role: Role,
    settings: Settings,
    journal: Journal,
    portfolio: Portfolio,
    make_feed: Callable[[str, str], Feed],
    clock: Clock,
) -> tuple[Watch | None, SnapshotTaker | None]:
    """What keeps the accounts in step with their exchanges; nothing in a process that leaves that to workers."""
    if role == "web" and not settings.is_sqlite:
        return None, None
    leases = None if settings.is_sqlite else journal.leases
    holder = _holder()
    watch = Watch(accounts=journal.accounts, leases=leases, holder=holder, make_feed=make_feed, clock=clock)
    return watch, SnapshotTaker(journal=journal, portfolio=portfolio, leases=leases, holder=holder, clock=clock)


def build_vault(settings: Settings) -> Vault:
    """The vault with the keys that the settings or the key file hold."""
    return Vault(_secret(settings), reload=partial(_secret, settings))


def rotate_vault(settings: Settings) -> int:
    """Make a new key in the key file, where the keys are kept there, and seal all credentials with the first key; how many that
    were. Raises ``VaultError`` if some can't be opened, ``JournalUnavailable`` without a database.
    """
    journal = Journal(settings, SystemClock())
    try:
        # Before there is a new key, because without a database there is nothing to seal with it.
        journal.accounts.all_credentials()
        if settings.secret_key is None:
            add_key(key_file(settings))
        return reseal(journal, build_vault(settings))
    finally:
        journal.database.dispose()


def key_file(settings: Settings) -> Path:
    """Where the keys are kept if the environment holds none."""
    return settings.data_dir / "secret.key"


def _secret(settings: Settings) -> str:
    return load_secret(settings.secret_key, key_file(settings))


def _holder() -> str:
    """A name for this process that no other has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

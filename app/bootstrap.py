"""From ``Settings`` to a gateway that can be started: the only place that wires services together. Does no network I/O."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from app.clock import Clock, SystemClock
from app.entropy import Entropy
from app.journal.journal import Journal
from app.metrics import Metrics
from app.services.accounts.accounts import AccountKeeper, reseal
from app.services.accounts.portfolio import Portfolio
from app.services.accounts.position_settings import PositionSettings
from app.services.accounts.positions import Positions
from app.services.accounts.snapshots import SnapshotTaker
from app.services.accounts.users import Users
from app.services.catalog import Catalog
from app.services.gateway import Gateway
from app.services.gauges import Gauges
from app.services.markets.books import Books
from app.services.markets.market_data import MarketData
from app.services.markets.prices import Prices
from app.services.markets.rates import Rates
from app.services.markets.readings import Readings
from app.services.markets.rules import Rules
from app.services.orders.history import History
from app.services.orders.inflight import InFlight
from app.services.orders.placing import Orders
from app.services.orders.recorder import Recorder
from app.services.reconciling.feed import Feed
from app.services.reconciling.funding import FundingKeeper
from app.services.reconciling.recovery import Recovery
from app.services.reconciling.settling import Settling
from app.services.reconciling.watch import Watch
from app.services.sessions import Sessions
from app.services.streams import Streams
from app.settings import Settings
from app.storage.directory_lock import DirectoryLock
from app.storage.preferences import Preferences
from app.vault import Vault, add_key, load_secret

#: ``all`` serves orders and keeps accounts in step, ``web`` leaves the latter to workers.
Role = Literal["all", "web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What nearly every service stands on."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    journal: Journal
    vault: Vault
    sessions: Sessions
    rules: Rules
    recorder: Recorder
    settling: Settling


def build_gateway(
    settings: Settings,
    *,
    role: Role = "all",
    clock: Clock | None = None,
    random_bits: Callable[[int], int] | None = None,
) -> Gateway:
    """The gateway of one process. On SQLite, which serves one process, the role is always ``all``."""
    ground = _ground(settings, clock or SystemClock())
    clock, journal, sessions, rules = ground.clock, ground.journal, ground.sessions, ground.rules
    inflight = InFlight()
    streams = Streams(journal, clock)
    prices = Prices(sessions=sessions, rules=rules, clock=clock)
    portfolio = Portfolio(journal=journal, sessions=sessions, prices=prices, settings=settings, clock=clock)
    market_data = MarketData(sessions, Readings(clock, settings.exchange_timeout), clock)
    watch, snapshots = _keepers(role, ground, portfolio)
    return Gateway(
        settings=settings,
        clock=clock,
        journal=journal,
        accounts=journal.accounts,
        users=Users(journal.accounts, settings),
        sessions=sessions,
        rules=rules,
        catalog=Catalog(journal=journal, accounts=journal.accounts, rules=rules, sessions=sessions),
        keeper=AccountKeeper(
            journal=journal, vault=ground.vault, sessions=sessions, portfolio=portfolio, settings=settings
        ),
        prices=prices,
        portfolio=portfolio,
        market_data=market_data,
        books=Books(market_data),
        rates=Rates(market_data, journal.accounts, Preferences(journal.database)),
        orders=_orders(ground, inflight, random_bits or Entropy().bits),
        history=History(journal, clock),
        positions=Positions(accounts=journal.accounts, sessions=sessions, settings=settings),
        position_settings=PositionSettings(sessions=sessions, rules=rules, settings=settings),
        settling=ground.settling,
        inflight=inflight,
        streams=streams,
        metrics=ground.metrics,
        gauges=Gauges(metrics=ground.metrics, journal=journal, streams=streams, sessions=sessions, clock=clock),
        watch=watch,
        snapshots=snapshots,
        lock=DirectoryLock(settings.data_dir) if settings.is_sqlite else None,
    )


def _ground(settings: Settings, clock: Clock) -> _Ground:
    metrics = Metrics()
    journal = Journal(settings, clock, metrics)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = build_vault(settings)
    sessions = Sessions(journal.accounts, vault, settings, clock)
    recorder = Recorder(journal, clock)
    return _Ground(
        settings=settings,
        clock=clock,
        metrics=metrics,
        journal=journal,
        vault=vault,
        sessions=sessions,
        rules=Rules(sessions, clock),
        recorder=recorder,
        settling=Settling(journal=journal, recorder=recorder, sessions=sessions, settings=settings, clock=clock),
    )


def _orders(ground: _Ground, inflight: InFlight, random_bits: Callable[[int], int]) -> Orders:
    return Orders(
        journal=ground.journal,
        recorder=ground.recorder,
        sessions=ground.sessions,
        rules=ground.rules,
        settling=ground.settling,
        inflight=inflight,
        metrics=ground.metrics,
        settings=ground.settings,
        clock=ground.clock,
        random_bits=random_bits,
    )


def _feeds(ground: _Ground) -> Callable[[str, str], Feed]:
    """What makes the feed of an account on a connector."""
    shared: dict[str, Any] = {
        "journal": ground.journal,
        "recorder": ground.recorder,
        "settling": ground.settling,
        "sessions": ground.sessions,
        "clock": ground.clock,
    }
    recovery = Recovery(settings=ground.settings, **shared)
    funding = FundingKeeper(
        payments=ground.journal.funding_payments,
        sessions=ground.sessions,
        settings=ground.settings,
        clock=ground.clock,
    )
    return partial(Feed, recovery=recovery, funding=funding, **shared)


def _keepers(role: Role, ground: _Ground, portfolio: Portfolio) -> tuple[Watch | None, SnapshotTaker | None]:
    """What keeps the accounts in step with their exchanges; nothing in a process that leaves that to workers."""
    journal, clock, is_sqlite = ground.journal, ground.clock, ground.settings.is_sqlite
    if role == "web" and not is_sqlite:
        return None, None
    leases = None if is_sqlite else journal.leases
    holder = _holder()
    watch = Watch(accounts=journal.accounts, leases=leases, holder=holder, make_feed=_feeds(ground), clock=clock)
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

"""From ``Settings`` to a gateway that can be started: the only place that wires services together. Does no network I/O."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from typing import Literal

from app.clock import Clock, SystemClock
from app.journal.journal import Journal
from app.services.catalog import Catalog
from app.services.feed import Feed
from app.services.gateway import Gateway
from app.services.history import History
from app.services.inflight import InFlight
from app.services.lock import DirectoryLock
from app.services.orders import Orders
from app.services.recorder import Recorder
from app.services.recovery import Recovery
from app.services.rules import Rules
from app.services.sessions import Sessions
from app.services.settling import Settling
from app.services.streams import Streams
from app.services.users import Users
from app.services.watch import Watch
from app.settings import Settings
from app.vault import Vault, load_secret

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
    journal = Journal(settings, clock)
    accounts = journal.accounts
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault = Vault(load_secret(settings.secret_key, settings.data_dir / "secret.key"))
    sessions = Sessions(accounts, vault, settings, clock)
    rules = Rules(sessions, clock)
    recorder = Recorder(journal, clock)
    settling = Settling(journal=journal, recorder=recorder, sessions=sessions, settings=settings, clock=clock)
    recovery = Recovery(
        journal=journal, recorder=recorder, sessions=sessions, settling=settling, settings=settings, clock=clock
    )
    inflight = InFlight()

    def make_feed(account_name: str, connector_name: str) -> Feed:
        return Feed(
            account_name,
            connector_name,
            journal=journal,
            recorder=recorder,
            recovery=recovery,
            settling=settling,
            sessions=sessions,
            clock=clock,
        )

    watch = None
    if role == "all" or settings.is_sqlite:
        leases = None if settings.is_sqlite else journal.leases
        watch = Watch(accounts=accounts, leases=leases, holder=_holder(), make_feed=make_feed, clock=clock)
    return Gateway(
        settings=settings,
        clock=clock,
        journal=journal,
        accounts=accounts,
        users=Users(accounts, settings),
        sessions=sessions,
        rules=rules,
        catalog=Catalog(journal=journal, accounts=accounts, vault=vault, rules=rules),
        orders=Orders(
            journal=journal,
            recorder=recorder,
            sessions=sessions,
            rules=rules,
            settling=settling,
            inflight=inflight,
            settings=settings,
            clock=clock,
            random_bits=random_bits,
        ),
        history=History(journal, clock),
        settling=settling,
        inflight=inflight,
        streams=Streams(journal, clock),
        watch=watch,
        lock=DirectoryLock(settings.data_dir) if settings.is_sqlite else None,
    )


def _holder() -> str:
    """A name for this process that no other has, now or later."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

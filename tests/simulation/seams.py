"""Every place at which the program is replaced for a simulation, and nothing else of it is touched:

    the clock, the loop          ``build_gateway`` takes a clock; the loop is the kernel's
    the journal's thread         ``Thread``, ``SimpleQueue`` and ``time`` in ``app.journal.writer`` and ``inbox``
    named steps                  ``reach`` of ``app.failpoints``
    HTTP and WebSocket           ``HttpSession`` in the client, ``connect`` below the socket
    connections to the database  are noted, so that they break when their process dies
    passwords                    are not hashed at each start, which takes a tenth of a second
    the holders of leases        are named by the simulated process
    texts of statements          are compiled once for all processes, as they don't differ
    the first account            is made with the template, and has no paper exchange

Processes that share one SQLite file use leases as they do on PostgreSQL: their settings say so. What PostgreSQL itself needs
is in ``server``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog

from app import bootstrap, failpoints
from app.bootstrap import build_gateway
from app.connectors.binance import client as binance_client
from app.connectors.common import socket as common_socket
from app.journal import inbox, statements, writer
from app.journal.sqlite_store import SqliteStore
from app.journal.statements import Statement
from app.journal.store import Store
from app.services.accounts.accounts import AccountAdmin
from app.services.accounts.users import Users
from app.services.gateway import Gateway
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.storage.schema import upgrade
from app.vault import Vault
from tests.simulation import server
from tests.simulation.bases import Base
from tests.simulation.kernel import Host, Kernel, SimpleQueue, Thread
from tests.simulation.network import Connection, Network, Session
from tests.simulation.randomness import stream

ACCOUNT = "master_account"
CONNECTOR = "binance"
#: The key of the account at the exchange, another one of it, and one of another account there.
API_KEY = "k" * 64
SECOND_KEY = "l" * 64
FOREIGN_KEY = "x" * 64
KEYS = {API_KEY: ACCOUNT, SECOND_KEY: ACCOUNT, FOREIGN_KEY: "another account"}
SECRET_KEY = "the key of the simulation"

#: When every world begins.
EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH_MS = int(EPOCH.timestamp() * 1000)


class SharedSettings(Settings):
    """Settings of processes that share a file: nothing in them takes it for its own."""

    @property
    def is_sqlite(self) -> bool:
        return False


class VirtualClock:
    """The clock of one process, which may be wrong by some time."""

    def __init__(self, host: Host, skew: float) -> None:
        self._host = host
        self._zero = EPOCH + timedelta(seconds=skew)

    def now(self) -> datetime:
        return self._zero + timedelta(seconds=self._host.now)

    def monotonic(self) -> float:
        return self._host.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def settings_for(base: Base, *, is_shared: bool) -> Settings:
    """The settings of one process on ``base``."""
    kind = SharedSettings if is_shared else Settings
    return kind(database_url=base.url, data_dir=base.directory, secret_key=SECRET_KEY, password="x")


def new_gateway(host: Host, settings: Settings, *, skew: float, seed: int) -> Gateway:
    """A gateway in the process ``host``. Its lock on the directory is left out, because the kernel starts one at a time."""
    bits = stream(seed, "ids", host.name)
    gateway = build_gateway(settings, clock=VirtualClock(host, skew), random_bits=bits.getrandbits)
    gateway.lock = None
    return gateway


def make_account(url: str, connector_name: str) -> None:
    """Migrate a database, and add one account on the simulated exchange."""
    upgrade(url)
    database = Database(url)
    clock: Any = SimpleNamespace(now=lambda: EPOCH)
    accounts = Accounts(database, clock)
    accounts.add_account(ACCOUNT)
    given = {f"{connector_name}_api_key": API_KEY, f"{connector_name}_api_secret": "s" * 64}
    accounts.put_credential(ACCOUNT, connector_name, Vault(SECRET_KEY).seal(ACCOUNT, connector_name, given))
    database.dispose()


def make_template(path: Path, connector_name: str = CONNECTOR) -> None:
    """A migrated SQLite file with one account."""
    make_account(f"sqlite:///{path}", connector_name)
    # A file that is whole without its log can be copied, also into memory, where there is no log.
    connection = _CONNECT(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()


_COMPILE = Store._text
_TEXTS: dict[tuple[type[Store], Statement, int], str] = {}


def _text_of(self: Store, statement: Statement, count: int) -> str:
    name = (type(self), statement, count)
    if name not in _TEXTS:
        _TEXTS[name] = _COMPILE(self, statement, count)
    return _TEXTS[name]


def compile_statements(path: Path) -> None:
    """Compile what every world needs, so that each has it from its parent."""
    Store._text = _text_of  # type: ignore[method-assign]
    store = SqliteStore(str(path))
    for statement in vars(statements).values():
        if isinstance(statement, Statement):
            for count in (1, 2, 4):
                store._text(statement, count)


def install(kernel: Kernel, network: Network) -> None:
    """Replace what has to be replaced, for the rest of this process of the machine."""
    Thread.kernel = SimpleQueue.kernel = kernel
    Session.network = network
    writer.Thread = Thread  # type: ignore[misc,assignment]
    inbox.SimpleQueue = SimpleQueue  # type: ignore[misc,assignment]
    writer.time = inbox.time = SimpleNamespace(monotonic=lambda: kernel.now)  # type: ignore[assignment]
    binance_client.HttpSession = Session  # type: ignore[misc,assignment]
    common_socket.connect = _connector(kernel, network)  # type: ignore[assignment]
    Users.start = _no_password  # type: ignore[method-assign]
    AccountAdmin.ensure_master_account = lambda self: None  # type: ignore[method-assign]
    bootstrap._holder = lambda: f"holder {_name_of(kernel)}"
    _replace_reach(kernel)
    _note_connections(kernel)
    server.install(kernel, EPOCH)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=True)


def _name_of(kernel: Kernel) -> str:
    assert kernel.current is not None
    return kernel.current.name


async def _no_password(self: Users, **options: Any) -> None:
    return None


def _connector(kernel: Kernel, network: Network) -> Any:
    async def connect(url: str, **options: Any) -> Connection:
        host = kernel.current
        assert host is not None
        return network.connect(host, url)

    return connect


_ORIGINAL_REACH = failpoints.reach


def _replace_reach(kernel: Kernel) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("app.") and vars(module).get("reach") is _ORIGINAL_REACH:
            module.reach = kernel.reach  # type: ignore[attr-defined]


_CONNECT = sqlite3.connect

#: The databases in memory that take the places of files, by the path of the file.
_IN_MEMORY: dict[str, str] = {}


def keep_in_memory(path: Path, address: str) -> None:
    """Let connections to ``path`` go to the database in memory at ``address``."""
    _IN_MEMORY[str(path)] = address


def unwatched_connection(path: Path) -> sqlite3.Connection:
    """A connection of nobody, for looking at the database of ``path``."""
    return _connection(path, isolation_level=None)


def _connection(path: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
    address = _IN_MEMORY.get(str(path))
    if address is None:
        return _CONNECT(path, *arguments, **options)
    return _CONNECT(address, *arguments, **{**options, "uri": True})


def _note_connections(kernel: Kernel) -> None:
    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = _connection(*arguments, **options)
        host = kernel.current
        if host is not None:
            host.at_death.append(connection.close)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):
        module.connect = connect  # type: ignore[assignment]

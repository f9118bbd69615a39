"""Many worlds, two at a time: how they are planned, run, added up, and made small where one shows a violation."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.postgres import PostgresServer, running_server
from tests.simulation import seams
from tests.simulation.bases import Databases, PostgresBase, SqliteBase
from tests.simulation.forks import forked, in_parallel
from tests.simulation.randomness import replace_entropy, stream
from tests.simulation.stage import EXCHANGES
from tests.simulation.verbs import all_verbs
from tests.simulation.world import QUIRKS, Plan, Verdict, World

#: Orders of one world: enough for ten crashes, few enough that a failing world is made small in a minute.
WORLD_ORDERS = 1000

#: Where worlds have their files: in memory where the machine lets us, because nothing of them is kept.
_MEMORY = Path("/dev/shm")


#: The databases of worlds on PostgreSQL, where there are any.
_DATABASES: list[Databases] = []


@contextmanager
def postgres() -> Iterator[None]:
    """A server of PostgreSQL's; meanwhile every world is on it."""
    with running_server() as server, on_server(server, EXCHANGES):
        yield


@contextmanager
def on_server(server: PostgresServer, connector_names: Iterable[str]) -> Iterator[None]:
    """Meanwhile every world of these connectors is on ``server``."""
    _DATABASES.append(Databases(server, connector_names, seams.make_account))
    try:
        yield
    finally:
        _DATABASES.clear()


@contextmanager
def directory() -> Iterator[Path]:
    """A directory for worlds, with a migrated database to copy."""
    root = _MEMORY if _MEMORY.is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="ordergate-simulation-", dir=root))
    try:
        forked(partial(_make_templates, path))
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make_templates(path: Path) -> None:
    replace_entropy(0)
    for connector_name in EXCHANGES:
        seams.make_template(template(path, connector_name), connector_name)


def template(path: Path, connector_name: str = seams.CONNECTOR) -> Path:
    """The migrated database for worlds of a connector."""
    return path / f"template-{connector_name}.db"


#: Worlds in which little time passes without an order, and how many out of ten are none of these: in them few callers take their
#: time, and much more goes wrong, for longer.
_DENSE: Mapping[str, Any] = MappingProxyType(
    {"callers": 160, "fault_rate": 0.05, "oddity": 0.5, "steps_per_disruption": 9000, "is_lingering": False}
)
_SPARSE: Mapping[str, Any] = MappingProxyType({"callers": 8})
_SPARSE_SHARE = 1
#: How many worlds out of ten are on futures, and have each of the quirks.
_ON_FUTURES = 3
_QUIRKY = 1


def plans(seed: int, orders: int, *, processes: int | None = None) -> Iterator[Plan]:
    """The worlds of a campaign: each with so many ``processes``, else with one to four."""
    number = 0
    while orders > 0:
        luck = stream(seed, "plan", number)
        yield Plan(
            seed=seed * 1_000_000 + number,
            orders=min(orders, WORLD_ORDERS),
            processes=luck.randint(1, 4) if processes is None else processes,
            connector_name="binance_perpetual" if luck.randrange(10) < _ON_FUTURES else "binance",
            quirks=frozenset(quirk for quirk in QUIRKS if luck.randrange(10) < _QUIRKY),
            **(_SPARSE if luck.randrange(10) < _SPARSE_SHARE else _DENSE),
        )
        orders -= WORLD_ORDERS
        number += 1


def run_world(path: Path, plan: Plan) -> Verdict:
    """Run one world in this process, which can't run another one afterwards."""
    place = Path(tempfile.mkdtemp(dir=path))
    try:
        if _DATABASES:
            with _DATABASES[0].database(plan.connector_name) as url:
                return World(plan, PostgresBase(url, place)).run()
        file = shutil.copy(template(path, plan.connector_name), place / "ordergate.db")
        return World(plan, SqliteBase(Path(file))).run()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def verdict_of(path: Path, plan: Plan) -> Verdict:
    """Run one world in a process of its own."""
    return forked(partial(run_world, path, plan))


def run_worlds(path: Path, wanted: Iterator[Plan], workers: int) -> Iterator[Verdict]:
    """The verdicts of worlds as they come."""
    return in_parallel((partial(run_world, path, plan) for plan in wanted), workers)


@dataclass
class Sum:
    """What many worlds add up to."""

    worlds: int = 0
    orders: int = 0
    calls: int = 0
    entries: int = 0
    seconds: float = 0.0
    steps: int = 0
    doubted: int = 0
    presumed: int = 0
    longest_settling: float = 0.0
    processor_seconds: float = 0.0
    #: The most memory of a world, in MB.
    memory: float = 0.0
    #: Worlds by what sets them apart.
    kinds: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    broken: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.worlds += 1
        self.orders += verdict.orders
        self.calls += verdict.calls
        self.entries += verdict.entries
        self.seconds += verdict.seconds
        self.steps += verdict.steps
        self.doubted += verdict.doubted
        self.presumed += verdict.presumed
        self.longest_settling = max(self.longest_settling, verdict.settled_after or 0.0)
        self.processor_seconds += verdict.processor_seconds
        self.memory = max(self.memory, verdict.memory)
        plan = verdict.plan
        self.kinds.update((f"{plan.processes} processes", plan.connector_name, *sorted(plan.quirks)))
        self.crashes.update(verdict.crashes)
        self.faults.update(verdict.faults)
        self.deeds.update(verdict.deeds)
        if verdict.violations or verdict.troubles or verdict.settled_after is None:
            self.broken.append(verdict)

    @property
    def deaths(self) -> int:
        """How often a process died."""
        return self.crashes.total() - self.crashes["stood still"]


def warm_up(path: Path) -> None:
    """Import what worlds import, so that each of them has it from its parent."""
    from app.connectors.binance import client, sockets  # noqa: F401
    from app.connectors.registry import CONNECTORS, connector_class

    for name in CONNECTORS:
        connector_class(name)
    all_verbs()
    seams.compile_statements(template(path))


def clauses_of(verdict: Verdict) -> Sequence[str]:
    """The names of what a world has broken."""
    named = {violation.clause for violation in verdict.violations}
    if verdict.troubles:
        named.add("troubles")
    if verdict.settled_after is None:
        named.add("never settled")
    return sorted(named)

"""Many worlds, two at a time: how they are planned, run, added up, and made small where one shows a violation."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.simulation import seams
from tests.simulation.forks import forked, in_parallel
from tests.simulation.randomness import replace_entropy
from tests.simulation.world import Plan, Verdict, World

#: Orders of one world: enough for ten crashes, few enough that a failing world is made small in a minute.
WORLD_ORDERS = 1000

#: Where worlds have their files: in memory where the machine lets us, because nothing of them is kept.
_MEMORY = Path("/dev/shm")


@contextmanager
def directory() -> Iterator[Path]:
    """A directory for worlds, with a migrated database to copy."""
    root = _MEMORY if _MEMORY.is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="ordergate-simulation-", dir=root))
    try:
        forked(partial(_make_template, path))
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make_template(path: Path) -> None:
    replace_entropy(0)
    seams.make_template(path / "template.db")


def plans(seed: int, orders: int, *, processes: int = 1) -> Iterator[Plan]:
    """The worlds of a campaign."""
    number = 0
    while orders > 0:
        yield Plan(seed=seed * 1_000_000 + number, orders=min(orders, WORLD_ORDERS), processes=processes)
        orders -= WORLD_ORDERS
        number += 1


def run_world(path: Path, plan: Plan) -> Verdict:
    """Run one world in this process, which can't run another one afterwards."""
    place = Path(tempfile.mkdtemp(dir=path))
    try:
        return World(plan, Path(shutil.copy(path / "template.db", place / "ordergate.db"))).run()
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
    crashes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
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
        self.crashes.update(verdict.crashes)
        self.faults.update(verdict.faults)
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
    seams.compile_statements(path / "template.db")


def clauses_of(verdict: Verdict) -> Sequence[str]:
    """The names of what a world has broken."""
    named = {violation.clause for violation in verdict.violations}
    if verdict.troubles:
        named.add("troubles")
    if verdict.settled_after is None:
        named.add("never settled")
    return sorted(named)

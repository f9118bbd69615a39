"""Worlds, as the test suite runs them: few and short. ``make simulate`` runs many."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.simulation import sabotage
from tests.simulation.bases import SqliteBase
from tests.simulation.campaign import (
    Sum,
    clauses_of,
    directory,
    on_server,
    plans,
    run_worlds,
    template,
    verdict_of,
    warm_up,
)
from tests.simulation.forks import forked
from tests.simulation.progress import Progress
from tests.simulation.shrinking import shrink
from tests.simulation.world import QUIRKS, Plan, World

#: Much goes wrong in a short time.
ROUGH = Plan(
    seed=11,
    orders=40,
    callers=20,
    fault_rate=0.3,
    steps_per_disruption=1500,
    crash_points=0.002,
    is_lingering=False,
)


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with directory() as path:
        warm_up(path)
        yield path


@pytest.mark.parametrize(
    "plan",
    [
        replace(ROUGH, processes=1),
        replace(ROUGH, processes=3, connector_name="binance_perpetual"),
        replace(ROUGH, processes=2, quirks=frozenset(QUIRKS)),
    ],
    ids=["one process", "three processes on futures", "two processes and every quirk"],
)
def test_the_promise_is_kept(path: Path, plan: Plan) -> None:
    """Every kind of fault, crashes and processes that stand still: nothing lost, doubled or guessed."""
    total = Sum()
    total.add(verdict_of(path, plan))
    assert not total.broken, [(each.plan, each.violations[:3], each.troubles[:3]) for each in total.broken]
    assert total.faults.total() > 20
    assert total.doubted > 2


@pytest.mark.postgres
def test_worlds_on_postgres(path: Path, postgres_server: PostgresServer) -> None:
    """The same on a real server, where announcements and sessions take part; and the same plan does the same again."""
    plan = replace(ROUGH, orders=8, callers=2, processes=2)
    with on_server(postgres_server, [plan.connector_name]):
        first, again = (verdict_of(path, plan) for _ in range(2))
    assert clauses_of(first) == []
    assert (first.entries, first.steps, first.faults, first.seconds) == (
        again.entries,
        again.steps,
        again.faults,
        again.seconds,
    )


def journal_of(path: Path, plan: Plan) -> str:
    """The journal's file after a world, as a digest."""
    database = Path(tempfile.mkdtemp(dir=path)) / "ordergate.db"
    shutil.copy(template(path, plan.connector_name), database)
    World(plan, SqliteBase(database)).run()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    return hashlib.sha256(database.read_bytes()).hexdigest()


def test_same_seed_makes_the_same_journal(path: Path) -> None:
    """Byte for byte; another seed makes another."""
    plan = replace(ROUGH, orders=30, processes=2)
    first, again = (forked(partial(journal_of, path, plan)) for _ in range(2))
    other = forked(partial(journal_of, path, replace(plan, seed=12, orders=5)))
    assert first == again != other


def test_plans_add_up() -> None:
    """A campaign's worlds have as many orders as were asked for, each its own seed, and all that worlds differ in."""
    made = list(plans(3, 50_500))
    assert sum(plan.orders for plan in made) == 50_500
    assert len({plan.seed for plan in made}) == len(made)
    assert {plan.processes for plan in made} == {1, 2, 3, 4}
    assert {plan.connector_name for plan in made} == {"binance", "binance_perpetual"}
    assert {quirk for plan in made for quirk in plan.quirks} == set(QUIRKS)
    assert {plan.processes for plan in plans(3, 5000, processes=2)} == {2}


def test_a_campaign_goes_on(path: Path, tmp_path: Path) -> None:
    """What was kept of a campaign is not run again, and adds up the same; a line that was being written is run again."""
    wanted = [Plan(seed=seed, orders=6, callers=2, quirks=frozenset({"polling"})) for seed in range(3)]
    file = tmp_path / "kept"
    progress = Progress(file)
    found = []
    for verdict in run_worlds(path, iter(wanted), 1):
        progress.add(verdict, 1.0)
        found.append(verdict)
    file.write_text(file.read_text()[:-20])

    later = Progress(file)
    assert list(later.earlier()) == found[:2]
    assert list(later.without_known(iter(wanted))) == wanted[2:]
    later.add(found[2], 1.0)
    assert list(Progress(file).earlier()) == found


@pytest.mark.parametrize("safeguard", ["no_resend", "unique_key"])
def test_missing_safeguard_is_found(path: Path, safeguard: str) -> None:
    """The harness finds what it is there to find."""
    found = sabotage.find(path, safeguard, workers=2)
    assert found.verdict is not None
    # An order that is sent again is doubled, or refused because the first one is there.
    assert {"one_key_makes_one_order", "refused_orders_are_not_at_the_exchange"} & {*clauses_of(found.verdict)}


def test_failing_world_is_made_small(path: Path) -> None:
    """A violation is shown with a few orders in the end, and the small plan shows it again."""

    def run(plan: Plan):  # type: ignore[no-untyped-def]
        return forked(partial(sabotage._run_without, "no_resend", path, plan))

    plan, _ = shrink(ROUGH, run, lambda verdict: bool(verdict.violations), most_runs=40)
    assert plan.orders <= 20
    assert run(plan).violations


def test_a_world_runs_alone(path: Path) -> None:
    """One world in a process of its own has a verdict that can be handed on."""
    verdict = verdict_of(path, replace(ROUGH, orders=20, callers=2))
    assert verdict.settled_after is not None
    assert verdict.orders == 20

"""``python -m tests.simulation``: many worlds by one seed. Exits with 1 if the promise was broken."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.simulation import campaign, report
from tests.simulation.progress import Progress, plan_of
from tests.simulation.shrinking import shrink
from tests.simulation.world import Plan, Verdict


def main() -> int:
    """Run what the arguments ask for."""
    asked = _arguments()
    if asked.world:
        return _replay(asked)
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    shared = "" if asked.processes is None else f" PROCESSES={asked.processes}"
    command = f"make simulate SEED={seed} ORDERS={asked.orders}{shared}{' POSTGRES=1' if asked.postgres else ''}"
    print(f"seed {seed} (again: {command})", flush=True)
    begun = time.monotonic()
    total = campaign.Sum()
    progress = Progress(asked.keep)
    with campaign.directory() as path, campaign.postgres() if asked.postgres else nullcontext():
        campaign.warm_up(path)
        for verdict in progress.earlier():
            total.add(verdict)
        wanted = progress.without_known(campaign.plans(seed, asked.orders, processes=asked.processes))
        for verdict in campaign.run_worlds(path, wanted, asked.workers):
            passed = time.monotonic() - begun
            total.add(verdict)
            progress.add(verdict, passed)
            _say(verdict)
            if total.worlds % 20 == 0:
                spent = progress.passed + passed
                print(f"{total.orders:,} orders, {total.deaths:,} crashes, {spent:.0f} s", flush=True)
            if len(total.broken) >= asked.most_broken or passed > asked.seconds:
                break
        passed = progress.passed + time.monotonic() - begun
        for verdict in total.broken[: asked.shrink]:
            _make_small(path, verdict)
    text = report.table(total, passed)
    print(text)
    if asked.report:
        report.write("simulate on PostgreSQL" if asked.postgres else "simulate", f"{command} REPORT=1", text)
    return 1 if total.broken else 0


def _replay(asked: argparse.Namespace) -> int:
    plan = plan_of(json.loads(asked.world))
    with campaign.directory() as path, campaign.postgres() if asked.postgres else nullcontext():
        campaign.warm_up(path)
        verdict = campaign.verdict_of(path, plan)
        _say(verdict)
        if asked.shrink and verdict.violations:
            _make_small(path, verdict)
    print(report.table(_sum_of(verdict), 0.0))
    return 1 if verdict.violations else 0


def _sum_of(verdict: Verdict) -> campaign.Sum:
    total = campaign.Sum()
    total.add(verdict)
    return total


def _say(verdict: Verdict) -> None:
    for violation in verdict.violations[:5]:
        print(f"VIOLATION (seed {verdict.plan.seed}) {violation.clause}: {violation.text[:600]}", flush=True)
    for trouble in verdict.troubles[:5]:
        print(f"TROUBLE (seed {verdict.plan.seed}) {trouble[:600]}", flush=True)
    if verdict.settled_after is None:
        print(f"NEVER SETTLED (seed {verdict.plan.seed})", flush=True)


def _make_small(path: Path, verdict: Verdict) -> None:
    wanted = set(campaign.clauses_of(verdict))
    plan, runs = shrink(
        verdict.plan,
        partial(campaign.verdict_of, path),
        lambda found: bool(wanted & set(campaign.clauses_of(found))),
    )
    print(f"after {runs} smaller worlds: {replay_command(plan)}", flush=True)
    _say(campaign.verdict_of(path, plan))


def replay_command(plan: Plan) -> str:
    """The command that runs the world of ``plan`` again."""
    standard = asdict(Plan(seed=0))
    changed = {name: value for name, value in asdict(plan).items() if value != standard[name]}
    return f"make simulate WORLD='{json.dumps(changed, default=sorted)}'"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="the same seed makes the same worlds, step by step")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="after which no further world is waited for"
    )
    parser.add_argument("--processes", type=int, choices=[1, 2, 3, 4], help="of each world; else from one to four")
    parser.add_argument("--postgres", action="store_true", help="on a real PostgreSQL instead of SQLite files")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="worlds at a time")
    parser.add_argument("--world", help="one world, as a failing run prints it")
    parser.add_argument("--shrink", type=int, default=1, help="how many broken worlds are made small")
    parser.add_argument("--most-broken", type=int, default=5, help="broken worlds after which to stop")
    parser.add_argument("--keep", type=Path, help="a file of the verdicts; a run that was stopped goes on from it")
    parser.add_argument("--report", action="store_true", help="write docs/build/simulation-report.md")
    return parser.parse_args()


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of texts have another order in every process otherwise.
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())

"""The gateway without one of its safeguards, in simulation: ``make sabotage`` removes each in turn and runs worlds until one shows
a violation.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from app.services.orders.inflight import Calls
from app.services.orders.recorder import Recorder
from tests.chaos.sabotage import SAFEGUARDS as REPLACED_IN_SERVERS
from tests.simulation.campaign import clauses_of, directory, run_world, warm_up
from tests.simulation.explore import explore
from tests.simulation.forks import in_parallel
from tests.simulation.report import write_rows
from tests.simulation.world import Plan, Verdict

#: Processor seconds of simulation within which each must be found: on a machine that does other things, too, clocks tell less.
LIMIT = 60.0


def conclusions_hold_as_seen() -> None:
    """A conclusion is recorded whatever has happened to the order meanwhile."""
    note = Recorder.note

    async def whenever(self: Recorder, *arguments: Any, as_seen: Any = None, **more: Any) -> Any:
        return await note(self, *arguments, **more)

    Recorder.note = whenever  # type: ignore[method-assign]


def nothing_sent_past_the_deadline() -> None:
    """A process that stood still sends what it had written down, however late it is."""
    Calls._time_left = lambda self, started, begun_at, verb: self._timeout  # type: ignore[method-assign]


SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    **REPLACED_IN_SERVERS,
    "conclusions_hold_as_seen": conclusions_hold_as_seen,
    "nothing_sent_past_the_deadline": nothing_sent_past_the_deadline,
}

_NOT_FOUND = "NOT FOUND"

#: The small world that shows a safeguard missing in some order of its events, where one does.
EXPLORED: Mapping[str, str] = {
    "intent_before_send": "order, crash",
    "unique_key": "one key at two processes",
    "no_resend": "market order, fault of the call",
    "grace_before_never_arrived": "market order, fault of the call",
    "fill_deduplication": "order filled in two parts",
    "overload_proves_nothing": "market order, fault of the call",
}

#: Worlds in which much goes wrong at once, on several processes.
_PLAN = Plan(
    seed=0,
    orders=150,
    callers=8,
    processes=3,
    fault_rate=0.3,
    oddity=4.0,
    lost_answers=0.3,
    steps_per_disruption=2500,
    crash_points=0.002,
    stand_points=0.004,
)


#: Worlds in which little goes wrong but that processes stand still, often and for long, at any step: what was decided before is
#: carried out after it. By safeguard, where these show it sooner.
_STANDING = replace(
    _PLAN,
    orders=100,
    callers=25,
    fault_rate=0.05,
    oddity=0.0,
    lost_answers=0.0,
    steps_per_disruption=1_000_000_000,
    crash_points=0.0,
    stand_points=0.02,
)
_DIRECTED: Mapping[str, Plan] = {
    "conclusions_hold_as_seen": _STANDING,
    "nothing_sent_past_the_deadline": _STANDING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The first world that showed it, and the processor seconds until then; None where it was not found in time."""

    safeguard: str
    seconds: float
    orders: int
    verdict: Verdict | None


def find(path: Path, safeguard: str, *, workers: int, limit: float = LIMIT) -> Found:
    """Run worlds without ``safeguard`` until one shows a violation."""
    spent = 0.0
    orders = 0
    works = (partial(_run_without, safeguard, path, _plan(safeguard, number)) for number in count(1))
    for verdict in in_parallel(works, workers):
        orders += verdict.orders
        spent += verdict.processor_seconds
        if clauses_of(verdict):
            return Found(safeguard=safeguard, seconds=spent, orders=orders, verdict=verdict)
        if spent > limit:
            break
    return Found(safeguard=safeguard, seconds=spent, orders=orders, verdict=None)


def _plan(safeguard: str, number: int) -> Plan:
    """Spot and futures in turn."""
    return replace(
        _DIRECTED.get(safeguard, _PLAN), seed=number, connector_name="binance" if number % 2 else "binance_perpetual"
    )


def _run_without(safeguard: str, path: Path, plan: Plan) -> Verdict:
    if safeguard:
        SAFEGUARDS[safeguard]()
    return run_world(path, plan)


def _explored(path: Path, safeguard: str) -> tuple[str, str]:
    """The small world that is explored without ``safeguard``, and the states until a violation was found."""
    world = EXPLORED.get(safeguard)
    if world is None:
        return "", ""
    found = explore(path, world, workers=os.cpu_count() or 1, prepare=SAFEGUARDS[safeguard], one_is_enough=True)
    return world, f"{found.states:,}" if found.violations else _NOT_FOUND


def main() -> int:
    """Remove each safeguard in turn. Returns 1 if one was not found missing."""
    parser = argparse.ArgumentParser(prog="make sabotage", description=__doc__)
    parser.add_argument("safeguard", nargs="*", help="which to remove, else all")
    parser.add_argument("--report", action="store_true", help="write docs/build/simulation-report.md")
    asked = parser.parse_args()
    lines = [
        "| safeguard removed | found after processor seconds | orders | clauses that were broken | explored | states until found |",
        "|---|---|---|---|---|---|",
    ]
    is_good = True
    with directory() as path:
        warm_up(path)
        for safeguard in asked.safeguard or SAFEGUARDS:
            found = find(path, safeguard, workers=os.cpu_count() or 1)
            is_good = is_good and found.verdict is not None
            clauses = _NOT_FOUND if found.verdict is None else ", ".join(clauses_of(found.verdict))
            world, states = _explored(path, safeguard)
            is_good = is_good and states != _NOT_FOUND
            lines.append(f"| {safeguard} | {found.seconds:.1f} | {found.orders:,} | {clauses} | {world} | {states} |")
            print(lines[-1], flush=True)
    if asked.report:
        write_rows("sabotage", "make sabotage REPORT=1", lines, is_whole=not asked.safeguard)
    return 0 if is_good else 1


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        arguments = [sys.executable, "-m", "tests.simulation.sabotage", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())

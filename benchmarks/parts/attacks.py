"""What a signed-in trader notices of attacks: order entry alone and under each, in turn, and what the server holds meanwhile.

The attackers run on the load's processor with the lowest priority, so that they take time from the server and not from the load.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks.contenders import LOAD_CPU, ROOT, USER, Contender, exchange, gateway, pinned
from benchmarks.figures import median, ratio
from benchmarks.measurement import Plan, Run, in_turn, load, print_run, running
from benchmarks.tables import ms, table

STUB_PORT = 9811
CONCURRENCY = 8
ALONE = "alone"
#: By their names in ``benchmarks.attackers``.
ATTACKS = (
    "sign_ins",
    "idle",
    "line_breaks",
    "slow_heads",
    "slow_bodies",
    "never_reading",
    "packed",
    "smuggled",
    "pings",
)


def measure(plan: Plan) -> dict[str, Any]:
    """The runs by attack, each with what the server held and what the attackers did."""
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    did: dict[str, dict[str, int]] = {}
    stub = exchange(STUB_PORT)
    server = gateway("gateway_attacks", "Ordergate", 9871, STUB_PORT)
    with running(stub, server):
        load(server, CONCURRENCY, plan.warmup)
        for number, kind in in_turn((ALONE, *ATTACKS), plan.rounds):
            with _attacking(server, kind, did):
                run = load(server, CONCURRENCY, plan.seconds, exchange=stub)
                run["descriptors"] = server.descriptors()
            runs[kind].append(run)
            print_run(number, kind, f"descriptors {run['descriptors']}", run)
    return {"rows": list(runs.items()), "did": did}


@contextmanager
def _attacking(server: Contender, kind: str, did: dict[str, dict[str, int]]) -> Iterator[None]:
    if kind == ALONE:
        yield
        return
    command = [
        "nice", "-n", "19", sys.executable, "-m", "benchmarks.attackers", "--port", str(server.port), "--user", USER,
        "--kind", kind,
    ]  # fmt: skip
    attackers = subprocess.Popen(
        pinned(LOAD_CPU, command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert attackers.stdout is not None
        if attackers.stdout.readline().strip() != "ready":
            raise RuntimeError(f"the attack '{kind}' did not begin")
        yield
    finally:
        answer, _ = attackers.communicate("")
        if answer:
            did[kind] = json.loads(answer)


def changes(measured: Mapping[str, Any]) -> dict[str, float]:
    """By how many times the slowest hundredth of orders takes longer under each attack, round by round."""
    runs = dict(measured["rows"])
    return {kind: ratio(runs[kind], runs[ALONE], "p99") for kind in ATTACKS if kind in runs}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    times = changes(measured)
    rows = [
        [
            kind.replace("_", " "),
            f"{median(runs, 'orders_per_second'):.0f}",
            *(ms(median(runs, figure)) for figure in ("p50", "p99")),
            f"{times[kind]:.2f}" if kind in times else "",
            f"{median(runs, 'descriptors'):.0f}",
            f"{median(runs, 'megabytes'):.0f}",
            ", ".join(f"{name} {count}" for name, count in measured["did"].get(kind, {}).items()),
        ]
        for kind, runs in measured["rows"]
    ]
    return table(
        ["attack", "orders/s", "p50 ms", "p99 ms", "p99 x alone", "descriptors", "MB", "attackers, last round"], rows
    )

"""A hundred thousand events to a hundred readers: orders are placed as fast as they are taken, and each must get every one."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.request
from typing import Any

from benchmarks.contenders import LOAD_CPU, ROOT, USER, Contender, exchange, gateway, pinned
from benchmarks.measurement import Plan, load, running
from benchmarks.tables import table

STUB_PORT = 9811
READERS = 100
EVENTS = 100_000
CONCURRENCY = 8

#: An order that is filled at once is intended, accepted and filled.
_EVENTS_OF_AN_ORDER = 3


def measure(plan: Plan) -> dict[str, Any]:
    """What every reader received, and how long it took."""
    server = gateway("gateway_readers", "Ordergate", 9862, STUB_PORT)
    with running(exchange(STUB_PORT), server):
        load(server, CONCURRENCY, plan.warmup)
        command = [
            sys.executable, "-m", "benchmarks.stream_readers", "--port", str(server.port), "--user", USER,
            "--streams", str(READERS), "--since", str(before := _head(server)),
        ]  # fmt: skip
        with subprocess.Popen(
            pinned(LOAD_CPU, command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as readers:
            assert readers.stdout is not None
            assert readers.stdin is not None
            if readers.stdout.readline().strip() != "ready":
                raise RuntimeError("the streams could not be opened")
            began = time.perf_counter()
            load(server, CONCURRENCY, 0, orders=-(-EVENTS // _EVENTS_OF_AN_ORDER))
            placed = time.perf_counter() - began
            head = _settled_head(server)
            readers.stdin.write(f"{head}\n")
            readers.stdin.flush()
            answer, _ = readers.communicate()
        told = json.loads(answer)
    print(f"readers  {head - before} events, each got {told['fewest']} to {told['most']}, {placed:.0f} s", flush=True)
    return {"events": head - before, "placed_seconds": placed, **told}


def _head(server: Contender) -> int:
    """The number of the journal's last event."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/metrics",
        headers={"Authorization": f"Basic {base64.b64encode(USER.encode()).decode()}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return int(float(next(line.rpartition(" ")[2] for line in lines if line.startswith("ordergate_journal_head "))))


def _settled_head(server: Contender) -> int:
    """The head once it has stopped growing: the last changes of balances come a moment after the orders."""
    head = -1
    while head != (now := _head(server)):
        head = now
        time.sleep(1)
    return head


def section(measured: dict[str, Any]) -> str:
    """The table."""
    head = ["events", "readers", "fewest that a reader got", "most", "readers lost", "orders placed in s"]
    row = [
        measured["events"], READERS, measured["fewest"], measured["most"], measured["lost"],
        f"{measured['placed_seconds']:.0f}",
    ]  # fmt: skip
    return table(head, [row])

"""What a hundred open event streams cost those who place orders: the same server, with and without, in turn.

The streams are read by a process on the load's processor, whose own time is therefore in the latencies too.
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
from benchmarks.figures import median, medians, ratio
from benchmarks.measurement import Plan, Run, in_turn, load, print_run, running
from benchmarks.tables import ms, table

STUB_PORT = 9811
STREAMS = 100
CONCURRENCY = (1, 8)


def measure(plan: Plan) -> dict[str, Any]:
    """The runs by number of streams and concurrency, and how many events a stream received."""
    runs: defaultdict[tuple[int, int], list[Run]] = defaultdict(list)
    received: list[dict[str, int]] = []
    stub = exchange(STUB_PORT)
    server = gateway("gateway_streams", "Ordergate", 9861, STUB_PORT)
    with running(stub, server):
        load(server, 8, plan.warmup)
        for number, streams in in_turn((0, STREAMS), plan.rounds):
            with _open_streams(server, streams, received):
                for concurrency in CONCURRENCY:
                    run = load(server, concurrency, plan.seconds, exchange=stub)
                    runs[(streams, concurrency)].append(run)
                    print_run(number, f"Ordergate, {streams} streams", f"c={concurrency}", run)
    return {"rows": [[*key, each] for key, each in runs.items()], "streams": received}


@contextmanager
def _open_streams(server: Contender, streams: int, received: list[dict[str, int]]) -> Iterator[None]:
    if not streams:
        yield
        return
    command = [
        sys.executable, "-m", "benchmarks.stream_readers", "--port", str(server.port), "--user", USER,
        "--streams", str(streams),
    ]  # fmt: skip
    readers = subprocess.Popen(
        pinned(LOAD_CPU, command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert readers.stdout is not None
        if readers.stdout.readline().strip() != "ready":
            raise RuntimeError("the streams could not be opened")
        yield
    finally:
        answer, _ = readers.communicate("")
        if answer:
            received.append(json.loads(answer))


def change(measured: Mapping[str, Any], concurrency: int) -> float:
    """By how much the median latency changes with the streams open, round by round: 0.1 is ten percent more."""
    runs = {row[0]: row[2] for row in measured["rows"] if row[1] == concurrency}
    return ratio(runs[STREAMS], runs[0], "p50") - 1


def section(measured: dict[str, Any]) -> str:
    """The table."""
    rows = [
        [
            streams,
            concurrency,
            f"{median(runs, 'orders_per_second'):.0f}",
            *(ms(median(runs, figure)) for figure in ("p50", "p99")),
            f"{medians(runs)['cpu_us']:.0f}",
        ]
        for streams, concurrency, runs in sorted(measured["rows"], key=lambda row: (row[1], row[0]))
    ]
    messages = [each["messages"] for each in measured["streams"]]
    lost = sum(each["lost"] for each in measured["streams"])
    return (
        table(["streams", "concurrency", "orders/s", "p50 ms", "p99 ms", "CPU us/order"], rows)
        + f"\nEach stream received {min(messages)} to {max(messages)} events per round; {lost} streams were lost.\n"
    )

"""Orders per second and latencies of all contenders, in turns, with an exchange that answers at once and with a slow one.

Beside them, in the same rounds, the bare call of each client library, and what load generator and stub can do without a server in
between (``ceiling``): the contenders must stay well below it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from benchmarks.contenders import (
    PEERS,
    ROOT,
    SERVER_CPU,
    Contender,
    exchange,
    flask_peer,
    gateway,
    peer,
    pinned,
)
from benchmarks.figures import find, median
from benchmarks.measurement import Plan, compared, load, running
from benchmarks.tables import contender_table, ms

STUB_PORT = 9811
SLOW_STUB_PORT = 9812
LATENCY_MS = 20
LIBRARIES = ("python-binance", "ccxt")
BASELINE = "FastAPI + ccxt"
PYTHON_BINANCE = "FastAPI + python-binance"
DURABLE = "Ordergate, durable"
RELAXED = "Ordergate, durability relaxed"


def contenders() -> list[Contender]:
    """The contenders at exchange latency 0."""
    return [
        gateway("gateway", DURABLE, 9821, STUB_PORT),
        gateway("gateway_relaxed", RELAXED, 9822, STUB_PORT, ORDERGATE_DURABILITY="relaxed"),
        peer("fastapi_ccxt", BASELINE, "fastapi_ccxt", 9823, STUB_PORT),
        peer("fastapi_binance", PYTHON_BINANCE, "fastapi_binance", 9824, STUB_PORT),
        flask_peer("connexion_flask", "Connexion FlaskApp + ccxt", 9825, STUB_PORT),
    ]


def slow_contenders() -> list[Contender]:
    """The contenders at a slow exchange."""
    return [
        gateway("gateway_slow", DURABLE, 9831, SLOW_STUB_PORT),
        peer("fastapi_ccxt_slow", BASELINE, "fastapi_ccxt", 9833, SLOW_STUB_PORT),
        peer("fastapi_binance_slow", PYTHON_BINANCE, "fastapi_binance", 9834, SLOW_STUB_PORT),
        flask_peer("connexion_flask_slow", "Connexion FlaskApp + ccxt", 9835, SLOW_STUB_PORT),
    ]


def measure(plan: Plan) -> dict[str, Any]:
    """All rounds, and in each at exchange latency 0 the bare calls' medians and what the load can do alone."""
    bare: defaultdict[str, list[float]] = defaultdict(list)
    ceiling = []
    with running(fast := exchange(STUB_PORT), slow := exchange(SLOW_STUB_PORT, "--latency-ms", str(LATENCY_MS))):

        def beside(concurrency: int) -> None:
            if concurrency == 1:
                for library in LIBRARIES:
                    bare[library].append(_bare_call(library, plan.seconds))
            if concurrency == max(plan.concurrency):
                ceiling.append(load(fast, 64, plan.seconds)["orders_per_second"])

        rows = compared(contenders(), plan, fast, 0, beside)
        rows += compared(slow_contenders(), plan, slow, LATENCY_MS)
    return {"rows": rows, "bare": bare, "ceiling": statistics.median(ceiling)}


def above_bare(measured: Mapping[str, Any], title: str) -> float | None:
    """By how many microseconds a contender's median at concurrency 1 lies above python-binance's bare call in the same round."""
    runs = find(measured["rows"], title, 1)
    if runs is None:
        return None
    bare = measured["bare"][LIBRARIES[0]]
    return float(statistics.median(run["p50"] - call for run, call in zip(runs, bare, strict=True)))


def _bare_call(library: str, seconds: float) -> float:
    """The median of the library's own call in microseconds, on the servers' processor."""
    answer = subprocess.run(
        pinned(SERVER_CPU, [str(PEERS / "bin" / "python"), "bare_call.py", library, "--seconds", str(seconds)]),
        cwd=ROOT / "benchmarks" / "peers",
        env={**os.environ, "STUB_URL": f"http://127.0.0.1:{STUB_PORT}"},
        check=True,
        capture_output=True,
        text=True,
    )
    p50: float = json.loads(answer.stdout)["p50"]
    print(f"bare call  {library:36} p50 {p50 / 1000:.2f} ms", flush=True)
    return p50


def section(measured: dict[str, Any]) -> str:
    """The tables, and what the load could have done."""
    rows = measured["rows"]
    parts = [
        f"#### Exchange latency {latency} ms\n\n{contender_table(rows, latency, BASELINE, PYTHON_BINANCE)}"
        for latency in sorted({row[1] for row in rows})
    ]
    busiest = max(median(row[3], "load_percent") for row in rows)
    bare = ", ".join(f"{library} {ms(statistics.median(each))} ms" for library, each in measured["bare"].items())
    return (
        "\n".join(parts)
        + f"\nThe bare exchange call at concurrency 1, without a server: {bare} (p50). Load generator and stub alone, on the one"
        f" processor that they share: {measured['ceiling']:.0f} orders/s. They kept it busy for at most {busiest:.0f} % while a"
        " contender was measured.\n\n![Orders per second and median latency](performance.png)\n"
    )

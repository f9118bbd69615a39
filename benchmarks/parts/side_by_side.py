"""Orders per second and latencies of all contenders, interleaved, with an exchange that answers at once and with a slow one.

Beside them, in the same rounds, the bare call of each client library, and what load generator and stub can do without a server in
between (``ceiling``): the contenders must stay well below it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections import defaultdict
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
from benchmarks.measurement import Plan, Run, load, median, running, tell, turns
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
    """Everybody who takes part at exchange latency 0."""
    return [
        gateway("gateway", DURABLE, 9821, STUB_PORT),
        gateway("gateway_relaxed", RELAXED, 9822, STUB_PORT, ORDERGATE_DURABILITY="relaxed"),
        peer("fastapi_ccxt", BASELINE, "fastapi_ccxt", 9823, STUB_PORT),
        peer("fastapi_binance", PYTHON_BINANCE, "fastapi_binance", 9824, STUB_PORT),
        flask_peer("connexion_flask", "Connexion FlaskApp + ccxt", 9825, STUB_PORT),
    ]


def slow_contenders() -> list[Contender]:
    """The same against an exchange that takes its time."""
    return [
        gateway("gateway_slow", DURABLE, 9831, SLOW_STUB_PORT),
        peer("fastapi_ccxt_slow", BASELINE, "fastapi_ccxt", 9833, SLOW_STUB_PORT),
        peer("fastapi_binance_slow", PYTHON_BINANCE, "fastapi_binance", 9834, SLOW_STUB_PORT),
        flask_peer("connexion_flask_slow", "Connexion FlaskApp + ccxt", 9835, SLOW_STUB_PORT),
    ]


def measure(plan: Plan) -> dict[str, Any]:
    """All rounds; rows of title, exchange latency, concurrency and medians, and the medians of the bare calls."""
    runs: defaultdict[tuple[str, int, int], list[Run]] = defaultdict(list)
    bare: defaultdict[str, list[float]] = defaultdict(list)
    ceiling = []
    fast, slow = exchange(STUB_PORT), exchange(SLOW_STUB_PORT, "--latency-ms", str(LATENCY_MS))
    with running(fast, slow):
        for latency, stub, everybody in ((0, fast, contenders()), (LATENCY_MS, slow, slow_contenders())):
            for number, contender in turns(everybody, plan.rounds):
                _round(number, contender, latency, stub, plan, runs)
                if contender is everybody[0] and latency == 0:
                    ceiling.append(load(stub, 64, plan.warmup)["orders_per_second"])
                    for library in LIBRARIES:
                        bare[library].append(_bare_call(library, plan.seconds))
    return {
        "rows": [[*key, median(each)] for key, each in runs.items()],
        "bare": {library: statistics.median(each) for library, each in bare.items()},
        "ceiling": statistics.median(ceiling),
    }


def _round(number: int, contender: Contender, latency: int, stub: Contender, plan: Plan, runs: Any) -> None:
    with running(contender):
        load(contender, 8, plan.warmup)
        for concurrency in plan.concurrency:
            run = load(contender, concurrency, plan.seconds, exchange=stub)
            runs[(contender.title, latency, concurrency)].append(run)
            tell(number, contender.title, f"{latency:2} ms  c={concurrency}", run)


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
        f"#### Exchange latency {latency} ms\n\n{contender_table(rows, latency, BASELINE)}"
        for latency in sorted({row[1] for row in rows})
    ]
    busiest = max(row[3]["load_percent"] for row in rows)
    bare = ", ".join(f"{library} {ms(p50)} ms" for library, p50 in measured["bare"].items())
    return (
        "\n".join(parts)
        + f"\nThe bare exchange call at concurrency 1, without a server: {bare} (p50). Load generator and stub alone, on the one"
        f" processor that they share: {measured['ceiling']:.0f} orders/s. They kept it busy for at most {busiest:.0f} % while a"
        " contender was measured.\n\n![Orders per second and median latency](performance.png)\n"
    )

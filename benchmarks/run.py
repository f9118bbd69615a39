"""``make bench``: all contenders side by side, interleaved, on one machine; writes docs/performance.md and its plot.

Each round starts one contender after the other on the same processor, warms it, and loads it at every concurrency; the order is
turned round each time, so that a machine that slows down slows everybody. What is quoted are medians over the rounds, and ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any

from benchmarks.contenders import LOAD_CPU, ROOT, USER, WORK, Contender, build_peers, gateway, peer
from benchmarks.report import write_report

STUB_PORT = 9811
SLOW_STUB_PORT = 9812
LATENCY_MS = 20

Key = tuple[str, int, int]
Results = dict[Key, list[dict[str, Any]]]


def contenders() -> list[Contender]:
    """Everybody who takes part at exchange latency 0."""
    return [
        gateway("gateway", "Ordergate, durable", 9821, STUB_PORT),
        gateway("gateway_relaxed", "Ordergate, durability relaxed", 9822, STUB_PORT, ORDERGATE_DURABILITY="relaxed"),
        peer("fastapi_ccxt", "FastAPI + ccxt", "fastapi_ccxt", 9823, STUB_PORT),
        peer("fastapi_binance", "FastAPI + python-binance", "fastapi_binance", 9824, STUB_PORT),
    ]


def slow_contenders() -> list[Contender]:
    """The same against an exchange that takes its time."""
    return [
        gateway("gateway_slow", "Ordergate, durable", 9831, SLOW_STUB_PORT),
        peer("fastapi_ccxt_slow", "FastAPI + ccxt", "fastapi_ccxt", 9833, SLOW_STUB_PORT),
        peer("fastapi_binance_slow", "FastAPI + python-binance", "fastapi_binance", 9834, SLOW_STUB_PORT),
    ]


def load(contender: Contender, concurrency: int, seconds: float) -> dict[str, Any]:
    """One measurement, with the processor time that it cost the server."""
    before = contender.cpu_seconds()
    command = [
        "taskset", "-c", LOAD_CPU, sys.executable, "-m", "benchmarks.load", "--port", str(contender.port), "--user", USER,
        "--path", contender.path, "--connector", contender.connector, "--concurrency", str(concurrency), "--seconds", str(seconds),
    ]  # fmt: skip
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(answer.stdout)
    result["cpu_us"] = (contender.cpu_seconds() - before) / max(1, result["orders"]) * 1e6
    result["megabytes"] = contender.resident_megabytes()
    result["start_seconds"] = contender.start_seconds
    unexpected = {status: number for status, number in result["statuses"].items() if status != "201"}
    if unexpected:
        raise RuntimeError(f"{contender.name} answered {unexpected}, see {WORK / contender.name}.log")
    return result


def measure(everybody: list[Contender], latency_ms: int, asked: argparse.Namespace, results: Results) -> None:
    """All rounds of one group."""
    for round_number in range(asked.rounds):
        turn = everybody if round_number % 2 == 0 else everybody[::-1]
        for contender in turn:
            contender.start()
            try:
                load(contender, 8, asked.warmup)
                for concurrency in asked.concurrency:
                    result = load(contender, concurrency, asked.seconds)
                    results[(contender.title, latency_ms, concurrency)].append(result)
                    print(
                        f"round {round_number + 1}  {contender.title:34} latency {latency_ms:2} ms  c={concurrency:<3}"
                        f" {result['orders_per_second']:8.0f}/s  p50 {result['p50'] / 1000:7.2f} ms"
                        f"  p99 {result['p99'] / 1000:7.2f} ms"
                        f"  cpu {result['cpu_us']:5.0f} us",
                        flush=True,
                    )
            finally:
                contender.stop()


def stub(port: int, latency_ms: int) -> subprocess.Popen[bytes]:
    """The exchange."""
    command = ["taskset", "-c", LOAD_CPU, sys.executable, "-m", "benchmarks.stub_exchange", "--port", str(port)]
    return subprocess.Popen([*command, "--latency-ms", str(latency_ms)], cwd=ROOT)


def medians(results: Results) -> dict[Key, dict[str, float]]:
    """The median of every figure over the rounds."""
    return {
        key: {
            figure: statistics.median(run[figure] for run in runs)
            for figure in ("orders_per_second", "p50", "p90", "p99", "max", "cpu_us", "megabytes", "start_seconds")
        }
        for key, runs in results.items()
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--no-report", action="store_true")
    asked = parser.parse_args()
    build_peers()
    results: Results = defaultdict(list)
    exchanges = [stub(STUB_PORT, 0), stub(SLOW_STUB_PORT, LATENCY_MS)]
    time.sleep(0.5)
    try:
        measure(contenders(), 0, asked, results)
        measure(slow_contenders(), LATENCY_MS, asked, results)
    finally:
        for exchange in exchanges:
            exchange.terminate()
    (WORK / "results.json").write_text(json.dumps([[*key, runs] for key, runs in results.items()]))
    if not asked.no_report:
        write_report(medians(results), rounds=asked.rounds, seconds=asked.seconds)


if __name__ == "__main__":
    main()

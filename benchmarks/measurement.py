"""One measurement: load on a contender for some seconds, with what it cost both sides; and medians of several."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import LOAD_CPU, ROOT, USER, WORK, Contender, pinned

#: What one run measures. Times of requests are in microseconds, memory in megabytes; ``load_percent`` is how busy exchange and load
#: kept their processor.
FIGURES = ("orders_per_second", "p50", "p90", "p99", "max", "cpu_us", "megabytes", "start_seconds", "load_percent")

Run = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often: ``rounds`` of ``seconds`` for each concurrency, after ``warmup`` seconds that do not count."""

    rounds: int
    seconds: float
    warmup: float
    concurrency: tuple[int, ...]

    @property
    def few_rounds(self) -> int:
        """Rounds of the parts that compare one thing with one other."""
        return max(1, min(self.rounds, 3))


def load(
    contender: Contender,
    concurrency: int,
    seconds: float,
    *,
    exchange: Contender | None = None,
    orders: int = 0,
    path: str | None = None,
    body: Mapping[str, Any] | None = None,
    expected: str = "201",
) -> Run:
    """Load ``contender`` for ``seconds``, or with ``orders``. Raises ``RuntimeError`` if an answer is not as ``expected``."""
    options = ["--orders", str(orders)] if orders else ["--seconds", str(seconds)]
    if body is not None:
        options += ["--body", json.dumps(body)]
    command = [
        sys.executable, "-m", "benchmarks.load", "--port", str(contender.port), "--user", USER,
        "--path", path or contender.path, "--connector", contender.connector, "--concurrency", str(concurrency), *options,
    ]  # fmt: skip
    cpu_before = contender.cpu_seconds()
    exchange_before = exchange.cpu_seconds() if exchange is not None else 0.0
    answer = subprocess.run(pinned(LOAD_CPU, command), cwd=ROOT, check=True, capture_output=True, text=True)
    result: Run = json.loads(answer.stdout)
    result["cpu_us"] = (contender.cpu_seconds() - cpu_before) / max(1, result["orders"]) * 1e6
    exchange_seconds = exchange.cpu_seconds() - exchange_before if exchange is not None else 0.0
    result["load_percent"] = (result["cpu_seconds"] + exchange_seconds) / result["seconds"] * 100
    result["megabytes"] = contender.resident_megabytes()
    result["start_seconds"] = contender.start_seconds
    unexpected = {status: number for status, number in result["statuses"].items() if status != expected}
    if unexpected or not result["orders"]:
        raise RuntimeError(f"{contender.name} answered {unexpected or 'nothing'}, see {WORK / contender.name}.log")
    return result


@contextmanager
def running(*contenders: Contender) -> Iterator[None]:
    """Servers that run for a while."""
    started = []
    try:
        for contender in contenders:
            contender.start()
            started.append(contender)
        yield
    finally:
        for contender in reversed(started):
            contender.stop()


def turns(everybody: Sequence[Contender], rounds: int) -> Iterable[tuple[int, Contender]]:
    """Everybody in turn, once a round; the order is turned round each time, so that a machine that slows down slows all."""
    for number in range(rounds):
        for contender in everybody if number % 2 == 0 else reversed(everybody):
            yield number, contender


def median(runs: Sequence[Run]) -> dict[str, float]:
    """The median of every figure over the runs."""
    return {figure: statistics.median(run[figure] for run in runs) for figure in FIGURES if figure in runs[0]}


def tell(round_number: int, title: str, at: str, run: Run) -> None:
    """One line on how a run went, for who watches."""
    print(
        f"round {round_number + 1}  {title:36} {at:22} {run['orders_per_second']:8.0f}/s  p50 {run['p50'] / 1000:7.2f} ms"
        f"  p99 {run['p99'] / 1000:7.2f} ms  cpu {run['cpu_us']:5.0f} us  load {run['load_percent']:3.0f} %",
        flush=True,
    )

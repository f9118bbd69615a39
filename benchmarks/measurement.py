"""One measurement, load on a contender for a moment, with what it cost both sides; and how several become one figure.

A shared machine changes its speed from minute to minute. So all contenders run at the same time, take turns of a second, and are
compared round by round: a ratio is the median of the rounds' ratios, whose sides were measured seconds apart.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.contenders import LOAD_CPU, ROOT, USER, WORK, Contender, pinned

#: What one run measures. Times of requests are in microseconds, memory in megabytes; ``load_percent`` is how busy exchange and load
#: kept their processor.
FIGURES = (
    "orders",
    "orders_per_second",
    "p50",
    "p90",
    "p99",
    "max",
    "cpu_us",
    "megabytes",
    "start_seconds",
    "load_percent",
)

Run = dict[str, Any]

#: Title, exchange latency, concurrency, and the runs in the order of the rounds.
Row = list[Any]

T = TypeVar("T")

#: Seconds between two turns.
_PAUSE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often: ``rounds`` of ``seconds`` for each concurrency, after ``warmup`` seconds that do not count."""

    rounds: int
    seconds: float
    warmup: float
    concurrency: tuple[int, ...]

    @property
    def starts(self) -> int:
        """The number of starts, where each measurement needs a fresh start."""
        return max(1, min(self.rounds, 5))


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
    result = json.loads(answer.stdout)
    result["cpu_us"] = (contender.cpu_seconds() - cpu_before) / max(1, result["orders"]) * 1e6
    exchange_seconds = exchange.cpu_seconds() - exchange_before if exchange is not None else 0.0
    result["load_percent"] = (result["cpu_seconds"] + exchange_seconds) / result["seconds"] * 100
    result["megabytes"] = contender.resident_megabytes()
    result["start_seconds"] = contender.start_seconds
    unexpected = {status: number for status, number in result["statuses"].items() if status != expected}
    if unexpected or not result["orders"]:
        raise RuntimeError(f"{contender.name} answered {unexpected or 'nothing'}, see {WORK / contender.name}.log")
    return {figure: result[figure] for figure in FIGURES}


@contextmanager
def running(*contenders: Contender) -> Iterator[None]:
    """Run servers for a block."""
    started = []
    try:
        for contender in contenders:
            contender.start()
            started.append(contender)
        yield
    finally:
        for contender in reversed(started):
            contender.stop()


def in_turn(contenders: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Each of ``contenders`` once per round."""
    for number in range(rounds):
        for each in _ordered(contenders, number):
            yield number, each


def _ordered(contenders: Sequence[T], number: int) -> Sequence[T]:
    """The order of a round: it is reversed each time, so that a machine that slows down affects all equally."""
    return contenders if number % 2 == 0 else contenders[::-1]


def compared(
    contenders: Sequence[Contender],
    plan: Plan,
    exchange: Contender,
    latency: int = 0,
    beside: Callable[[int], None] = lambda _concurrency: None,
) -> list[Row]:
    """A row for each contender and concurrency; all of them run throughout and take turns. ``latency`` is the exchange's.

    ``beside`` is called with the concurrency beside the contenders' turns, alternately before and after them.
    """
    runs: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    with _running_warm(contenders, plan):
        for number in range(plan.rounds):
            for concurrency in plan.concurrency:
                if number % 2 == 1:
                    beside(concurrency)
                for contender in _ordered(contenders, number):
                    # The contender before has work left after its turn.
                    time.sleep(_PAUSE)
                    run = load(contender, concurrency, plan.seconds, exchange=exchange)
                    runs[contender.title, concurrency].append(run)
                    print_run(number, contender.title, f"{latency:2} ms  c={concurrency}", run)
                if number % 2 == 0:
                    beside(concurrency)
    return [[title, latency, concurrency, each] for (title, concurrency), each in runs.items()]


@contextmanager
def _running_warm(contenders: Sequence[Contender], plan: Plan) -> Iterator[None]:
    """Run all contenders at once, warmed up. Their start time is the median of several starts, in turn."""
    seconds: defaultdict[str, list[float | None]] = defaultdict(list)
    for _, contender in in_turn(contenders, plan.starts - 1):
        with running(contender):
            seconds[contender.name].append(contender.start_seconds)
    with running(*contenders):
        for contender in contenders:
            seconds[contender.name].append(contender.start_seconds)
            contender.start_seconds = statistics.median(each for each in seconds[contender.name] if each is not None)
            load(contender, 8, plan.warmup)
        yield


def print_run(round_number: int, title: str, at: str, run: Run) -> None:
    """Print one line about a run."""
    print(
        f"round {round_number + 1}  {title:36} {at:22} {run['orders_per_second']:8.0f}/s  p50 {run['p50'] / 1000:7.2f} ms"
        f"  p99 {run['p99'] / 1000:7.2f} ms  cpu {run['cpu_us']:5.0f} us  load {run['load_percent']:3.0f} %",
        flush=True,
    )

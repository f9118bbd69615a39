"""Markdown tables of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.figures import find, median, medians, ratio
from benchmarks.measurement import Row, Run


def ms(microseconds: float) -> str:
    """Microseconds as milliseconds."""
    return f"{microseconds / 1000:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell as its own text."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def contender_table(rows: Sequence[Row], latency: int, *baselines: str) -> str:
    """All contenders at one exchange latency, the fastest first, with the ratio of orders per second to each baseline."""
    here = [row for row in rows if row[1] == latency]
    here.sort(key=lambda row: (row[2], -median(row[3], "orders_per_second")))
    head = ["contender", "concurrency", "orders/s", *(f"x {each}" for each in baselines)]
    head += ["p50 ms", "p90 ms", "p99 ms", "max ms", "CPU us/order", "MB", "start s", "load CPU %"]
    return table(head, [_contender_row(row, [find(here, each, row[2], latency) for each in baselines]) for row in here])


def _contender_row(row: Row, baselines: Sequence[Sequence[Run] | None]) -> list[str]:
    title, _, concurrency, runs = row
    figures = medians(runs)
    return [
        title,
        str(concurrency),
        f"{figures['orders_per_second']:.0f}",
        *("" if each is None else f"{ratio(runs, each, 'orders_per_second'):.2f}" for each in baselines),
        *(ms(figures[name]) for name in ("p50", "p90", "p99", "max")),
        f"{figures['cpu_us']:.0f}",
        f"{figures['megabytes']:.0f}",
        f"{figures['start_seconds']:.1f}",
        f"{figures['load_percent']:.0f}",
    ]

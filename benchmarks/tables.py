"""Markdown tables of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def ms(microseconds: float) -> str:
    """Microseconds as milliseconds."""
    return f"{microseconds / 1000:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell as its own text."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def contender_table(rows: Sequence[Sequence[Any]], latency: int, baseline: str | None) -> str:
    """Everybody at one exchange latency, the fastest first; ``rows`` are title, latency, concurrency and medians."""
    here = sorted((row for row in rows if row[1] == latency), key=lambda row: (row[2], -row[3]["orders_per_second"]))
    head = ["contender", "concurrency", "orders/s", *([f"x {baseline}"] if baseline else [])]
    head += ["p50 ms", "p90 ms", "p99 ms", "max ms", "CPU us/order", "MB", "start s", "load CPU %"]
    return table(head, [_contender_row(row, _baseline(here, baseline, row[2]), baseline) for row in here])


def _baseline(rows: Sequence[Sequence[Any]], title: str | None, concurrency: int) -> float | None:
    found = [row[3]["orders_per_second"] for row in rows if row[0] == title and row[2] == concurrency]
    return found[0] if found else None


def _contender_row(row: Sequence[Any], reference: float | None, baseline: str | None) -> list[str]:
    title, _, concurrency, figures = row
    ratio = "" if reference is None else f"{figures['orders_per_second'] / reference:.2f}"
    return [
        title,
        str(concurrency),
        f"{figures['orders_per_second']:.0f}",
        *([ratio] if baseline else []),
        *(ms(figures[name]) for name in ("p50", "p90", "p99", "max")),
        f"{figures['cpu_us']:.0f}",
        f"{figures['megabytes']:.0f}",
        f"{figures['start_seconds']:.1f}",
        f"{figures['load_percent']:.0f}",
    ]

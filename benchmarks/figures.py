"""From several runs to one figure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.measurement import FIGURES, Row, Run


def median(runs: Sequence[Run], figure: str) -> float:
    """The median of ``figure``."""
    return float(statistics.median(run[figure] for run in runs))


def medians(runs: Sequence[Run]) -> dict[str, float]:
    """The median of every figure; processor time, which the kernel counts in ticks, is that of all runs by all their orders."""
    all_cpu = sum(run["cpu_us"] * run["orders"] for run in runs) / sum(run["orders"] for run in runs)
    return {**{figure: median(runs, figure) for figure in FIGURES}, "cpu_us": all_cpu}


def ratio(ours: Sequence[Run], theirs: Sequence[Run], figure: str) -> float:
    """The median of the rounds' ratios: both sides of each were measured within seconds."""
    return float(statistics.median(own[figure] / other[figure] for own, other in zip(ours, theirs, strict=True)))


def find(rows: Iterable[Row], title: str, concurrency: int, latency: int = 0) -> list[Any] | None:
    """The runs of one contender; None if it was not measured like this."""
    for row in rows:
        if row[:3] == [title, latency, concurrency]:
            return list(row[3])
    return None

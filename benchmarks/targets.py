"""The targets of the gateway, and whether they are met: a table of the parts that have been measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import find, ratio
from benchmarks.parts import (
    attacks,
    family,
    growth,
    memory,
    no_exchange,
    readers,
    rest,
    restart,
    side_by_side,
    streams,
    workers,
)
from benchmarks.tables import table

Measured = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One line: what is measured, the target, the figure."""

    measure: str
    target: str
    measured: str
    is_met: bool

    @property
    def row(self) -> tuple[str, str, str, str]:
        return self.measure, self.target, self.measured, "yes" if self.is_met else "no"


def target_table(measured: Measured) -> str:
    """All targets whose part has been measured."""
    lines: list[Target] = []
    for part, targets in _TARGETS.items():
        if part in measured:
            lines += targets(measured[part])
    return table(["measure", "target", "measured", "met"], [line.row for line in lines])


def _at_least(
    measure: str, part: Measured, ours: str, theirs: str, at: int, limit: float, latency: int = 0
) -> Iterator[Target]:
    """One line, if both were measured at this concurrency."""
    own, other = find(part["rows"], ours, at, latency), find(part["rows"], theirs, at, latency)
    if own is not None and other is not None:
        times = ratio(own, other, "orders_per_second")
        yield Target(
            measure=f"{measure}, concurrency {at}, against {theirs}",
            target=f">= {limit:g} x",
            measured=f"{times:.2f} x",
            is_met=times >= limit,
        )


def _side_by_side(part: Measured) -> Iterator[Target]:
    durable, baseline, python_binance = side_by_side.DURABLE, side_by_side.BASELINE, side_by_side.PYTHON_BINANCE
    for at, limit in ((1, 0.5), (8, 1.0), (64, 1.7)):
        yield from _at_least("orders/s, durable", part, durable, baseline, at, limit)
    yield from _at_least("orders/s, durable", part, durable, python_binance, 64, 0.9)
    yield from _above_bare(part)
    own, other = find(part["rows"], durable, 8), find(part["rows"], baseline, 8)
    if own is not None and other is not None:
        times = ratio(own, other, "p99")
        yield Target(
            measure=f"p99 at concurrency 8, durable, in that of {baseline}",
            target="<= 1.2 x",
            measured=f"{times:.2f} x",
            is_met=times <= 1.2,
        )
    latency = side_by_side.LATENCY_MS
    for at in (1, 8, 64):
        yield from _at_least(f"orders/s, exchange latency {latency} ms", part, durable, baseline, at, 0.97, latency)


def _above_bare(part: Measured) -> Iterator[Target]:
    for title, limit in ((side_by_side.DURABLE, 1.3), (side_by_side.RELAXED, 0.5)):
        above = side_by_side.above_bare(part, title)
        if above is not None:
            yield Target(
                measure=f"p50 at concurrency 1 above the bare call, {title.partition(', ')[2]}",
                target=f"<= {limit:g} ms",
                measured=f"{above / 1000:.2f} ms",
                is_met=above / 1000 <= limit,
            )


def _family(part: Any) -> Iterator[Target]:
    for at in (8, 64):
        times = family.times(part, at)
        if times is not None:
            yield Target(
                measure=f"orders/s, durable, through ccxt at the local Bybit, concurrency {at}, against {family.THEIRS}",
                target=">= 0.9 x",
                measured=f"{times:.2f} x",
                is_met=times >= 0.9,
            )
    seconds, megabytes = family.figures(part)
    for what, figure, limit, unit in (("first answer", seconds, 3.0, "s"), ("memory", megabytes, 250.0, "MB")):
        yield Target(
            measure=f"{what} with {family.NAMES} names of the family configured",
            target=f"<= {limit:g} {unit}",
            measured=f"{figure:.2f} {unit}" if unit == "s" else f"{figure:.0f} {unit}",
            is_met=figure <= limit,
        )


def _no_exchange(part: Measured) -> Iterator[Target]:
    for theirs, limit in ((no_exchange.CONNEXION, 8.0), (no_exchange.FASTAPI, 2.0)):
        for at in (8, 64):
            yield from _at_least("POST without an exchange call", part, no_exchange.OURS, theirs, at, limit)


def _streams(part: Measured) -> Iterator[Target]:
    for at in streams.CONCURRENCY:
        change = streams.change(part, at)
        yield Target(
            measure=f"order p50 with {streams.STREAMS} open event streams, concurrency {at}",
            target="less than 10 % more",
            measured=f"{change:+.1%}",
            # With open streams, answers come in groups, which may also lower the median.
            is_met=change < 0.1,
        )


def _attacks(part: Measured) -> Iterator[Target]:
    for kind, times in attacks.changes(part).items():
        yield Target(
            measure=f"order p99 of a signed-in trader under attack: {kind.replace('_', ' ')}",
            target="<= 2 x alone",
            measured=f"{times:.2f} x",
            is_met=times <= 2,
        )


def _growth(part: Measured) -> Iterator[Target]:
    times = growth.change(part)
    yield Target(
        measure=f"place with {growth.ORDERS:,} orders in the journal against an empty one, p50",
        target="<= 1.2 x",
        measured=f"{times:.2f} x",
        is_met=times <= 1.2,
    )
    name, milliseconds = growth.slowest_search(part)
    yield Target(
        measure="a search page in that journal, p50 of the slowest kind",
        target="<= 20 ms",
        measured=f"{milliseconds:.1f} ms ({name})",
        is_met=milliseconds <= 20,
    )


def _memory(part: Measured) -> Iterator[Target]:
    orders, megabytes = part["rows"][-1]
    yield Target(
        measure=f"memory of one process after {orders:,} orders",
        target="<= 150 MB",
        measured=f"{megabytes:.0f} MB",
        is_met=orders >= memory.ORDERS and megabytes <= 150,
    )


def _restart(part: Measured) -> Iterator[Target]:
    first = part["rows"][-1][2]
    yield Target(
        measure=f"restart with {restart.OPEN_ORDERS:,} open orders to the first 201",
        target="<= 2 s",
        measured=f"{first:.2f} s",
        is_met=first <= 2,
    )


def _readers(part: Measured) -> Iterator[Target]:
    missed = part["events"] - part["fewest"]
    yield Target(
        measure=f"{readers.EVENTS:,} events to {readers.READERS} readers: events that a reader missed",
        target="0",
        measured=f"{missed}",
        is_met=missed == 0 and part["lost"] == 0 and part["events"] >= readers.EVENTS,
    )


def _rest(part: Measured) -> Iterator[Target]:
    for accounts, orders, share, megabytes in part["rows"]:
        if accounts > 1:
            yield Target(
                measure=f"{accounts} accounts with streams at rest",
                target="<= 3 % of a processor, <= 200 MB",
                measured=f"{share:.1%}, {megabytes:.0f} MB",
                is_met=share <= 0.03 and megabytes <= 200,
            )
        elif orders:
            yield Target(
                measure=f"{orders:,} resting orders at rest",
                target="<= 2 % of a processor",
                measured=f"{share:.1%}",
                is_met=share <= 0.02,
            )
    times = rest.slower(part, "p99")
    yield Target(
        measure=f"place p99 beside {rest.OPEN_ORDERS:,} resting orders, in that of an account without any",
        target="<= 1.2 x",
        measured=f"{times:.2f} x",
        is_met=times <= 1.2,
    )


def _workers(part: Measured) -> Iterator[Target]:
    yield from _at_least("orders/s", part, workers.ONE_WORKER, workers.SQLITE, 64, 0.8)


#: The targets of each part.
_TARGETS: Mapping[str, Callable[[Measured], Iterator[Target]]] = {
    "peers": _side_by_side,
    "family": _family,
    "null": _no_exchange,
    "streams": _streams,
    "readers": _readers,
    "attacks": _attacks,
    "growth": _growth,
    "memory": _memory,
    "restart": _restart,
    "rest": _rest,
    "workers": _workers,
}

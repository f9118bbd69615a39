"""``make bench``: the gateway beside its peers on one machine; writes docs/appendix/performance.md and its plot.

Each part is a module of ``benchmarks.parts``. Figures are medians over rounds in which all contenders are measured in turn, and
medians of the rounds' ratios. A part's data is stored under .bench/measured, so that parts can be measured one at a time:

    python -m benchmarks.run --parts streams,growth --rounds 5
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.contenders import WORK, build_environments
from benchmarks.measurement import Plan
from benchmarks.parts import (
    attacks,
    family,
    growth,
    memory,
    no_exchange,
    no_stream,
    readers,
    rest,
    restart,
    side_by_side,
    streams,
    workers,
)
from benchmarks.report import conditions, write_report

_STORED = WORK / "measured"

#: Every part: its title in the report, how it is measured, and how it is shown.
PARTS: Mapping[str, tuple[str, Callable[[Plan], Any], Callable[[Any], str]]] = {
    "peers": ("Side by side with an exchange call", side_by_side.measure, side_by_side.section),
    "no_stream": ("Side by side, without the user stream", no_stream.measure, no_stream.section),
    "family": ("Through ccxt, at the local Bybit", family.measure, family.section),
    "null": ("Without an exchange call", no_exchange.measure, no_exchange.section),
    "streams": ("Open event streams", streams.measure, streams.section),
    "readers": ("A hundred thousand events to a hundred readers", readers.measure, readers.section),
    "attacks": ("Under attack", attacks.measure, attacks.section),
    "growth": ("A journal of a million orders", growth.measure, growth.section),
    "restart": ("Start and restart", restart.measure, restart.section),
    "rest": ("At rest", rest.measure, rest.section),
    "memory": ("Memory", memory.measure, memory.section),
    "workers": ("Several workers on PostgreSQL", workers.measure, workers.section),
}


#: The parts in which contenders take turns.
_IN_TURNS = frozenset({"peers", "no_stream", "family", "null", "streams", "attacks", "growth"})

#: The format of the parts' stored data; data of an older format is ignored.
_FORMAT = 3


def main() -> None:
    """Measure and write."""
    asked = _arguments()
    plan = Plan(rounds=asked.rounds, seconds=asked.seconds, warmup=asked.warmup, concurrency=tuple(asked.concurrency))
    build_environments()
    _STORED.mkdir(parents=True, exist_ok=True)
    for part in asked.parts:
        started = time.perf_counter()
        known = conditions()
        data = PARTS[part][1](plan)
        taken = f"{plan.rounds} rounds of {plan.seconds:g} s per turn" if part in _IN_TURNS else ""
        stored = {"format": _FORMAT, "conditions": known, "taken": taken, "data": data}
        (_STORED / f"{part}.json").write_text(json.dumps(stored))
        print(f"{part}: {time.perf_counter() - started:.0f} s", flush=True)
    if not asked.no_report:
        write_report(_stored(), {part: (title, section) for part, (title, _, section) in PARTS.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}; all of them")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--no-report", action="store_true")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}")
    return names


def _stored() -> dict[str, Any]:
    """The parts' last measurements."""
    found = {path.stem: json.loads(path.read_text()) for path in _STORED.glob("*.json")}
    for part in [part for part, stored in found.items() if stored.get("format") != _FORMAT]:
        print(f"{part}: its stored data is of an older format, and left out of the report", flush=True)
        del found[part]
    return found


if __name__ == "__main__":
    main()

"""What a gateway costs while nothing happens: with ten thousand orders that rest at the exchange, and with thirty accounts.

The stub lets orders rest and lists all of them whenever it is asked, so what is measured is the gateway's comparing. Afterwards
orders are placed one after the other beside the resting ones, in turns with a gateway that has none.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from benchmarks.contenders import Contender, exchange, gateway
from benchmarks.figures import median, ratio
from benchmarks.measurement import Plan, Run, in_turn, load, print_run, running
from benchmarks.tables import ms, table

STUB_PORT = 9814
OPEN_ORDERS = 10_000
ACCOUNTS = 30

#: Seconds after the last order until only what is repeated is left, and seconds that are measured: several comparisons.
_SETTLE = 70
_MEASURED = 180

#: Orders of a turn: few, so that the gateway without resting orders has few in the end.
_TURN = 100


def measure(plan: Plan) -> dict[str, Any]:
    """The share of one processor and the memory by what rests, and the turns of placing beside resting orders and without any."""
    rows = []
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    with running(stub := exchange(STUB_PORT, "--resting")):
        full = gateway("gateway_rest", "beside resting orders", 9882, STUB_PORT)
        with running(full):
            rows.append([1, 0, *_at_rest(full)])
            load(full, 64, 0, orders=OPEN_ORDERS)
            rows.append([1, OPEN_ORDERS, *_at_rest(full)])
            empty = gateway("gateway_rest_empty", "without resting orders", 9884, STUB_PORT)
            with running(empty):
                for each in (empty, full):
                    load(each, 1, 0, orders=_TURN)
                for number, each in in_turn((empty, full), plan.rounds):
                    runs[each.name].append(load(each, 1, 0, orders=_TURN, exchange=stub))
                    print_run(number, each.title, "c=1", runs[each.name][-1])
        many = gateway("gateway_accounts", "Ordergate", 9883, STUB_PORT, BENCH_ACCOUNTS=str(ACCOUNTS))
        with running(many):
            rows.append([ACCOUNTS, 0, *_at_rest(many)])
    return {"rows": rows, "full": runs[full.name], "empty": runs[empty.name]}


def _at_rest(server: Contender) -> tuple[float, float]:
    """The share of a processor that it takes, and its megabytes."""
    time.sleep(_SETTLE)
    before = server.cpu_seconds()
    time.sleep(_MEASURED)
    share, megabytes = (server.cpu_seconds() - before) / _MEASURED, server.resident_megabytes()
    print(f"rest  {server.name}  {share:.2%} of a processor, {megabytes:.0f} MB", flush=True)
    return share, megabytes


def slower(measured: Mapping[str, Any], figure: str) -> float:
    """``figure`` of placing beside ten thousand resting orders, in that without any."""
    return ratio(measured["full"], measured["empty"], figure)


def section(measured: dict[str, Any]) -> str:
    """The tables."""
    rest = table(
        ["accounts", "open orders", "share of a processor", "MB"],
        [[accounts, orders, f"{share:.2%}", f"{mb:.0f}"] for accounts, orders, share, mb in measured["rows"]],
    )
    placing = table(
        ["placing one after the other", "p50 ms", "p90 ms", "p99 ms"],
        [
            [title, *(ms(median(measured[key], figure)) for figure in ("p50", "p90", "p99"))]
            for title, key in (("without resting orders", "empty"), (f"beside {OPEN_ORDERS:,} resting orders", "full"))
        ],
    )
    return f"Over {_MEASURED} seconds without a caller.\n\n{rest}\n{placing}"

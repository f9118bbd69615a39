"""Whether placing and searching get slower as the journal grows: an empty journal against one with a million orders, in turn.

``benchmarks.bulk_journal`` makes the full journal under .bench, where a later run uses it again as long as the tables, and what the
journal writes into them, have not changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.storage.cursors import encode_moment
from benchmarks.bulk_journal import FILLS, fill_journal, fingerprint
from benchmarks.contenders import WORK, Contender, exchange, gateway
from benchmarks.figures import find, median, medians, ratio
from benchmarks.measurement import Plan, Run, compared, load, running
from benchmarks.tables import ms, table

STUB_PORT = 9811
ORDERS = 1_000_000
EMPTY = "Ordergate, empty journal"
FULL = "Ordergate, full journal"
_NAME = "gateway_growth_full"
_DATABASE = WORK / _NAME / "ordergate.db"

#: A page deep in the journal begins here: half of it is newer.
_DEEP = encode_moment(datetime.fromisoformat("2026-05-01T00:00:00+00:00"), ORDERS)

#: May 1, noon, in milliseconds: half of the journal is newer.
_SINCE = 1_777_636_800_000

_ORDERS_PATH = "/trading/orders/search"
_TRADES_PATH = "/trading/trades"
_ACTIVE_PATH = "/trading/orders/active"
#: What is searched for: a name, where, and what for. Every answer also says how many there are in all.
SEARCHES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("orders, first page", _ORDERS_PATH, {}),
    ("orders, deep page", _ORDERS_PATH, {"cursor": _DEEP}),
    ("orders of a pair", _ORDERS_PATH, {"trading_pairs": ["BTC-USDT"]}),
    ("orders of two pairs", _ORDERS_PATH, {"trading_pairs": ["BTC-USDT", "SOL-USDT"]}),
    ("orders of a status", _ORDERS_PATH, {"status": "FILLED"}),
    ("orders of a status that none has", _ORDERS_PATH, {"status": "OPEN"}),
    ("orders of a pair and a status, deep", _ORDERS_PATH,
     {"trading_pairs": ["SOL-USDT"], "status": "CANCELLED", "cursor": _DEEP}),
    ("orders of an account", _ORDERS_PATH, {"account_names": ["second_account"]}),
    ("orders since May, of a pair", _ORDERS_PATH, {"trading_pairs": ["ETH-USDT"], "start_time": _SINCE}),
    ("active orders of an account", _ACTIVE_PATH, {"account_names": ["second_account"]}),
    ("trades, first page", _TRADES_PATH, {}),
    ("trades, deep page", _TRADES_PATH, {"cursor": _DEEP}),
    ("trades of a pair", _TRADES_PATH, {"trading_pairs": ["BTC-USDT"]}),
    ("trades of a pair that none has", _TRADES_PATH, {"trading_pairs": ["XRP-USDT"]}),
    ("trades of an account", _TRADES_PATH, {"account_names": ["second_account"]}),
    ("trades, buys only", _TRADES_PATH, {"trade_types": ["BUY"]}),
)  # fmt: skip

_SEARCH_SECONDS = 1.0


def measure(plan: Plan) -> dict[str, Any]:
    """The runs of placing by journal, and the time of each search in the full one."""
    made_in = _make_full()
    contenders = [_empty(), _full(is_fresh=False)]
    with running(stub := exchange(STUB_PORT)):
        placed = compared(contenders, replace(plan, concurrency=(1,)), stub)
        with running(server := _full(is_fresh=False)):
            searches = [[name, _search(server, name, path, body)] for name, path, body in SEARCHES]
    return {
        "rows": placed,
        "searches": searches,
        "megabytes": _DATABASE.stat().st_size / 1e6,
        "made_in": made_in,
    }


def _empty() -> Contender:
    return gateway("gateway_growth_empty", EMPTY, 9891, STUB_PORT)


def _full(*, is_fresh: bool) -> Contender:
    return gateway(_NAME, FULL, 9892, STUB_PORT, is_fresh=is_fresh)


def _make_full() -> float | None:
    """Make the full journal unless there is one; how many seconds that took."""
    stamp = Path(f"{_DATABASE}.made-of")
    if stamp.exists() and stamp.read_text() == fingerprint(_DATABASE, ORDERS):
        return None
    _full(is_fresh=True)
    made_of = fingerprint(_DATABASE, ORDERS)
    print(f"growth  making a journal of {ORDERS} orders with {FILLS} fills each", flush=True)
    started = time.perf_counter()
    fill_journal(_DATABASE, ORDERS)
    seconds = time.perf_counter() - started
    stamp.write_text(made_of)
    print(f"growth  made in {seconds:.0f} s", flush=True)
    return seconds


def _search(server: Contender, name: str, path: str, body: Mapping[str, Any]) -> Run:
    run = load(server, 1, _SEARCH_SECONDS, path=path, body=body, expected="200")
    print(f"growth  {name:38} p50 {run['p50'] / 1000:8.2f} ms  max {run['max'] / 1000:8.2f} ms", flush=True)
    return {figure: run[figure] for figure in ("p50", "p99", "max", "orders")}


def change(measured: Mapping[str, Any]) -> float:
    """The median latency of placing with the full journal, in that of the empty one, round by round."""
    full, empty = find(measured["rows"], FULL, 1), find(measured["rows"], EMPTY, 1)
    assert full is not None, "measured with the empty one"
    assert empty is not None, "measured with the full one"
    return ratio(full, empty, "p50")


def slowest_search(measured: Mapping[str, Any]) -> tuple[str, float]:
    """The search with the highest median, and that in milliseconds."""
    name, run = max(measured["searches"], key=lambda search: search[1]["p50"])
    return str(name), float(run["p50"]) / 1000


def section(measured: dict[str, Any]) -> str:
    """Two tables."""
    placed = [
        [title, *(ms(median(runs, figure)) for figure in ("p50", "p90", "p99")), f"{medians(runs)['cpu_us']:.0f}"]
        for title, _, _, runs in measured["rows"]
    ]
    found = [[name, *(ms(run[figure]) for figure in ("p50", "p99", "max"))] for name, run in measured["searches"]]
    return (
        f"A journal of {ORDERS:,} orders and {ORDERS * FILLS:,} fills ({measured['megabytes'] / 1000:.1f} GB) against an empty one,"
        f" placing at concurrency 1:\n\n{table(['gateway', 'p50 ms', 'p90 ms', 'p99 ms', 'CPU us/order'], placed)}\n"
        f"Pages of 100 rows over HTTP, one after the other for {_SEARCH_SECONDS:g} s, each with the true number of all that match:"
        "\n\n" + table(["search", "p50 ms", "p99 ms", "max ms"], found)
    )

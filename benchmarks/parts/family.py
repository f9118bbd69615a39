"""Connectors through ccxt: orders at the local Bybit beside FastAPI and ccxt, and a start with forty names configured.

The local Bybit is slower than a stub and costs both sides the same. The gateway's processor time has in it what the peer does not
do: asking for the orders' state and fills, which Bybit's acknowledgement does not tell.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from typing import Any

from app.connectors.ccxt.exchanges import ROWS
from benchmarks.contenders import LOAD_CPU, SERVER_CPU, Contender, gateway, peer
from benchmarks.figures import find, medians, ratio
from benchmarks.measurement import Plan, Run, in_turn, load, print_run, running
from benchmarks.tables import table

OURS = "Ordergate, durable, bybit"
THEIRS = "FastAPI + ccxt, bybit"
NAMES = 40
_EXCHANGE_PORT, _GATEWAY_PORT, _PEER_PORT, _MANY_PORT = 9871, 9872, 9873, 9874
_CONCURRENCY = (8, 64)
#: Nothing listens there: what starts has to come to rest by itself.
_NOWHERE = "http://127.0.0.1:9"
#: Seconds in which every connector has been started.
_ALL_STARTED = 10
_ORDER = {
    "account_name": "master_account",
    "connector_name": "bybit",
    "trading_pair": "BTC-USDT",
    "trade_type": "SELL",
    "amount": "0.001",
    "order_type": "LIMIT",
    "price": "30000.01",
    "position_action": "OPEN",
}


def measure(plan: Plan) -> dict[str, Any]:
    """Both: the orders in turns, the starts one after the other."""
    return {"rows": _orders(plan), "starts": [_start() for _ in range(plan.starts)]}


def _orders(plan: Plan) -> list[list[Any]]:
    sandbox = Contender(
        name="local_bybit",
        title="local Bybit",
        port=_EXCHANGE_PORT,
        command=[sys.executable, "-m", "app", "sandbox", "--exchange", "bybit", "--port", str(_EXCHANGE_PORT)],
        alive="/v5/market/time",
        cpu=LOAD_CPU,
    )
    with running(sandbox):
        ours = gateway(
            "gateway_bybit",
            OURS,
            _GATEWAY_PORT,
            _EXCHANGE_PORT,
            connectors=("bybit",),
            ORDERGATE_BYBIT_URL=f"http://127.0.0.1:{_EXCHANGE_PORT}",
        )
        theirs = peer("fastapi_bybit", THEIRS, "fastapi_bybit", _PEER_PORT, _EXCHANGE_PORT)
        # The keys that ``benchmarks.prepare`` and the peer have.
        for key in (f"gateway_bybit-{_ORDER['account_name']}", "bench"):
            _open_account(key)
        runs: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
        with running(ours, theirs):
            for contender in (ours, theirs):
                load(contender, 8, plan.warmup, body=_ORDER)
            for number, contender in in_turn((ours, theirs), plan.rounds):
                for concurrency in _CONCURRENCY:
                    time.sleep(0.25)
                    run = load(contender, concurrency, plan.seconds, exchange=sandbox, body=_ORDER)
                    runs[contender.title, concurrency].append(run)
                    print_run(number, contender.title, f"local Bybit  c={concurrency}", run)
    return [[title, 0, concurrency, each] for (title, concurrency), each in runs.items()]


def _open_account(key: str) -> None:
    """An account that never runs out of money."""
    balances = {"USDT": "1000000000", "BTC": "1000000"}
    body = json.dumps({"name": key, "api_key": key, "secret": "bench-secret", "balances": balances})
    request = urllib.request.Request(f"http://127.0.0.1:{_EXCHANGE_PORT}/sandbox/accounts", data=body.encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def _start() -> dict[str, float]:
    """Seconds to the first answer with forty names configured, and megabytes once all of their connectors have started."""
    names = sorted(ROWS)[:NAMES]
    addresses = {f"ORDERGATE_{name.upper()}_URL": _NOWHERE for name in names}
    many = gateway("gateway_forty", f"{NAMES} names", _MANY_PORT, _EXCHANGE_PORT, connectors=names, **addresses)
    with running(many):
        assert many.start_seconds is not None
        time.sleep(_ALL_STARTED)
        return {"seconds": many.start_seconds, "megabytes": many.resident_megabytes()}


def figures(measured: dict[str, Any]) -> tuple[float, float]:
    """Seconds and megabytes of a start with forty names."""
    starts = measured["starts"]
    return tuple(statistics.median(each[name] for each in starts) for name in ("seconds", "megabytes"))  # type: ignore[return-value]


def times(measured: dict[str, Any], concurrency: int) -> float | None:
    """Ours in theirs, in orders per second."""
    ours, theirs = (find(measured["rows"], title, concurrency) for title in (OURS, THEIRS))
    return None if ours is None or theirs is None else ratio(ours, theirs, "orders_per_second")


def section(measured: dict[str, Any]) -> str:
    """Both tables."""
    lines = []
    for title, _, concurrency, runs in measured["rows"]:
        found = medians(runs)
        lines.append(
            (
                title,
                str(concurrency),
                f"{found['orders_per_second']:.0f}",
                f"{found['cpu_us']:.0f}",
                f"{found['load_percent']:.0f} %",
            )
        )
    seconds, megabytes = figures(measured)
    return (
        table(["contender", "callers", "orders/s", "processor time per order, us", "exchange and load busy"], lines)
        + f"\nWith {NAMES} names of the family configured, and none of their exchanges there: first answer after {seconds:.2f} s,"
        f" {megabytes:.0f} MB once all connectors have started. The servers run on processor {SERVER_CPU} alone.\n"
    )

"""A restart with thousands of orders resting at the exchange: how long until the first order is accepted again.

The stub lets orders rest here, and lists all of them when the starting gateway asks, which it does before its first answer.
"""

from __future__ import annotations

import base64
import http.client
import json
import statistics
import time
from typing import Any

from benchmarks.contenders import USER, Contender, exchange, gateway
from benchmarks.measurement import Plan, load, running
from benchmarks.tables import ms, table

RESTING_STUB_PORT = 9813
OPEN_ORDERS = 10_000

#: A gateway that has not placed an order by then has failed.
_LIMIT = 60.0

#: Orders one after the other right after the first, to see what the comparison with the exchange costs them.
_AFTERWARDS = 40

_ORDER = json.dumps(
    {"account_name": "master_account", "connector_name": "binance", "trading_pair": "BTC-USDT", "trade_type": "BUY",
     "amount": "0.01", "order_type": "LIMIT", "price": "50000.01", "position_action": "OPEN"}
)  # fmt: skip


def measure(plan: Plan) -> dict[str, Any]:
    """By number of open orders: seconds to the first answer and to the first order, and latencies right afterwards."""
    stub = exchange(RESTING_STUB_PORT, "--resting")
    rows = []
    with running(stub):
        server = gateway("gateway_restart", "Ordergate", 9881, RESTING_STUB_PORT)
        rows.append(_restarts(server, 0, plan.starts))
        with running(server):
            load(server, 64, 0, orders=OPEN_ORDERS)
        rows.append(_restarts(server, OPEN_ORDERS, plan.starts))
    return {"rows": rows, "times": plan.starts}


def _restarts(server: Contender, open_orders: int, times: int) -> list[float]:
    starts, firsts, after = [], [], []
    for _ in range(times):
        with running(server):
            assert server.start_seconds is not None
            starts.append(server.start_seconds)
            firsts.append(_first_order(server))
            # Few, so that there are no more open orders than the table says, give or take two in a hundred.
            after.append(load(server, 1, 0, orders=_AFTERWARDS))
        print(f"restart  {open_orders:6} open orders  first 201 after {firsts[-1]:.2f} s", flush=True)
    return [
        open_orders,
        statistics.median(starts),
        statistics.median(firsts),
        max(firsts),
        statistics.median(run["p50"] for run in after),
        max(run["max"] for run in after),
    ]


def _first_order(server: Contender) -> float:
    """Seconds from the process's start to the first 201."""
    headers = {
        "Authorization": f"Basic {base64.b64encode(USER.encode()).decode()}",
        "Content-Type": "application/json",
    }
    while (waited := time.perf_counter() - server.spawned_at) < _LIMIT:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_LIMIT)
        try:
            connection.request("POST", server.path, _ORDER, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 201:
                return time.perf_counter() - server.spawned_at
        finally:
            connection.close()
    raise RuntimeError(f"{server.name} took no order for {waited:.0f} s")


def section(measured: dict[str, Any]) -> str:
    """The table."""
    head = ["open orders", "start s", "first 201 s", "slowest first 201 s", "p50 ms after", "max ms after"]
    return f"Medians of {measured['times']} starts each.\n\n" + table(
        head,
        [
            [orders, f"{start:.2f}", f"{first:.2f}", f"{slowest:.2f}", ms(p50), ms(longest)]
            for orders, start, first, slowest, p50, longest in measured["rows"]
        ],
    )

"""What a gateway costs while nothing happens but ten thousand orders rest at the exchange: the processor time of its process.

The stub lets orders rest and lists all of them whenever it is asked, so what is measured is the gateway's comparing.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.contenders import exchange, gateway
from benchmarks.measurement import Plan, load, running
from benchmarks.tables import table

STUB_PORT = 9814
OPEN_ORDERS = 10_000

#: Seconds after the last order until only what is repeated is left, and seconds that are measured: several comparisons.
_SETTLE = 70
_MEASURED = 180


def measure(plan: Plan) -> dict[str, Any]:
    """By number of open orders: the share of one processor."""
    rows = []
    with running(exchange(STUB_PORT, "--resting")):
        server = gateway("gateway_rest", "Ordergate", 9882, STUB_PORT)
        with running(server):
            for orders in (0, OPEN_ORDERS):
                if orders:
                    load(server, 64, 0, orders=orders)
                time.sleep(_SETTLE)
                before = server.cpu_seconds()
                time.sleep(_MEASURED)
                rows.append([orders, (server.cpu_seconds() - before) / _MEASURED])
                print(f"rest  {orders:6} open orders  {rows[-1][1]:.2%} of a processor", flush=True)
    return {"rows": rows}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    head = ["open orders", "share of a processor"]
    return f"Over {_MEASURED} seconds without a caller.\n\n" + table(
        head, [[orders, f"{share:.2%}"] for orders, share in measured["rows"]]
    )

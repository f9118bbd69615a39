"""Memory of one process after many orders, and how long a start takes with an empty journal."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import exchange, gateway
from benchmarks.measurement import Plan, load, running
from benchmarks.tables import table

STUB_PORT = 9811
ORDERS = 50_000
STEPS = 5


def measure(plan: Plan) -> dict[str, Any]:
    """Resident megabytes by number of orders placed."""
    stub = exchange(STUB_PORT)
    server = gateway("gateway_memory", "Ordergate", 9871, STUB_PORT)
    with running(stub, server):
        seen = [[0, server.resident_megabytes()]]
        for step in range(1, STEPS + 1):
            run = load(server, 64, 0, orders=ORDERS // STEPS)
            seen.append([step * run["orders"], run["megabytes"]])
            print(f"memory  {seen[-1][0]:6} orders  {seen[-1][1]:.0f} MB", flush=True)
    return {"rows": seen}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    return table(
        ["orders placed", "resident MB"], [[orders, f"{megabytes:.0f}"] for orders, megabytes in measured["rows"]]
    )

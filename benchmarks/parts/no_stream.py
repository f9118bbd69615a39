"""The same as side by side, at an exchange that pushes no user stream: what following the stream costs is the difference."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import exchange, gateway, peer
from benchmarks.measurement import Plan, compared, running
from benchmarks.parts.side_by_side import BASELINE, DURABLE, PYTHON_BINANCE
from benchmarks.tables import contender_table

STUB_PORT = 9815


def measure(plan: Plan) -> dict[str, Any]:
    """All rounds."""
    contenders = [
        gateway("gateway_no_stream", DURABLE, 9826, STUB_PORT),
        peer("fastapi_ccxt_no_stream", BASELINE, "fastapi_ccxt", 9827, STUB_PORT),
        peer("fastapi_binance_no_stream", PYTHON_BINANCE, "fastapi_binance", 9828, STUB_PORT),
    ]
    with running(stub := exchange(STUB_PORT, "--no-stream")):
        return {"rows": compared(contenders, plan, stub)}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    return contender_table(measured["rows"], 0, BASELINE, PYTHON_BINANCE)

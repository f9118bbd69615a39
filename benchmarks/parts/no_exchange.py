"""The web stack alone: a validated, authorised POST of an order that calls no exchange, against stock Connexion and FastAPI.

The gateway runs as ``benchmarks.null_gateway``, in which everything but the service behind the handler is the real thing; FastAPI
and Connexion answer at ``/null``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import Contender, exchange, flask_peer, gateway, peer
from benchmarks.measurement import Plan, compared, running
from benchmarks.tables import contender_table

STUB_PORT = 9811
OURS = "Ordergate, no exchange call"
FASTAPI = "FastAPI /null"
CONNEXION = "Connexion FlaskApp /null"


def contenders() -> list[Contender]:
    """The three stacks."""
    return [
        gateway("gateway_null", OURS, 9841, STUB_PORT, command=("-m", "benchmarks.null_gateway")),
        peer("fastapi_null", FASTAPI, "fastapi_ccxt", 9842, STUB_PORT, path="/null"),
        flask_peer("connexion_null", CONNEXION, 9843, STUB_PORT, path="/null"),
    ]


def measure(plan: Plan) -> dict[str, Any]:
    """All rounds."""
    with running(stub := exchange(STUB_PORT)):
        return {"rows": compared(contenders(), plan, stub)}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    return contender_table(measured["rows"], 0, FASTAPI)

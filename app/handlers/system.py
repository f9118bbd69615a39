"""What is running, and whether it is well."""

from __future__ import annotations

from typing import Any

from app import __version__
from app.services.gateway import Gateway


async def get_root(gateway: Gateway) -> Any:
    """GET /"""
    return {"name": "Ordergate", "version": __version__, "status": "running"}


async def get_liveness(gateway: Gateway) -> Any:
    """GET /health/live"""
    return {"status": "alive"}


async def get_readiness(gateway: Gateway) -> Any:
    """GET /health/ready"""
    journal, connectors = await gateway.catalog.readiness()
    is_ready = journal == "ready"
    answer = {"status": "ready" if is_ready else "not ready", "journal": journal, "connectors": connectors}
    return answer, 200 if is_ready else 503

"""What is running, and whether it is ready."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from app import __version__
from app.handlers.streaming import StreamAnswer
from app.metrics import CONTENT_TYPE
from app.services.acting import ActingGateway


async def get_root(gateway: ActingGateway) -> Any:
    """GET /"""
    return {"name": "Ordergate", "version": __version__, "status": "running"}, 200, {"Vary": "Accept"}


async def get_health(gateway: ActingGateway) -> Any:
    """GET /health"""
    return {"status": "ok", "name": "Ordergate", "version": __version__}


async def get_liveness(gateway: ActingGateway) -> Any:
    """GET /health/live"""
    return {"status": "alive"}


async def get_metrics(gateway: ActingGateway) -> StreamAnswer:
    """GET /metrics"""
    return StreamAnswer(content_type=CONTENT_TYPE, chunks=_once(await gateway.gauges.text()))


async def _once(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def get_readiness(gateway: ActingGateway) -> Any:
    """GET /health/ready"""
    journal, connectors = await gateway.catalog.problems()
    is_ready = journal is None
    answer: dict[str, Any] = {
        "status": "ready" if is_ready else "not ready",
        "journal": journal or "ready",
        "connectors": {name: problem or "ready" for name, problem in connectors.items()},
    }
    if journal is None and (undecided := await gateway.safety.undecided()):
        answer["without_limits"] = ["/".join(account) for account in undecided]
    return answer, 200 if is_ready else 503

"""What is running, and whether it is ready."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from app import __version__
from app.handlers.schemas import PerformanceSchema
from app.handlers.streaming import StreamAnswer
from app.metrics import CONTENT_TYPE, Quantiles
from app.services.acting import ActingGateway

_PERFORMANCE = PerformanceSchema()


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
    sees = None if gateway.bounds.is_whole else gateway.bounds.holds
    return StreamAnswer(content_type=CONTENT_TYPE, chunks=_once(await gateway.gauges.text(sees)))


async def get_performance(gateway: ActingGateway) -> Any:
    """GET /performance"""
    found = await gateway.gauges.performance()
    sees = gateway.bounds.holds
    return _PERFORMANCE.dump(
        {
            "process": os.getpid(),
            "as_of": gateway.clock.now(),
            "steps": [
                {"part": part, "connector": connector, "verb": verb, **_milliseconds(quantiles)}
                for (part, connector, verb), quantiles in found.steps.items()
                if sees(None, connector)
            ],
            "outcomes": [
                {"minute": minute, "connector": connector, "verb": verb, "outcome": outcome, "count": count}
                for minute, counts in found.outcomes.items()
                for (connector, verb, outcome), count in sorted(counts.items())
                if sees(None, connector)
            ],
            "journal": {
                "head": found.journal_head,
                "queue": found.journal_queue,
                "commits": None if found.commits is None else _milliseconds(found.commits),
                "unsettled_orders": found.unsettled,
                "oldest_unsettled_seconds": found.oldest_unsettled,
            },
            "streams": found.streams,
        }
    )


def _milliseconds(quantiles: Quantiles) -> dict[str, Any]:
    named = {"p50_ms": quantiles.p50, "p95_ms": quantiles.p95, "p99_ms": quantiles.p99}
    return {"count": quantiles.count, **{name: round(seconds * 1000, 3) for name, seconds in named.items()}}


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

"""The worker that gunicorn runs: uvicorn's, with the same event loop and the same bounded protocol as ``ordergate serve``."""

from __future__ import annotations

from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from app.web.protocol import BoundedProtocol


class GatewayWorker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """One process of a gunicorn server."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "uvloop", "http": BoundedProtocol, "lifespan": "on"}

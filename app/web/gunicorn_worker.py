"""The worker that gunicorn runs: uvicorn's, with the same event loop and the same bounded protocols as ``ordergate serve``."""

from __future__ import annotations

from typing import Any

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from app.settings import load_settings
from app.web.server import options_of


class GatewayWorker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """One process of a gunicorn server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.CONFIG_KWARGS = options_of(load_settings())
        super().__init__(*args, **kwargs)

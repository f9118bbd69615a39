"""ccxt's own classes, with every address of Binance on the sandbox and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.sandbox.server import Sandbox
from tests.sandbox.raw_client import API_KEY, SECRET


def pointed(kind: Callable[[Any], Any], sandbox: Sandbox) -> Any:
    """An exchange of ``kind`` that talks to ``sandbox``."""
    exchange = kind({"apiKey": API_KEY, "secret": SECRET})
    exchange.urls["api"] = {name: _moved(url, sandbox) for name, url in exchange.urls["api"].items()}
    return exchange


def _moved(url: Any, sandbox: Sandbox) -> Any:
    if isinstance(url, dict):
        return {name: _moved(each, sandbox) for name, each in url.items()}
    scheme, _, rest = url.partition("://")
    path = rest.partition("/")[2]
    return f"{'ws' if scheme == 'wss' else 'http'}://{sandbox.url}/{path}"

"""ccxt and python-binance, with their addresses of Binance on the sandbox and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.sandbox.server import Sandbox
from tests.sandbox.binance.client import API_KEY, SECRET


def ccxt_exchange(kind: Callable[[Any], Any], sandbox: Sandbox) -> Any:
    """An exchange of ccxt's class ``kind``."""
    exchange = kind({"apiKey": API_KEY, "secret": SECRET})
    exchange.urls["api"] = {name: _moved(url, sandbox) for name, url in exchange.urls["api"].items()}
    return exchange


def python_binance_client(kind: type[Any], sandbox: Sandbox) -> type[Any]:
    """python-binance's client ``kind``, as a subclass."""
    urls = {
        "API_URL": sandbox.rest_url,
        "MARGIN_API_URL": f"http://{sandbox.url}/sapi",
        "WS_API_URL": sandbox.ws_api_url,
        "FUTURES_URL": sandbox.futures_rest_url,
        "WS_FUTURES_URL": f"ws://{sandbox.url}/ws-fapi/v1",
    }
    return type(kind.__name__, (kind,), urls)


def _moved(url: Any, sandbox: Sandbox) -> Any:
    if isinstance(url, dict):
        return {name: _moved(each, sandbox) for name, each in url.items()}
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    # By this part of an address ccxt knows spot's streams from those of futures.
    prefix = "stream/" if host.startswith("stream.") else ""
    return f"{'ws' if scheme == 'wss' else 'http'}://{sandbox.url}/{prefix}{path}"

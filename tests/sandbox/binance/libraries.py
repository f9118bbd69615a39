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
    }
    return type(kind.__name__, (kind,), urls)


def _moved(url: Any, sandbox: Sandbox) -> Any:
    if isinstance(url, dict):
        return {name: _moved(each, sandbox) for name, each in url.items()}
    scheme, _, rest = url.partition("://")
    path = rest.partition("/")[2]
    return f"{'ws' if scheme == 'wss' else 'http'}://{sandbox.url}/{path}"

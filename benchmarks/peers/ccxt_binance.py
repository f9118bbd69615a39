"""ccxt's ``binance``, pointed at the stub, with nothing that slows it down: what every peer with ccxt uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def pointed(kind: Callable[[Any], Any]) -> Any:
    """An exchange of ``kind``, ccxt's synchronous class or its asynchronous one."""
    exchange = kind(
        {
            "apiKey": "bench",
            "secret": "bench-secret",
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "defaultType": "spot",
            },
        }
    )
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], f"{os.environ['STUB_URL']}/api/v3")
    return exchange

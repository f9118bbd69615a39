"""The local exchanges that a campaign can trade on: one entry of ``LOCAL`` each, by the connector's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.connectors.ccxt.exchanges import ROWS
from app.sandbox.keys import PASSPHRASE

#: Above what the clients and reconciliation use: reaching a limit would only slow the campaign.
_LIMITS = {"weight": 1_000_000, "orders_10s": 100_000, "orders_day": 10_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExchange:
    """How a connector and its local exchange meet.

    ``protocol`` is what ``ordergate sandbox --exchange`` takes, ``ping`` a path that it answers once it serves. ``addresses`` are
    the gateway's settings, in which ``{host}`` stands for host and port; ``credentials`` the connector's fields, in which ``{key}``
    and ``{secret}`` stand for an account's. ``market`` is the part of the exchange's truth that is traded on, and ``limits`` what
    is set before it, where the exchange counts requests.
    """

    protocol: str
    ping: str
    addresses: Mapping[str, str]
    credentials: Mapping[str, str]
    market: str = "spot"
    limits: Mapping[str, Any] = field(default_factory=dict)


def _binance(name: str, market: str, addresses: Mapping[str, str]) -> LocalExchange:
    return LocalExchange(
        protocol="binance",
        ping="/api/v3/ping",
        addresses=addresses,
        credentials={f"{name}_api_key": "{key}", f"{name}_api_secret": "{secret}"},
        market=market,
        limits=_LIMITS,
    )


def _of_family(name: str, protocol: str, ping: str) -> LocalExchange:
    """The entry of a name that is served through ccxt: its row says the rest."""
    row = ROWS[name]
    values = {"apiKey": "{key}", "secret": "{secret}", "password": PASSPHRASE}
    return LocalExchange(
        protocol=protocol,
        ping=ping,
        addresses={f"ORDERGATE_{name.upper()}_URL": "http://{host}"},
        credentials={each: values[target] for each, target in row.secrets.items() if target in values},
        market="futures" if row.is_perpetual else "spot",
    )


LOCAL: Mapping[str, LocalExchange] = {
    "binance": _binance(
        "binance",
        "spot",
        {"ORDERGATE_BINANCE_REST_URL": "http://{host}/api", "ORDERGATE_BINANCE_WS_API_URL": "ws://{host}/ws-api/v3"},
    ),
    "binance_perpetual": _binance(
        "binance_perpetual",
        "futures",
        {
            "ORDERGATE_BINANCE_PERPETUAL_REST_URL": "http://{host}/fapi",
            "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": "ws://{host}/",
        },
    ),
    "bybit": _of_family("bybit", "bybit", "/v5/market/time"),
    "bybit_perpetual": _of_family("bybit_perpetual", "bybit", "/v5/market/time"),
    "kraken": _of_family("kraken", "kraken", "/0/public/Time"),
    "okx": _of_family("okx", "okx", "/api/v5/public/time"),
    "okx_perpetual": _of_family("okx_perpetual", "okx", "/api/v5/public/time"),
}

"""The local exchanges that a campaign can trade on: one entry of ``LOCAL`` each, by the connector's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.connectors.ccxt.exchanges import ROWS
from app.sandbox.keys import PASSPHRASE
from tests.chaos.clients import MARKETS, Markets

#: Above what the clients and reconciliation use: reaching a limit would only slow the campaign.
_LIMITS = {"weight": 1_000_000, "orders_10s": 100_000, "orders_day": 10_000_000}


#: A key and its secret each. Some exchanges have secrets in base64.
KEYS = (("rehearsal-key", "cmVoZWFyc2FsLXNlY3JldA=="), ("other-key", "b3RoZXItc2VjcmV0"))

#: Wallets and their private keys.
_WALLETS = (
    ("0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a", "0x" + "11" * 32),
    ("0x1563915e194d8cfba1943570603f7606a3115508", "0x" + "22" * 32),
)

#: Prices of five significant digits at every height, and amounts of ten dollars and more.
_WHOLE_PRICES = (
    ("BTC-USDC", "0.00001", "0.00050", "30000", "90000", "1"),
    ("ETH-USDC", "0.0001", "0.0100", "1500", "4500", "0.1"),
    ("SOL-USDC", "0.001", "0.200", "70", "210", "0.01"),
    ("BNB-USDC", "0.001", "0.040", "300", "900", "0.01"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExchange:
    """How a connector and its local exchange meet.

    ``protocol`` is what ``ordergate sandbox --exchange`` takes, ``ping`` a path that it answers once it serves. ``addresses`` are
    the gateway's settings, in which ``{host}`` stands for host and port; ``credentials`` the connector's fields, in which ``{key}``
    and ``{secret}`` stand for an account's; ``keys`` those of the account that is traded on, and of another. ``market`` is the part
    of the exchange's truth that is traded on, ``markets`` what each client trades, and ``limits`` what is set before it, where the
    exchange counts requests.
    """

    protocol: str
    ping: str
    addresses: Mapping[str, str]
    credentials: Mapping[str, str]
    market: str = "spot"
    keys: tuple[tuple[str, str], tuple[str, str]] = KEYS
    markets: Markets = MARKETS
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
    values = {
        "walletAddress": "{key}",
        "privateKey": "{secret}",
        "apiKey": "{key}",
        "secret": "{secret}",
        "password": PASSPHRASE,
    }
    return LocalExchange(
        protocol=protocol,
        ping=ping,
        addresses={f"ORDERGATE_{name.upper()}_URL": "http://{host}"},
        credentials={
            **{each: (field.allowed_values or ("false",))[0] for each, field in row.fields.items() if field.required},
            **{each: values[target] for each, target in row.secrets.items() if target in values},
        },
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
    "hyperliquid_perpetual": replace(
        _of_family("hyperliquid_perpetual", "hyperliquid", "/sandbox/truth"), keys=_WALLETS, markets=_WHOLE_PRICES
    ),
    "kraken": _of_family("kraken", "kraken", "/0/public/Time"),
    "okx": _of_family("okx", "okx", "/api/v5/public/time"),
    "okx_perpetual": _of_family("okx_perpetual", "okx", "/api/v5/public/time"),
}

"""What stands in for the world in tests of rows: credentials, one market, and requests that are kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.connectors.ccxt.row import Row

#: An id as the gateway makes them.
ORDER_ID = "og01jdqxyz0123456789abcdefghjkmn"


class Kept(Exception):
    """The request was kept; no answer follows."""


@dataclass
class Request:
    """What would have left."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str

    def __str__(self) -> str:
        return f"{self.method} {self.url} {self.body} {dict(self.headers)}"


def _ed25519_seed() -> str:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return base64.b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()


def credentials_of(row: Row) -> dict[str, str]:
    """Keys in the form that the exchange's signing wants."""
    forms = {
        "privateKey": "0x" + "11" * 32,
        "walletAddress": "0x" + "22" * 20,
        "uid": "12",
        "options.subaccount_id": "12",
        "options.accountId": "12",
        "options.deriveWalletAddress": "0x" + "22" * 20,
    }
    if row.ccxt_id == "pacifica":
        forms["privateKey"] = "2" * 87
    if row.ccxt_id == "backpack":
        forms["secret"] = _ed25519_seed()
    if row.ccxt_id == "gemini":
        forms["apiKey"] = "account-key"
    others = dict.fromkeys(row.fields, "other")
    signing = {name: forms.get(target, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0") for name, target in row.secrets.items()}
    return {**others, "use_vault": "false", **signing}


def market_of(row: Row) -> dict[str, Any]:
    """A market as the library reads it, with what its calls need of it."""
    is_swap, quote = row.market == "swap", row.settle or "USDC"
    return {
        "id": "8" if row.ccxt_id == "ndax" else f"BTC{quote}",
        "symbol": f"BTC/{quote}:{quote}" if is_swap else f"BTC/{quote}",
        "base": "BTC",
        "quote": quote,
        "settle": quote if is_swap else None,
        "baseId": "0",
        "quoteId": quote,
        "settleId": (quote.lower() if row.ccxt_id == "gate" else quote) if is_swap else None,
        "baseName": "BTC",
        "type": row.market,
        "spot": not is_swap,
        "swap": is_swap,
        "future": False,
        "option": False,
        "margin": False,
        "contract": is_swap,
        "linear": True if is_swap else None,
        "inverse": False if is_swap else None,
        "active": True,
        "contractSize": Decimal("0.01") if is_swap else None,
        "precision": {
            "amount": Decimal(1) if is_swap else Decimal("0.0001"),
            "price": Decimal("0.1"),
            "base": Decimal("1e-9"),
        },
        "limits": {"amount": {}, "price": {}, "cost": {}},
        "info": {
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            "optionsType": "x",
            "base_asset_address": "0x" + "33" * 20,
            "base_asset_sub_id": "0",
            "instrument_hash": "0x01",
            "base_decimals": 9,
        },
    }

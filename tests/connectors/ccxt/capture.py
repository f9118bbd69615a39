"""A client of the family whose requests are kept instead of sent, with one market of its exchange."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.connectors.ccxt.client import CcxtClient
from app.connectors.ccxt.row import Row
from app.connectors.ccxt.venue import _limits
from app.connectors.common.sending import SENDING, Sending
from app.connectors.common.venue import ServerClock
from app.outbound import Outbound
from tests.clock import FakeClock

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


@dataclass
class Capture:
    """Stands in the place of the transport."""

    requests: list[Request] = field(default_factory=list)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        SENDING.set(Sending(check=None))
        self.requests.append(Request(method, url, headers, (body or b"").decode()))
        raise Kept

    def now_ms(self) -> int:
        return 1_760_000_000_000

    def note(self, *_: Any) -> None:
        raise AssertionError("there is no answer")


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
    return {name: forms.get(target, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0") for name, target in row.secrets.items()}


def client_of(row: Row) -> tuple[CcxtClient, Capture]:
    """A client with keys and one market, and what it would have sent."""
    clock = ServerClock(FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    client = CcxtClient(
        row,
        credentials_of(row),
        base_url=None,
        server_clock=clock,
        address_limits=_limits(row, clock),
        outbound=Outbound(),
        timeout=5,
    )
    client.api.set_markets([market_of(row)])
    client.api.accounts = [{"id": "99", "type": "spot"}]
    # Signed in, as ``before_orders`` leaves it.
    signed_in = {"signInExpiration": 10**14, "userMainAccountId": "7", "AuthAccountId": "7", "AuthCookieValue": "c=1"}
    client.api.options.update(signed_in)
    capture = Capture()
    client.api.transport = capture
    return client, capture


def market_of(row: Row) -> dict[str, Any]:
    """A market as the library reads it, with what its calls need of it."""
    is_swap, quote = row.market == "swap", "USDC"
    return {
        "id": "8" if row.ccxt_id == "ndax" else "BTCUSDC",
        "symbol": "BTC/USDC:USDC" if is_swap else "BTC/USDC",
        "base": "BTC",
        "quote": quote,
        "settle": quote if is_swap else None,
        "baseId": "0",
        "quoteId": quote,
        "settleId": quote if is_swap else None,
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


async def sent(
    client: CcxtClient, capture: Capture, verb: str, arguments: Sequence[Any], params: Mapping[str, Any]
) -> Request:
    """The one request that the call would have made."""
    capture.requests.clear()
    with suppress(Kept):
        await client.signed(verb=verb, arguments=arguments, params=params)
    assert len(capture.requests) == 1, capture.requests
    return capture.requests[0]

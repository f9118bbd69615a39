"""A stand-in for Binance's spot market on loopback, scripted with what the account and portfolio services ask."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.connectors.binance.conftest import PAYLOADS
from tests.connectors.stub import Reply, Request, StubExchange, error, reply

API_KEY = "CanaryKeyThatNobodyMayEverSee0123456789"
API_SECRET = "CanarySecretThatNobodyMayEverSee9876543210"
CREDENTIALS = {"binance_api_key": API_KEY, "binance_api_secret": API_SECRET}
ACCOUNT = ("GET", "/api/v3/account")

#: What Binance answers to a bad key; the stand-in repeats the key, as a careless exchange might.
REFUSED = error(401, -2015, f"Invalid API-key, IP, or permissions for action: {API_KEY}.")


def account(**balances: str) -> Reply:
    """The account endpoint's answer with these free balances."""
    rows = [{"asset": asset, "free": amount, "locked": "0"} for asset, amount in balances.items()]
    return reply({"balances": rows, "canTrade": True, "accountType": "SPOT", "permissions": ["SPOT"], "uid": 1})


def urls(stub: StubExchange) -> Mapping[str, str]:
    """The settings that lead the connector to ``stub``; its streams lead nowhere."""
    return {"ORDERGATE_BINANCE_REST_URL": f"{stub.url}/api", "ORDERGATE_BINANCE_WS_API_URL": "ws://127.0.0.1:1/"}


@asynccontextmanager
async def running_stub(tls: ssl.SSLContext | None = None) -> AsyncIterator[StubExchange]:
    """A stand-in that knows the time, its symbols, the price 100 of everything, and an account of 2 BTC and 50 USDT."""

    def now(_: Request) -> Reply:
        return reply({"serverTime": int(datetime.now(UTC).timestamp() * 1000)})

    def ticker(request: Request) -> Reply:
        row: dict[str, Any] = {"symbol": request.parameters["symbol"], "lastPrice": "100", "volume": "1"}
        return reply({**row, "quoteVolume": "100", "closeTime": 1_795_000_000_000})

    async with StubExchange(tls) as stub:
        stub.script("GET", "/api/v3/time", now)
        stub.script("GET", "/api/v3/exchangeInfo", Reply(body=(PAYLOADS / "spot_exchange_info.json").read_bytes()))
        stub.script("GET", "/api/v3/ticker/24hr", ticker)
        stub.script(*ACCOUNT, account(BTC="2", USDT="50"))
        yield stub

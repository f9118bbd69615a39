"""A connector of the family whose requests are kept, with a market of its exchange, and what its exchange would have answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.connectors.base import ConnectorContext
from app.connectors.ccxt.client import CcxtClient
from app.connectors.ccxt.connector import CcxtConnector
from app.connectors.ccxt.family import family_class
from app.connectors.ccxt.row import Row
from app.connectors.ccxt.rules import markets_of
from app.connectors.ccxt.venue import CcxtVenue
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.http import HttpAnswer
from app.connectors.common.sending import SENDING, Sending
from app.connectors.common.venue import Markets
from app.domain.reports import Ticker
from app.settings import Settings
from tests.clock import FakeClock
from tests.connectors.ccxt.capture import Kept, Request, credentials_of, market_of


@dataclass
class Exchange:
    """Stands in the place of the transport. It answers with ``answers`` in turn, and keeps what is asked after them."""

    requests: list[Request] = field(default_factory=list)
    answers: list[HttpAnswer] = field(default_factory=list)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpAnswer:
        SENDING.set(Sending(check=None, has_connection=True))
        self.requests.append(Request(method, url, headers, (body or b"").decode()))
        if not self.answers:
            raise Kept
        return self.answers.pop(0)

    def now_ms(self) -> int:
        return 1_760_000_000_000

    def note(self, headers: Mapping[str, str], error: ErrorAnswer | None = None) -> None:
        """Limits are not what is tested here."""


class WiredVenue(CcxtVenue):
    """The venue of one name, whose market is there without a question."""

    exchange: Exchange

    def _import_client_class(self) -> type[CcxtClient]:
        exchange, row = self.exchange, self.row

        class Wired(CcxtClient):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.api.set_markets([market_of(row)])
                if row.ccxt_id == "kraken":  # where the library keeps the names that orders have
                    self.api.options["marketsByAltname"] = {"XBTUSD": self.api.market(self.api.symbols[0])}
                self.api.transport = exchange
                self.api.accounts = [{"id": "99", "type": "spot"}]
                # Signed in, as ``before_orders`` leaves it.
                signed_in = {"signInExpiration": 10**14, "userMainAccountId": "7"}
                self.api.options.update(signed_in, AuthAccountId="7", AuthCookieValue="c=1")

        return Wired

    async def _fetch_markets(self, client: CcxtClient) -> Markets:
        return markets_of(client.api, self.row)

    async def _fetch_server_ms(self, client: CcxtClient) -> int:
        return self.exchange.now_ms()


async def _ticker(trading_pair: str) -> Ticker:
    """What a MARKET order's worst price is counted from."""
    return Ticker(
        trading_pair=trading_pair,
        price=Decimal(50_000),
        reported_at=datetime(2025, 10, 9, tzinfo=UTC),
    )


@asynccontextmanager
async def wired(row: Row) -> AsyncIterator[tuple[CcxtConnector, Exchange]]:
    """A connector with keys, and its exchange."""
    clock, exchange = FakeClock(datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)), Exchange()
    venue = WiredVenue(row, Settings(database_url="sqlite://"), clock)
    venue.exchange = exchange
    context = ConnectorContext(account_name="a", credentials=credentials_of(row), clock=clock, venue=venue)
    connector = family_class(row.name)(context)
    await connector.load_trading_rules()
    if row.needs_price_for_market:
        connector.fetch_ticker = _ticker  # type: ignore[method-assign]
    try:
        yield connector, exchange
    finally:
        await connector.close()
        await venue.close()


#: Fields that differ from call to call, or that sign it.
VOLATILE = {
    "accesskeyid",
    "agent_wallet",
    "expiry_window",
    "nonce",
    "recvwindow",
    "reqtime",
    "request",
    "signature",
    "signature_expiry_sec",
    "signaturemethod",
    "signatureversion",
    "signer",
    "timestamp",
}


def line(request: Request) -> str:
    """Method, path and fields of ``request``, without those that sign it."""
    url = urlsplit(request.url)
    fields: list[tuple[str, str]] = parse_qsl(url.query, keep_blank_values=True)
    if request.body:
        try:
            fields += flat("", json.loads(request.body, parse_float=Decimal))
        except ValueError:
            fields += parse_qsl(request.body, keep_blank_values=True)
    kept = sorted(
        f"{name}={value}" for name, value in fields if name.lower() not in VOLATILE and "signature." not in name
    )
    return " ".join((request.method, url.path, *kept))


def flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    """The leaves of a JSON value by their dotted names."""
    if isinstance(value, dict):
        pairs: Any = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    else:
        return [
            (
                prefix,
                value if isinstance(value, str) else str(value) if isinstance(value, Decimal) else json.dumps(value),
            )
        ]
    return [leaf for name, each in pairs for leaf in flat(f"{prefix}.{name}" if prefix else str(name), each)]

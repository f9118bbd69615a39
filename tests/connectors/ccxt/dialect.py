"""A connector of the ccxt family for the conformance suite: over a local exchange, on real sockets, with ccxt in the loop."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from app.connectors.base import Connector, ConnectorContext
from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.family import family_class
from app.domain.wire_ids import wire_id
from app.paper.exchange import PaperExchange
from app.paper.pairs import DEFAULT_BALANCES, PAIRS
from app.paper.perpetual.exchange import PERPETUAL_PAIRS, PaperPerpetualExchange
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.keys import PASSPHRASE
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.settings import Settings
from tests.clock import FakeClock
from tests.connectors.conformance import Dialect, Fault
from tests.connectors.paper.dialect import FINE

API_KEY, SECRET, ACCOUNT = "a-key", "a-secret", "alice"

#: What each fault of the suite is on the wire.
_KINDS: Mapping[Fault, FaultKind] = {
    Fault.REPLY_LOST: FaultKind.ACCEPT_RESET,
    Fault.GARBLED: FaultKind.GARBLE_CUT,
    Fault.SERVER_ERROR: FaultKind.ACCEPT_500,
    Fault.RATE_LIMIT: FaultKind.REFUSE_429,
    Fault.UNEXPECTED: FaultKind.GARBLE_TYPE,
}


class FamilyDialect(Dialect):
    """One name of the family on a sandbox with both markets, which speaks ``protocol``."""

    protocol: ClassVar[str]
    key: ClassVar[str] = API_KEY
    secret: ClassVar[str] = SECRET
    #: What the paper exchange calls the pair.
    paper_pair: ClassVar[str] = "BTC-USDT"
    faults = frozenset(Fault)
    is_polled = True
    pair = "BTC-USDT"
    amount = D("0.1")
    fine_pair = FINE.trading_pair

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.path = SteeredPath(1)
        self.path.prices[self.paper_pair] = D(65_000)
        self.path.prices[FINE.trading_pair] = D(1)
        self._reopening: asyncio.Task[None] | None = None
        self._is_down = False

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        data = Path(self._directory.name)
        self.spot = PaperExchange(
            f"sqlite:///{data / 'spot.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PAIRS, FINE.trading_pair: FINE},
            default_balances={**DEFAULT_BALANCES, "WEI": D(1)},
        )
        self.futures = PaperPerpetualExchange(
            f"sqlite:///{data / 'futures.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PERPETUAL_PAIRS, FINE.trading_pair: FINE},
        )
        self.exchange = self.futures if self.connector_class.capabilities.is_perpetual else self.spot
        self.sandbox = Sandbox(self.spot, self.clock, futures=self.futures, protocol=self.protocol)
        self.sandbox.keys.add(ACCOUNT, self.key, secret=self.secret)
        await self.sandbox.start()
        name = self.connector_class.name
        self.settings = Settings(
            database_url="sqlite://",
            exchange_timeout=timedelta(seconds=5),
            connector_urls={f"ORDERGATE_{name.upper()}_URL": self.sandbox.base_url},
        )
        self.venue = await self.connector_class.open_venue(self.settings, self.clock)

    async def stop(self) -> None:
        await self.connector_class.close_venue(self.venue)
        if self._reopening is not None:
            await self._reopening
        await self.sandbox.stop()
        self.spot.close()
        self.futures.close()
        self._directory.cleanup()

    def connect(self) -> Connector:
        values = {"apiKey": self.key, "secret": self.secret, "password": PASSPHRASE}
        values |= {"walletAddress": self.key, "privateKey": self.secret}
        secrets = ROWS[self.connector_class.name].secrets
        context = ConnectorContext(
            account_name=ACCOUNT,
            credentials={
                **{name: "false" for name, each in self.connector_class.credential_fields.items() if each.required},
                **{field: values[target] for field, target in secrets.items() if target in values},
            },
            clock=self.clock,
            venue=self.venue,
        )
        return self.connector_class(context)

    async def move_market(self, price: D) -> None:
        self.path.prices[self.paper_pair] = price
        self.clock.advance(1)

    def inject(self, fault: Fault) -> None:
        if fault is Fault.CONNECTION_REFUSED:
            self.sandbox.refuse_connections()
            self._is_down = True
        elif fault is Fault.BAD_KEY:
            self.sandbox.keys._keys.pop(self.key)
        else:
            self.sandbox.faults.set(1, [FaultRule(kind=_KINDS[fault], routes=("place",), times=1)])

    def requests(self) -> int:
        return self.sandbox.requests.total()

    def submits(self) -> int:
        """Also the moment at which an exchange that was down comes back: the submit that met it is over."""
        if self._is_down:
            self._is_down = False
            self._reopening = self.sandbox.listen()
        return self.sandbox.requests["place"]

    def orders_named(self, order_id: str) -> int:
        name = wire_id(self.connector_class.capabilities.wire_id, order_id) or order_id
        return sum(order.client_order_id == name for order in self.exchange.snapshot().orders)


class BybitDialect(FamilyDialect):
    protocol = "bybit"
    connector_class = family_class("bybit")


class BybitPerpetualDialect(FamilyDialect):
    """The account's leverage is 1."""

    protocol = "bybit"
    connector_class = family_class("bybit_perpetual")


class OkxDialect(FamilyDialect):
    protocol = "okx"
    connector_class = family_class("okx")
    names = "card"


class OkxPerpetualDialect(FamilyDialect):
    """The account's leverage is 1, and amounts are in contracts."""

    protocol = "okx"
    connector_class = family_class("okx_perpetual")
    names = "card"


class KrakenDialect(FamilyDialect):
    """Secrets are base64, and ids UUIDs."""

    protocol = "kraken"
    connector_class = family_class("kraken")
    secret = b64encode(SECRET.encode()).decode()


class HyperliquidPerpetualDialect(FamilyDialect):
    """A key is a wallet; the account's leverage is 1, and prices have five significant digits."""

    protocol = "hyperliquid"
    connector_class = family_class("hyperliquid_perpetual")
    key, secret = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a", "0x" + "11" * 32
    pair = "BTC-USDC"
    fine_pair = None
    refuses_unmatched = True

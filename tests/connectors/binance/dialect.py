"""The ``binance`` connector for the conformance suite: over the sandbox, on real sockets, with the SDK in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory

from app.connectors.base import Connector, ConnectorContext
from app.connectors.binance.spot import BinanceConnector
from app.paper.exchange import PaperExchange
from app.paper.pairs import DEFAULT_BALANCES, PAIRS
from app.sandbox.faults import FaultKind, FaultRule
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.settings import Settings
from tests.clock import FakeClock
from tests.connectors.conformance import Dialect, Fault
from tests.connectors.paper.dialect import FINE

API_KEY, SECRET, ACCOUNT = "a-key", "a-secret", "alice"

#: What each fault of the suite is on Binance's wire.
_KINDS: Mapping[Fault, FaultKind] = {
    Fault.REPLY_LOST: FaultKind.ACCEPT_RESET,
    Fault.GARBLED: FaultKind.GARBLE_CUT,
    Fault.SERVER_ERROR: FaultKind.ACCEPT_500,
    Fault.RATE_LIMIT: FaultKind.REFUSE_429,
    Fault.UNEXPECTED: FaultKind.GARBLE_TYPE,
}


class BinanceDialect(Dialect):
    connector_class = BinanceConnector
    faults = frozenset(Fault)
    pair = "BTC-USDT"
    amount = D("0.1")
    fine_pair = FINE.trading_pair

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.path = SteeredPath(1)
        self.path.prices[self.pair] = D(65_000)
        self.path.prices[FINE.trading_pair] = D(1)
        self._reopening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        self.exchange = PaperExchange(
            f"sqlite:///{Path(self._directory.name) / 'sandbox.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PAIRS, FINE.trading_pair: FINE},
            default_balances={**DEFAULT_BALANCES, "WEI": D(1)},
        )
        self.sandbox = Sandbox(self.exchange, self.clock)
        self.sandbox.keys.add(ACCOUNT, API_KEY, secret=SECRET)
        await self.sandbox.start()
        self.settings = Settings(
            database_url="sqlite://",
            exchange_timeout=timedelta(seconds=5),
            connector_urls={
                "ORDERGATE_BINANCE_REST_URL": self.sandbox.rest_url,
                "ORDERGATE_BINANCE_WS_API_URL": self.sandbox.ws_api_url,
            },
        )
        self.venue = await BinanceConnector.open_venue(self.settings, self.clock)

    async def stop(self) -> None:
        await BinanceConnector.close_venue(self.venue)
        if self._reopening is not None:
            await self._reopening
        await self.sandbox.stop()
        self.exchange.close()
        self._directory.cleanup()

    def connect(self) -> Connector:
        context = ConnectorContext(
            account_name=ACCOUNT,
            credentials={"binance_api_key": API_KEY, "binance_api_secret": SECRET},
            clock=self.clock,
            venue=self.venue,
        )
        return BinanceConnector(context)

    async def move_market(self, price: D) -> None:
        self.path.prices[self.pair] = price
        self.clock.advance(1)

    def inject(self, fault: Fault) -> None:
        if fault is Fault.CONNECTION_REFUSED:
            self.sandbox.refuse_connections()
            self._is_down = True
        elif fault is Fault.BAD_KEY:
            self.sandbox.keys._keys.pop(API_KEY)
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
        return sum(order.client_order_id == order_id for order in self.exchange.snapshot().orders)

    _is_down = False

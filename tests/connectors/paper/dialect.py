"""The paper exchange for the conformance suite: a market moved by hand, faults around ``place``, and counters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.connectors.base import Connector, ConnectorContext
from app.connectors.paper.spot import PaperConnector
from app.connectors.paper.venue import PaperVenue
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder, OrderRecord
from app.paper.pairs import DEFAULT_BALANCES, PAIRS
from app.paper.refusals import PaperUnavailable
from app.settings import Settings
from tests.clock import FakeClock
from tests.connectors.conformance import Dialect, Fault
from tests.paper.hand_path import HandPath

#: Eighteen places, as a token counted in wei would have.
FINE = replace(
    PAIRS["ETH-BTC"],
    trading_pair="WEI-USDT",
    base="WEI",
    quote="USDT",
    tick=D("1e-18"),
    step=D("1e-18"),
    min_price=D("1e-18"),
    min_amount=D("1e-18"),
    min_notional=D("1e-18"),
    base_price=D(1),
    max_price=D(100),
    level_amount=D(10),
)


class WatchedClock(FakeClock):
    """A clock that tells when somebody has lain down to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await super().sleep(seconds)


class FaultyExchange(PaperExchange):
    """The paper exchange, with a count of calls and a fault for the next order."""

    requests = 0
    submits = 0
    fault: Fault | None = None

    def place(self, new: NewOrder, *, deadline: float | None = None) -> OrderRecord:
        fault, self.fault = self.fault, None
        if fault is Fault.CONNECTION_REFUSED:
            raise PaperUnavailable("connection refused")
        self.submits += 1
        record = super().place(new, deadline=deadline)
        if fault is Fault.REPLY_LOST:
            raise ConnectionResetError("the reply was lost")
        if fault is Fault.UNEXPECTED:
            raise ZeroDivisionError("nobody expected this")
        return record

    def _run(self, action: Callable[..., Any]) -> Any:
        self.requests += 1
        return super()._run(action)


class PaperDialect(Dialect):
    connector_class = PaperConnector
    faults = frozenset({Fault.CONNECTION_REFUSED, Fault.REPLY_LOST, Fault.UNEXPECTED})
    pair = "BTC-USDT"
    amount = D("0.1")
    rules_are_constant = True
    fine_pair = FINE.trading_pair

    def __init__(self) -> None:
        self.clock: WatchedClock = WatchedClock()
        self.path = HandPath()
        self.account = "alice"

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        self.settings = Settings(
            data_dir=Path(self._directory.name), database_url="sqlite://", exchange_timeout=timedelta(seconds=5)
        )
        self.exchange = FaultyExchange(
            f"sqlite:///{self.settings.data_dir / 'paper.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PAIRS, FINE.trading_pair: FINE},
            default_balances={**DEFAULT_BALANCES, "WEI": D(1)},
        )
        self.venue = PaperVenue(self.exchange, self.settings.exchange_timeout)

    async def stop(self) -> None:
        await self.venue.close()
        self._directory.cleanup()

    def connect(self) -> Connector:
        context = ConnectorContext(account_name=self.account, credentials={}, clock=self.clock, venue=self.venue)
        return PaperConnector(context)

    async def move_market(self, price: D) -> None:
        self.path.prices[self.pair] = price
        self.clock.advance(1)
        # Whoever looks next moves the market. The stream looks by itself after a quarter of a second, of a clock that stands here.
        await asyncio.to_thread(self.exchange.advance)

    def inject(self, fault: Fault) -> None:
        self.exchange.fault = fault

    def requests(self) -> int:
        return self.exchange.requests

    def submits(self) -> int:
        return self.exchange.submits

    def orders_named(self, order_id: str) -> int:
        events = self.exchange.account_since(0, self.account).events
        return sum(
            event.name == "new" and event.order is not None and event.order.client_order_id == order_id
            for event in events
        )

"""A desk: the real application with a real gateway on SQLite, a client of it, and a paper exchange with faults on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import build_gateway
from app.connectors.paper.venue import PaperVenue
from app.domain.order import AccountKey, Order, OrderKey
from app.paper.exchange import PaperExchange
from app.services.gateway import Gateway
from app.services.reconciling.feed import Feed
from app.services.reconciling.recovery import Recovery
from app.settings import Settings
from app.web.application import create_app
from app.web.contract.body import decode
from tests.chaos.truth import PaperTruth
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.handlers.conftest import PASSWORD, CurrentGateway
from tests.paper.hand_path import HandPath
from tests.services.world import ACCOUNT, Script, key, paper_url
from tests.web.conftest import basic, client_of

#: An order that rests far below the market of 65,000.
LIMIT = {
    "account_name": ACCOUNT, "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
    "order_type": "LIMIT", "amount": "0.01", "price": 40_000,
}  # fmt: skip
#: An order that is filled before the answer.
MARKET = {**LIMIT, "order_type": "MARKET", "price": None}
#: An order that takes the best level of the book, about 0.3 BTC, and rests with what is left.
PARTIAL = {**LIMIT, "amount": "1", "price": 65_004}


@dataclass(kw_only=True)
class Desk:
    """One process of the gateway; another one on the same directory finds everything again."""

    gateway: Gateway
    client: httpx.AsyncClient
    clock: FakeClock
    faults: Script
    path: HandPath
    exchange: PaperExchange

    async def post(self, path: str, expected: int = 200, /, **body: Any) -> Any:
        """The answer to a body, with exact numbers; its status must be the ``expected`` one."""
        response = await self.client.post(path, json=body)
        assert response.status_code == expected, response.text
        return decode(response.content)

    async def get(self, path: str, status: int = 200) -> Any:
        """The answer, with exact numbers."""
        response = await self.client.get(path)
        assert response.status_code == status, response.text
        return decode(response.content)

    async def place(self, expected: int = 201, /, **terms: Any) -> Any:
        """The answer to an order: the resting one with other ``terms``."""
        return await self.post("/trading/orders", expected, **{**LIMIT, **terms})

    async def row(self, order_id: str) -> Any:
        """The order as the search shows it."""
        rows = (await self.post("/trading/orders/search"))["data"]
        return next(row for row in rows if row["order_id"] == order_id)

    async def trades(self, order_id: str) -> list[Any]:
        """The order's executions as the search shows them."""
        return [row for row in (await self.post("/trading/trades"))["data"] if row["order_id"] == order_id]

    def order(self, order_id: str) -> Order:
        """The order as the journal has it."""
        found = self.gateway.journal.find_order(key(order_id))
        assert found is not None
        return found

    def at_exchange(self) -> dict[str, str]:
        """The state of every order that the exchange ever had, by name; it is read past the connector and its faults."""
        truth = PaperTruth(paper_url(self.gateway.settings))
        return {order.order_id: order.state for order in truth.orders()}

    def feed(self) -> Feed:
        """The feed of the account."""
        assert self.gateway.account_feeds is not None
        feed = self.gateway.account_feeds._make_feed(AccountKey(ACCOUNT, "paper"))
        assert isinstance(feed, Feed)
        return feed

    def recovery(self) -> Recovery:
        """The reconciliation of the account."""
        return self.feed()._recovery

    async def observe(self, order_id: str, report: Any) -> None:
        """Record a report of the exchange's stream about the order."""
        order_key = OrderKey(account_name=ACCOUNT, connector_name="paper", order_id=order_id)
        await self.gateway.orders._recorder.observe(order_key, report, "stream", "a test said so")


OpenDesk = Callable[..., Any]


@pytest.fixture(scope="session")
def current() -> CurrentGateway:
    return CurrentGateway()


@pytest.fixture(scope="session")
def application(current: CurrentGateway, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application of all tests; building it takes a second."""
    directory = tmp_path_factory.mktemp("application")
    current.gateway = build_gateway(Settings(database_url=f"sqlite:///{directory / 'unused.db'}", data_dir=directory))
    return create_app(current)


@pytest.fixture
def open_desk(
    application: Any, current: CurrentGateway, tmp_path: Path, sqlite_template: Path, clock: FakeClock
) -> OpenDesk:
    """Opens a desk in the test's directory; a second one, after the first, is the same gateway restarted."""
    path = HandPath()

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Desk]:
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(opened_gateway(tmp_path, sqlite_template, clock, **settings))
            exchange = PaperExchange(paper_url(gateway.settings), clock=clock, seed=20, path=path)
            faults = Script(clock)
            gateway.sessions._venues["paper"] = PaperVenue(exchange, gateway.settings.exchange_timeout, faults)
            current.gateway = gateway
            client = await stack.enter_async_context(client_of(application, Authorization=basic("admin", PASSWORD)))
            yield Desk(gateway=gateway, client=client, clock=clock, faults=faults, path=path, exchange=exchange)

    return opened


@pytest.fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """A desk with the master account on the paper exchange."""
    async with open_desk() as desk:
        yield desk

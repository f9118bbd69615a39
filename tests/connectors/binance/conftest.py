"""A scripted exchange, a clock moved by hand, and connectors between them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.connectors.base import ConnectorContext
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.binance.venue import BinanceVenue
from app.domain.enums import OrderType, TradeType
from app.domain.order import Order, OrderRequest
from app.services.orders.preparing import intended
from app.settings import Settings
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import StubExchange, reply

PAYLOADS = Path(__file__).parents[1] / "payloads" / "binance"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SERVER_MS = 1_795_000_000_000


def payload(name: str, key: str) -> Any:
    """One recorded payload, numbers with a point as Decimal as the client reads them."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(), parse_float=Decimal)[key]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def exchange() -> AsyncIterator[StubExchange]:
    async with StubExchange() as stub:
        for prefix, name in (("/api/v3", "spot_exchange_info"), ("/fapi/v1", "perpetual_exchange_info")):
            stub.script("GET", f"{prefix}/time", reply({"serverTime": SERVER_MS}))
            stub.script("GET", f"{prefix}/exchangeInfo", reply(json.loads((PAYLOADS / f"{name}.json").read_text())))
        stub.script("GET", "/fapi/v1/positionSide/dual", reply({"dualSidePosition": False}))
        yield stub


def settings(url: str, stream_url: str = "ws://127.0.0.1:1/", *, timeout: timedelta = timedelta(seconds=5)) -> Settings:
    """Settings that point every address of Binance at loopback."""
    return Settings(
        database_url="sqlite://",
        exchange_timeout=timeout,
        connector_urls={
            "ORDERGATE_BINANCE_REST_URL": f"{url}/api",
            "ORDERGATE_BINANCE_WS_API_URL": stream_url,
            "ORDERGATE_BINANCE_PERPETUAL_REST_URL": f"{url}/fapi",
            "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": stream_url,
        },
    )


def context(name: str, venue: BinanceVenue, clock: HandClock, secret: str = SECRET) -> ConnectorContext:
    return ConnectorContext(
        account_name="main",
        credentials={f"{name}_api_key": API_KEY, f"{name}_api_secret": secret},
        clock=clock,
        venue=venue,
    )


@pytest.fixture
async def spot(exchange: StubExchange, clock: HandClock) -> AsyncIterator[BinanceConnector]:
    its_settings = settings(exchange.url)
    venue = await BinanceConnector.open_venue(its_settings, clock)
    connector = BinanceConnector(context("binance", venue, clock))
    yield connector
    await connector.close()
    await BinanceConnector.close_venue(venue)


@pytest.fixture
async def perpetual(exchange: StubExchange, clock: HandClock) -> AsyncIterator[BinancePerpetualConnector]:
    its_settings = settings(exchange.url)
    venue = await BinancePerpetualConnector.open_venue(its_settings, clock)
    connector = BinancePerpetualConnector(context("binance_perpetual", venue, clock))
    yield connector
    await connector.close()
    await BinancePerpetualConnector.close_venue(venue)


def an_order(clock: HandClock, order_id: str = "og-1", **terms: Any) -> Order:
    """A limit order, or what ``terms`` make of it."""
    asked: dict[str, Any] = {
        "account_name": "main",
        "connector_name": "binance",
        "trading_pair": "BTC-USDT",
        "trade_type": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "amount": Decimal("0.5"),
        "price": Decimal(20000),
        **terms,
    }
    if asked["order_type"] is OrderType.MARKET:
        asked["price"] = None
    return intended(OrderRequest(**asked), order_id=order_id, at=clock.now(), terms="")


@pytest.fixture
def order_of(clock: HandClock) -> Callable[..., Order]:
    def build(**terms: Any) -> Order:
        return an_order(clock, **terms)

    return build

"""The gateway's market data over its own Binance connector and this Binance: tickers, rates, and trades as they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D
from pathlib import Path

import pytest

from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.services.markets.market_subscriptions import TradeSubscription
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.sandbox.binance.client import API_KEY, SECRET

PAIR = "BTC-USDT"


@pytest.fixture
async def gateway(tmp_path: Path, sqlite_template: Path, clock: FakeClock, sandbox: Sandbox) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the sandbox, both on the clock that the test moves."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    urls = {"ORDERGATE_BINANCE_REST_URL": sandbox.rest_url, "ORDERGATE_BINANCE_WS_API_URL": sandbox.ws_api_url}
    async with opened_gateway(directory, sqlite_template, clock, connector_urls=urls) as gateway:
        yield gateway


async def test_tickers_of_all_pairs(gateway: Gateway, path: SteeredPath) -> None:
    """One call brings every pair that is trading, at the price at which it is asked for alone."""
    tickers = await gateway.market_data.tickers("binance")
    rules = await gateway.catalog.trading_rules("binance")
    assert set(tickers) == {pair for pair, rule in rules.items() if rule.is_trading}
    assert abs(tickers[PAIR].price - 65_000) < 100
    assert (await gateway.market_data.ticker("binance", PAIR)).price == tickers[PAIR].price
    assert tickers[PAIR].quote_volume > tickers[PAIR].base_volume > 0


async def test_rates_come_from_binance(gateway: Gateway) -> None:
    """An account that trades there makes it the oracle's source, and the invented prices of the paper exchange stay out."""
    assert "binance" in gateway.rates.sources()
    assert (await gateway.rates.config()).source == "paper"
    credentials = {"binance_api_key": API_KEY, "binance_api_secret": SECRET}
    await gateway.accounts.add_credential(MASTER_ACCOUNT, "binance", credentials)
    config = await gateway.rates.config()
    assert config.source == "binance"
    tickers = await gateway.market_data.tickers("binance")
    found = await gateway.rates.oracle_rates(config, [PAIR, "ETH-USDT", "USDT-BTC", "BTC-NOTHING"])
    assert (found[PAIR], found["BTC-NOTHING"]) == (tickers[PAIR].price, None)
    pool = await gateway.rates.pool()
    assert set(pool.tickers) == {"binance", "paper"}
    assert (await gateway.rates.pool_prices())[PAIR] == tickers[PAIR].price
    assert (await gateway.rates.pool_rates([PAIR]))[PAIR] == tickers[PAIR].price


async def test_trades_come_once_each_and_in_order(gateway: Gateway, clock: FakeClock, path: SteeredPath) -> None:
    """A subscriber sees every trade of the market after its start, also more than one short list holds."""
    watch = TradeSubscription(gateway.market_data, "binance", PAIR)
    await watch.start()
    assert await watch.poll() is None
    seen = []
    for pause in (1, 3, 0.5, 90, 250, 1):
        clock.advance(pause)
        seen += await watch.poll() or ()
    ids = [int(trade.exchange_trade_id) for trade in seen]
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert len(ids) == 345
    assert {trade.taker_side for trade in seen} == {"BUY", "SELL"}
    assert all(abs(trade.price - 65_000) < 100 and D(0) < trade.amount for trade in seen)


async def test_a_crowd_of_subscribers_costs_what_one_does(gateway: Gateway, sandbox: Sandbox, clock: FakeClock) -> None:
    """Ten subscribe to the same trades and tickers; the weight of one request each is used, as Binance counts it."""
    await gateway.market_data.ticker("binance", PAIR)
    watches = [TradeSubscription(gateway.market_data, "binance", PAIR) for _ in range(10)]
    before = sandbox.requests.total()
    for watch in watches:
        await watch.start()
        await gateway.market_data.tickers("binance")
    assert sandbox.requests.total() - before == 2
    venue = (await gateway.sessions.keyless("binance")).context.venue
    (used,) = [venue.limits._usage.used_of(each) for each in venue.limits.limits if "weight" in each.header]
    assert used == 20 + 2 + 25 + 80

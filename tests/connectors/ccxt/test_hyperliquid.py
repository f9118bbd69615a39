"""What ``hyperliquid_perpetual`` does about Hyperliquid's own ways, on the local exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal as D

import pytest

from app.domain.enums import TradeType
from app.domain.errors import OrderRefused
from tests.connectors.ccxt.dialect import HyperliquidPerpetualDialect
from tests.connectors.conformance import Bench, bench_over


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with bench_over(HyperliquidPerpetualDialect()) as bench:
        yield bench


async def test_each_payment_of_funding_is_one(bench: Bench) -> None:
    """Hyperliquid gives all of them the same hash."""
    await bench.connector.submit_order(bench.order(trade_type=TradeType.SELL))
    bench.dialect.clock.advance(86_400)
    payments = await bench.connector.fetch_funding_payments(bench.dialect.clock.now() - timedelta(days=2))
    assert len({each.exchange_funding_id for each in payments}) == len(payments) == 3
    assert {each.currency for each in payments} == {"USDC"}


async def test_a_market_order_is_found_although_it_is_shown_as_a_limit(bench: Bench) -> None:
    """An immediate order at a limit contradicts no MARKET order: read so, it would seem never to have arrived."""
    order = bench.order()
    placed = await bench.connector.submit_order(order)
    found = await bench.connector.fetch_order(order.ref)
    assert found is not None
    assert (found.exchange_order_id, found.state, found.terms) == (placed.exchange_order_id, "filled", None)


async def test_a_price_of_six_digits_is_the_exchanges_refusal(bench: Bench) -> None:
    """The rules find it first; sent all the same, it is refused, or rounded by the library to what the rules allow."""
    rule = (await bench.connector.load_trading_rules())[bench.dialect.pair]
    assert rule.tick_at(D("60000")) == 1
    assert rule.tick_at(D("0.5")) == D("0.1")
    with pytest.raises(OrderRefused):
        await bench.connector.submit_order(await bench.resting(amount=D("0.0001")))

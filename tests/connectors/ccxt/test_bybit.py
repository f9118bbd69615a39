"""What ``bybit`` and ``bybit_perpetual`` do about Bybit's own ways, on the local exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D

import pytest

from tests.connectors.ccxt.dialect import BybitDialect, BybitPerpetualDialect, FamilyDialect
from tests.connectors.conformance import Bench

_DAYS = 9


@pytest.fixture(params=[BybitDialect, BybitPerpetualDialect])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    dialect: FamilyDialect = request.param()
    await dialect.start()
    connector = dialect.connect()
    yield Bench(dialect, connector)
    await connector.close()
    await dialect.stop()


async def test_an_order_that_was_filled_long_ago_is_found_with_its_fills(bench: Bench) -> None:
    """Bybit lists the last seven days unless it is told a time, and seven days at once."""
    order = await bench.resting("0.5")
    await bench.connector.submit_order(order)
    bench.dialect.clock.advance(_DAYS * 86_400)
    await bench.dialect.move_market(await bench.mid() * D("0.4"))
    bench.dialect.clock.advance(_DAYS * 86_400)
    report = await bench.connector.fetch_order(order.ref)
    assert report is not None
    assert (report.state, report.filled_amount) == ("filled", order.amount)
    assert sum(fill.amount for fill in await bench.connector.fetch_fills(order.ref)) == order.amount


async def test_more_open_orders_than_a_page_are_listed(bench: Bench) -> None:
    """Twenty come unless more are asked for, and fifty at most."""
    orders = [await bench.resting(amount=D("0.001")) for _ in range(52)]
    for order in orders:
        await bench.connector.submit_order(order)
    expected = {order.order_id for order in orders}
    assert {each.order_id for each in await bench.connector.fetch_open_orders()} == expected
    assert {each.order_id for each in await bench.connector.fetch_open_orders(bench.dialect.pair)} == expected


async def test_a_leverage_that_is_as_it_should_be_is_no_error(bench: Bench) -> None:
    """Bybit refuses what changes nothing."""
    if not bench.connector.capabilities.is_perpetual:
        return
    await bench.connector.set_leverage(bench.dialect.pair, 5)
    await bench.connector.set_leverage(bench.dialect.pair, 5)
    await bench.connector.submit_order(bench.order())
    (position,) = await bench.connector.fetch_positions()
    assert (position.amount, position.leverage) == (bench.dialect.amount, 5)

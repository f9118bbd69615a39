"""What ``bybit`` and ``bybit_perpetual`` do about Bybit's own ways, on the local exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D

import pytest

from app.domain.decimals import floor_to
from app.paper.perpetual.exchange import PaperPerpetualExchange
from tests.connectors.ccxt.dialect import ACCOUNT, BybitDialect, BybitPerpetualDialect
from tests.connectors.conformance import Bench, bench_over

_DAYS = 9
_WEEKS = 2


@pytest.fixture(params=[BybitDialect, BybitPerpetualDialect])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with bench_over(request.param()) as bench:
        yield bench


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


async def test_funding_of_weeks_is_told_whole_and_what_was_paid_is_negative(bench: Bench) -> None:
    """Bybit lists a week at once and a hundred rows per page, and what was paid as a positive fee."""
    exchange = bench.dialect.exchange  # type: ignore[attr-defined]
    if not isinstance(exchange, PaperPerpetualExchange):
        return
    pairs = [pair for pair in exchange.pairs if pair.endswith("-USDT")][:6]
    begun = bench.dialect.clock.now()
    for pair in pairs:
        rule = (await bench.connector.load_trading_rules())[pair]
        worth = D(50) / (await bench.connector.fetch_ticker(pair)).price
        amount = floor_to(worth, rule.min_base_amount_increment) + rule.min_base_amount_increment
        await bench.connector.submit_order(bench.order(trading_pair=pair, amount=amount))
    for _ in range(_WEEKS):
        bench.dialect.clock.advance(7 * 86_400)
        exchange.advance()
    told = {each.exchange_funding_id: each for each in await bench.connector.fetch_funding_payments(begun)}
    paid = exchange.funding_payments(
        ACCOUNT, trading_pair=None, since=begun, until=bench.dialect.clock.now(), limit=9999
    )
    assert len(paid) > 100 * _WEEKS
    assert sorted((each.paid_at, each.trading_pair, each.payment) for each in told.values()) == sorted(
        (each.paid_at, each.trading_pair, each.payment) for each in paid
    )
    assert any(each.payment < 0 for each in paid)


async def test_a_leverage_that_is_as_it_should_be_is_no_error(bench: Bench) -> None:
    """Bybit refuses what changes nothing."""
    if not bench.connector.capabilities.is_perpetual:
        return
    await bench.connector.set_leverage(bench.dialect.pair, 5)
    await bench.connector.set_leverage(bench.dialect.pair, 5)
    await bench.connector.submit_order(bench.order())
    (position,) = await bench.connector.fetch_positions()
    assert (position.amount, position.leverage) == (bench.dialect.amount, 5)

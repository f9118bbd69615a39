"""What ``okx`` and ``okx_perpetual`` do about OKX's own ways, on the local exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal as D

import pytest

from app.connectors.rows import unreadable_rows
from app.domain.enums import TradeType
from app.domain.errors import ExchangeReadError, OrderRefused, Refused
from app.sandbox.faults import FaultKind, FaultRule
from tests.connectors.ccxt.dialect import FamilyDialect, OkxDialect, OkxPerpetualDialect
from tests.connectors.conformance import Bench, bench_over

_DAYS = 9


@pytest.fixture(params=[OkxDialect, OkxPerpetualDialect])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with bench_over(request.param()) as bench:
        yield bench


def strike(bench: Bench, kind: FaultKind) -> None:
    """Make the next submit go wrong."""
    assert isinstance(bench.dialect, FamilyDialect)
    bench.dialect.sandbox.faults.set(1, [FaultRule(kind=kind, routes=("place",), times=1)])


@pytest.mark.parametrize(
    "kind", [FaultKind.ACCEPT_OVERLOADED, FaultKind.ACCEPT_504, FaultKind.ACCEPT_503, FaultKind.GARBLE_ERROR]
)
async def test_busy_and_late_prove_nothing(bench: Bench, kind: FaultKind) -> None:
    """50013 comes with 429 and 50004 with 400; the order is there."""
    order = await bench.resting()
    strike(bench, kind)
    with pytest.raises(Exception) as raised:
        await bench.connector.submit_order(order)
    assert not isinstance(raised.value, Refused)
    bench.dialect.clock.advance(10)  # after a 429 nothing is asked for a while
    found = await bench.connector.fetch_order(order.ref)
    assert found is not None
    assert found.state == "open"


async def test_a_code_of_one_order_is_known_although_the_library_lacks_it(bench: Bench) -> None:
    """51169 is in no table of ccxt's, which says that an operation failed."""
    if not bench.connector.capabilities.is_perpetual:
        return
    with pytest.raises(OrderRefused) as refusal:
        await bench.connector.submit_order(bench.order(reduce_only=True))
    assert refusal.value.exchange_code == "51169"


async def test_an_order_that_was_filled_long_ago_is_found_with_its_fills(bench: Bench) -> None:
    """Two hours are kept of orders that were canceled without a fill, three months of others."""
    order = await bench.resting("0.5")
    await bench.connector.submit_order(order)
    bench.dialect.clock.advance(_DAYS * 86_400)
    await bench.dialect.move_market(await bench.mid() * D("0.4"))
    bench.dialect.clock.advance(_DAYS * 86_400)
    report = await bench.connector.fetch_order(order.ref)
    assert report is not None
    assert (report.state, report.filled_amount) == ("filled", order.amount)
    assert sum(fill.amount for fill in await bench.connector.fetch_fills(order.ref)) == order.amount


async def test_an_order_beyond_what_is_kept_is_not_denied(bench: Bench) -> None:
    """After three months its absence proves nothing."""
    order = await bench.resting()
    bench.dialect.clock.advance(100 * 86_400)
    with pytest.raises(ExchangeReadError, match="as old as this one"):
        await bench.connector.fetch_order(order.ref)


async def test_positions_and_volumes_are_in_base_units(bench: Bench) -> None:
    """Positions, tickers and candles, whatever a contract is."""
    assert isinstance(bench.dialect, FamilyDialect)
    pair, exchange = bench.dialect.pair, bench.dialect.exchange
    ticker = await bench.connector.fetch_ticker(pair)
    assert ticker.base_volume == exchange.ticker(pair).base_volume
    (candle,) = await bench.connector.fetch_candles(pair, "1h", limit=1)
    assert candle.volume == exchange.candles(pair, "1h", limit=1)[0].volume
    if not bench.connector.capabilities.is_perpetual:
        return
    await bench.connector.set_leverage(pair, 5)
    await bench.connector.submit_order(bench.order(trade_type=TradeType.SELL))
    (position,) = await bench.connector.fetch_positions()
    assert (position.amount, position.leverage, position.side.value) == (-bench.dialect.amount, 5, "BOTH")
    bench.dialect.clock.advance(86_400)
    payments = await bench.connector.fetch_funding_payments(bench.dialect.clock.now() - timedelta(days=2))
    assert [each.currency for each in payments] == ["USDT"] * 3


async def test_more_open_orders_than_one_page_has_are_all_listed(bench: Bench) -> None:
    """The list has a hundred rows at most; the oldest order is still among what is open."""
    orders = [await bench.resting("0.1") for _ in range(101)]
    for order in orders:
        await bench.connector.submit_order(order)
    for pair in (bench.dialect.pair, None):
        listed = await bench.connector.fetch_open_orders(pair)
        assert {each.order_id for each in listed} == {each.ref.client_order_id for each in orders}
        assert unreadable_rows(listed) == ()

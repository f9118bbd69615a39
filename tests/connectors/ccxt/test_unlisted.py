"""A pair that the exchange does not list at the moment: its orders are neither denied nor misread. Hyperliquid lists all of its
pairs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.connectors.base import Connector
from app.connectors.common.answers import NoAnswer
from app.connectors.rows import unreadable_rows
from app.domain.errors import ExchangeReadError, Refused
from app.domain.order import Order
from app.domain.recognition import is_same_order
from app.sandbox.faults import FaultKind, FaultRule
from tests.connectors.ccxt.dialect import (
    BybitDialect,
    BybitPerpetualDialect,
    FamilyDialect,
    KrakenDialect,
    OkxDialect,
    OkxPerpetualDialect,
)
from tests.connectors.conformance import Bench, bench_over

_SECONDS = 100.0


@pytest.fixture(
    params=[
        BybitDialect,
        BybitPerpetualDialect,
        OkxDialect,
        OkxPerpetualDialect,
        KrakenDialect,
    ]
)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with bench_over(request.param()) as bench:
        yield bench


@asynccontextmanager
async def restarted(bench: Bench) -> AsyncIterator[tuple[Order, Connector]]:
    """An order that rests, on a pair that is unlisted since, and a connector of a process that starts then."""
    dialect = bench.dialect
    assert isinstance(dialect, FamilyDialect)
    order = await bench.resting()
    dialect.sandbox.faults.set(1, [FaultRule(kind=FaultKind.DELIST, routes=("place",), times=1, seconds=_SECONDS)])
    with pytest.raises(NoAnswer):
        await bench.connector.submit_order(order)
    await bench.connector.close()
    await dialect.connector_class.close_venue(dialect.venue)
    dialect.venue = await dialect.connector_class.open_venue(dialect.settings, dialect.clock)
    connector = dialect.connect()
    try:
        yield order, connector
    finally:
        await connector.close()


@pytest.mark.parametrize("is_back", [False, True], ids=["unlisted", "listed again"])
async def test_an_order_of_an_unlisted_pair_is_not_denied(bench: Bench, is_back: bool) -> None:
    """The markets are read while the pair is not among them, as by a process that starts then."""
    async with restarted(bench) as (order, connector):
        assert order.trading_pair not in await connector.load_trading_rules()
        if not is_back:
            for question in (connector.fetch_order(order.ref), connector.fetch_open_orders(order.trading_pair)):
                with pytest.raises(ExchangeReadError, match=f"does not list {order.trading_pair} now"):
                    await question
            book = await connector.fetch_open_orders()
            assert [each for each in book if each.exchange_order_id] == [], "what a unit is worth can't be told"
            assert any(row.may_be(order.ref) for row in unreadable_rows(book))
            return
        bench.dialect.clock.advance(_SECONDS + 1)
        found = await connector.fetch_order(order.ref)
        assert found is not None
        assert is_same_order(order.ref, found)
        assert found.amount in (None, order.amount)
        assert any(is_same_order(order.ref, each) for each in await connector.fetch_open_orders())


async def test_a_pair_that_is_listed_later_is_traded_by_who_is_connected(bench: Bench) -> None:
    """The account's connector has the markets that the process read last."""
    async with restarted(bench) as (order, connector):
        await connector.fetch_balances()
        bench.dialect.clock.advance(_SECONDS + 1)
        report = await connector.submit_order(bench.order(price=order.price))
        assert report.state == "open"


async def test_no_unit_is_made_up(bench: Bench) -> None:
    """The library knows that a pair is gone a moment before the rules do: nothing is sent, and no amount in a wrong unit."""
    dialect = bench.dialect
    assert isinstance(dialect, FamilyDialect)
    order = await bench.resting()
    await bench.connector.load_trading_rules()
    before = bench.dialect.submits()
    (await dialect.venue.public_client()).api.markets = {}
    with pytest.raises(Refused, match=f"does not list {order.trading_pair} now"):
        await bench.connector.submit_order(order)
    assert bench.dialect.submits() == before

"""What a list that may be cut says of the orders that are not in it: nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from app.connectors.base import PAIRS_MAX_AGE
from app.connectors.rows import unreadable_rows
from app.domain.errors import ExchangeReadError
from tests.connectors.conformance import bench_over
from tests.connectors.quirks.dialect import dialect_of
from tests.connectors.quirks.exchange import SHORTEST, Quirk


@pytest.mark.parametrize("quirks", [(Quirk.SHORT_BOOK,), (Quirk.SHORT_BOOK, Quirk.NO_QUESTION)])
async def test_a_full_page_of_open_orders_may_hide_any_order(quirks: tuple[Quirk, ...]) -> None:
    """Fewer orders than a page are all; from a page on, an order that is not there may be there all the same."""
    async with bench_over(dialect_of(*quirks)()) as bench:
        first = await bench.resting()
        await bench.connector.submit_order(first)
        assert unreadable_rows(await bench.connector.fetch_open_orders()) == ()
        for _ in range(SHORTEST):
            await bench.connector.submit_order(await bench.resting())
        book = await bench.connector.fetch_open_orders()
        assert first.order_id not in {each.order_id for each in book}
        assert [row.may_be(first.ref) for row in unreadable_rows(book)] == [True]
        if Quirk.NO_QUESTION in quirks:
            with pytest.raises(ExchangeReadError, match="does not list all"):
                await bench.connector.fetch_order(first.ref)


@pytest.mark.parametrize("quirks", [(Quirk.PAGES,), (Quirk.PAGES, Quirk.NO_QUESTION)])
async def test_lists_that_go_on_are_read_to_their_end(quirks: tuple[Quirk, ...]) -> None:
    """The oldest order is behind several pages, and still there; an order that never was is denied."""
    async with bench_over(dialect_of(*quirks)()) as bench:
        orders = [await bench.resting("0.9", amount=D("0.01")) for _ in range(2 * SHORTEST + 1)]
        for order in orders:
            await bench.connector.submit_order(order)
        book = await bench.connector.fetch_open_orders()
        assert {each.order_id for each in book} == {order.order_id for order in orders}
        assert unreadable_rows(book) == ()
        for order in orders:
            await bench.connector.cancel_order(order.ref)
        found = await bench.connector.fetch_order(orders[0].ref)
        assert found is not None
        assert found.state == "canceled"
        assert await bench.connector.fetch_order((await bench.resting()).ref) is None


async def test_a_pair_that_is_not_listed_is_no_empty_list() -> None:
    """Where open orders are listed by pair: what rests on it can't be asked for, and the reason says so."""
    dialect = dialect_of(Quirk.OPEN_BY_PAIR)()
    async with bench_over(dialect) as bench:
        order = await bench.resting()
        await bench.connector.submit_order(order)
        dialect.habits.unlisted.add(dialect.pair)
        await bench.connector.load_trading_rules(max_age=timedelta(0))
        for question in (bench.connector.fetch_open_orders(dialect.pair), bench.connector.fetch_order(order.ref)):
            with pytest.raises(ExchangeReadError, match=f"does not list {dialect.pair} now"):
                await question
        dialect.habits.unlisted.clear()
        dialect.clock.advance(PAIRS_MAX_AGE.total_seconds() + 1)
        assert [each.order_id for each in await bench.connector.fetch_open_orders(dialect.pair)] == [order.order_id]

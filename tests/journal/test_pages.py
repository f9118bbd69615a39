"""Pages of counted rows: the counts are true whatever happens to orders, and any number of kinds makes the same pages."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Table, select

from app.domain.enums import EventKind, OrderStatus, TradeType
from app.journal import pages
from app.journal.filters import OrderFilter, TradeFilter
from app.journal.journal import Journal
from app.storage import schema
from app.storage.database import Database
from app.storage.tables import FILL_COUNTS, FILLS, ORDER_COUNTS, ORDERS
from tests.clock import START
from tests.journal.orders import ACCEPTED, ACCOUNT, CONNECTOR, INTENDED, filled, happened, order

PAIRS = tuple(f"C{number}-USDT" for number in range(5))


def kept(connection: Connection, counts: Table) -> dict[tuple[Any, ...], int]:
    """The counts that the database keeps; what went down to nothing is as if it had never been."""
    return {tuple(row[:-1]): row[-1] for row in connection.execute(select(*counts.c)) if row[-1]}


def recount(connection: Connection, counts: Table) -> dict[tuple[Any, ...], int]:
    """The same, counted in the rows themselves."""
    rows = ORDERS if counts is ORDER_COUNTS else FILLS.join(ORDERS, FILLS.c.order_number == ORDERS.c.id)
    of = (
        {column.name: column for column in ORDERS.c}
        if counts is ORDER_COUNTS
        else {**{column.name: column for column in FILLS.c}, "trade_type": ORDERS.c.trade_type}
    )
    kind = [of[column.name] for column in list(counts.c)[:-2]]
    moment = ORDERS.c.created_at if counts is ORDER_COUNTS else FILLS.c.filled_at
    found = connection.execute(select(*kind, moment).select_from(rows))
    return dict(Counter((*row[:-1], f"{row[-1]:%Y-%m}") for row in found))


async def place(journal: Journal, order_id: str, pair: str, side: TradeType = TradeType.BUY) -> Any:
    """An order of ``pair``; its key."""
    opened = await journal.open_order(order(order_id, trading_pair=pair, trade_type=side), INTENDED)
    return opened.order.key


async def test_what_is_counted_is_what_is_there(journal: Journal) -> None:
    """Through placing, partial and repeated fills, ends, and a fill that brings a dead order back, the counts stay true."""
    first = await place(journal, "o1", "A-USDT")
    second = await place(journal, "o2", "A-USDT", TradeType.SELL)
    await place(journal, "o3", "B-USDT")
    await journal.record(first, lambda _order, _fills: (ACCEPTED, filled("f1"), filled("f2", "0.75", full=True)))
    await journal.record(first, lambda _order, _fills: (filled("f1"),))
    await journal.record(second, lambda _order, _fills: (happened(EventKind.REJECTED),))
    await journal.record(second, lambda _order, _fills: (filled("f3"),))

    with journal.database.snapshot() as connection:
        for counts in (ORDER_COUNTS, FILL_COUNTS):
            assert kept(connection, counts) == recount(connection, counts)
        assert kept(connection, ORDER_COUNTS) == Counter(
            {
                (ACCOUNT, CONNECTOR, "A-USDT", "BUY", "FILLED", "2026-01"): 1,
                (ACCOUNT, CONNECTOR, "A-USDT", "SELL", "PARTIALLY_FILLED", "2026-01"): 1,
                (ACCOUNT, CONNECTOR, "B-USDT", "BUY", "SUBMITTED", "2026-01"): 1,
            }
        )


async def test_a_status_that_no_order_has_any_more_has_an_empty_page(journal: Journal) -> None:
    """Of a kind that has gone down to nothing there is nothing to show."""
    order_key = await place(journal, "o1", "A-USDT")
    await journal.record(order_key, lambda _order, _fills: (ACCEPTED,))
    page = journal.search_orders(OrderFilter(status=OrderStatus.SUBMITTED), limit=5, cursor=None)
    assert (page.items, page.total_count, page.next_cursor) == ((), 0, None)


#: Moments at and around the ends of months, and further away.
MOMENTS = [
    datetime.fromisoformat(text)
    for text in (
        "2025-11-30T23:59:59.999999+00:00",
        "2025-12-01T00:00:00+00:00",
        "2025-12-15T12:00:00+00:00",
        "2025-12-31T23:59:59.999999+00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-02-28T10:00:00+00:00",
        "2026-06-01T00:00:00+02:00",
    )
]


async def test_what_lies_between_two_times_is_counted(journal: Journal) -> None:
    """Between any two times, in one month or several, in any zone, for one kind or all, the total is that of the rows."""
    for number, at in enumerate(MOMENTS):
        opened = await journal.open_order(order(f"o{number}", at=at, trading_pair=PAIRS[number % 2]), INTENDED)
        await journal.record(opened.order.key, lambda _order, _fills, at=at: (filled("f1", at=at),))  # type: ignore[misc]

    for start_at, end_at, pairs in itertools.product([None, *MOMENTS], [None, *MOMENTS], [(), PAIRS[:1], PAIRS[:2]]):
        inside = [
            at
            for number, at in enumerate(MOMENTS)
            if (start_at is None or at >= start_at)
            and (end_at is None or at <= end_at)
            and (not pairs or PAIRS[number % 2] in pairs)
        ]
        wanted: dict[str, Any] = {"start_at": start_at, "end_at": end_at, "trading_pairs": pairs}
        orders = journal.search_orders(OrderFilter(**wanted), limit=9, cursor=None)
        trades = journal.search_trades(TradeFilter(**wanted), limit=9, cursor=None)
        assert orders.total_count == len(orders.items) == len(inside) == trades.total_count == len(trades.items)


@pytest.mark.parametrize(
    ("most_arms", "few_rows"), [(64, 5000), (2, 5000), (2, 0)], ids=["joined", "sorted", "scanned"]
)
async def test_many_kinds_make_the_same_pages(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, most_arms: int, few_rows: int
) -> None:
    """Whether the kinds are put together, fetched and sorted, or looked for one row after the other, a page is the same."""
    monkeypatch.setattr(pages, "_MOST_ARMS", most_arms)
    monkeypatch.setattr(pages, "_FEW_ROWS", few_rows)
    for number in range(12):
        order_key = await place(journal, f"o{number:02}", PAIRS[number % 5], list(TradeType)[number % 2])
        await journal.record(order_key, lambda _order, _fills, n=number: (ACCEPTED, filled(f"f{n}")))  # type: ignore[misc]

    wanted = PAIRS[:4]
    orders = OrderFilter(trading_pairs=wanted, trade_types=(TradeType.BUY,), end_at=START)
    trades = TradeFilter(trading_pairs=wanted, trade_types=(TradeType.BUY,), end_at=START)
    expected = [f"o{number:02}" for number in reversed(range(0, 12, 2)) if PAIRS[number % 5] in wanted]
    for search, filter in ((journal.search_orders, orders), (journal.search_trades, trades)):
        first = search(filter, limit=3, cursor=None)  # type: ignore[operator]
        second = search(filter, limit=3, cursor=first.next_cursor)  # type: ignore[operator]
        assert [each.order_id for each in (*first.items, *second.items)] == expected
        assert (first.total_count, second.total_count, second.has_more) == (len(expected), len(expected), False)


def test_orders_from_before_the_counts_are_counted(empty_database_url: str) -> None:
    """Migrating a journal that holds orders counts them."""
    database = Database(empty_database_url)
    _upgrade_to(database, "0004")
    with database.change() as connection:
        values = dict.fromkeys((column.name for column in ORDERS.c if not column.nullable), "x")
        times = {"created_at": START, "updated_at": START, "filled_amount": 0, "filled_quote": 0, "reduce_only": False}
        for number in (1, 2):
            row = {**values, **times, "id": number, "order_id": f"o{number}", "trading_pair": "A-USDT"}
            connection.execute(ORDERS.insert().values(row))
    schema.upgrade(empty_database_url)
    with database.snapshot() as connection:
        assert (
            kept(connection, ORDER_COUNTS)
            == {("x", "x", "A-USDT", "x", "x", "2026-01"): 2}
            == recount(connection, ORDER_COUNTS)
        )
    database.dispose()


def _upgrade_to(database: Database, revision: str) -> None:
    database.prepare_directory()
    with database.change() as connection:
        command.upgrade(schema.config(connection), revision)

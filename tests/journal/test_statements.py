"""The statements of the write path, and the plans by which searches are answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert, make_url

from app.domain.order import AccountKey
from app.journal.filters import OrderFilter, TradeFilter
from app.journal.reading.reader import Reader
from app.journal.rows import change_row, order_row
from app.journal.sqlite_store import SqliteStore
from app.journal.statements import (
    FIND_BY_IDEMPOTENCY_KEY,
    FIND_FILLS_OF_ORDER,
    FIND_ORDERS,
    INSERT_ORDERS,
    UPDATE_ORDERS,
    Statement,
)
from app.journal.store import chunks
from app.storage.database import Database
from app.storage.tables import FILL_COUNTS, ORDER_COUNTS, ORDERS
from app.storage.types import SQLITE
from tests.clock import START
from tests.journal.orders import key, order


def test_rows_are_cut_into_few_sizes() -> None:
    """Every row is in one piece, in order, and only the given sizes occur."""
    rows = [(n,) for n in range(87)]
    pieces = chunks(rows, (64, 16, 4, 1))
    assert [len(piece) for piece in pieces] == [64, 16, 4, 1, 1, 1]
    assert [row for piece in pieces for row in piece] == rows


def test_an_order_row_has_a_value_for_each_column() -> None:
    """The tuples stand in the order of the columns that their statements name."""
    assert len(order_row(1, order(), SQLITE)) == len(INSERT_ORDERS.columns) == len(ORDERS.c)
    assert len(change_row(1, order(), SQLITE)) == len(UPDATE_ORDERS.columns)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (FIND_ORDERS, "sqlite_autoindex_orders_1"),
        (FIND_BY_IDEMPOTENCY_KEY, "uq_orders_idempotency_key"),
        (FIND_FILLS_OF_ORDER, "sqlite_autoindex_fills_1"),
    ],
)
def test_look_ups_use_an_index(sqlite_url: str, statement: Statement, index: str) -> None:
    """A group's look-up goes through the unique index for each key, never through the table."""
    store = SqliteStore(str(make_url(sqlite_url).database))
    sql = str(statement.build(3).compile(dialect=store.dialect))
    plan = store.connection.execute(f"EXPLAIN QUERY PLAN {sql}", ["x"] * 3 * len(statement.columns)).fetchall()
    store.close()
    details = [row[3] for row in plan]
    assert any(index in detail for detail in details), details
    assert not any(detail.startswith(("SCAN orders", "SCAN fills")) for detail in details), details


READS: dict[str, Callable[[Reader], object]] = {
    "ix_orders_unsettled": lambda reader: reader.unsettled_orders(),
    "ix_orders_active": lambda reader: reader.active_orders(OrderFilter(), limit=5, cursor=None),
    "sqlite_autoindex_orders_1": lambda reader: reader.find_orders("o1"),
    "uq_orders_idempotency_key": lambda reader: reader.find_by_idempotency_key("a", "x", "k"),
    "ix_orders_created_at": lambda reader: reader.search_orders(OrderFilter(), limit=5, cursor=f"{START}|1"),
    "ix_orders_kind": lambda reader: reader.search_orders(OrderFilter(account_names=("a",)), limit=5, cursor=None),
    "ix_fills_filled_at": lambda reader: reader.search_trades(TradeFilter(), limit=5, cursor=None),
    "ix_fills_trading_pair": lambda reader: reader.search_trades(
        TradeFilter(trading_pairs=("P",)), limit=5, cursor=None
    ),
    "ix_events_order_number": lambda reader: reader.history(key()),
}


@pytest.mark.parametrize("index", READS)
def test_reads_use_an_index(sqlite_url: str, index: str) -> None:
    """What is asked often is found by an index made for it."""
    database = Database(sqlite_url)
    plans: list[str] = []
    with database.change() as connection:
        # A search ends where nothing is counted.
        connection.execute(insert(ORDER_COUNTS).values(("a", "x", "P", "BUY", "OPEN", "2026-01", 1)))
        connection.execute(insert(FILL_COUNTS).values(("a", "x", "P", "BUY", "2026-01", 1)))

    @event.listens_for(database.engine, "before_cursor_execute")
    def explain(_c: object, cursor: sqlite3.Cursor, sql: str, parameters: Any, *_: object) -> None:
        # The counts are few, in whatever order.
        if sql.startswith("SELECT") and "_counts" not in sql:
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall())

    ask = database.driver_rows

    def explain_past_the_engine(sql: str, values: Any) -> list[Any]:
        plans.extend(row[3] for row in ask(f"EXPLAIN QUERY PLAN {sql}", values))
        return ask(sql, values)

    database.driver_rows = explain_past_the_engine  # type: ignore[method-assign]
    READS[index](Reader(database))
    database.dispose()
    assert any(index in plan for plan in plans), plans
    # Only the few orders that share an id are sorted.
    assert index.startswith("sqlite_autoindex") or not any("TEMP B-TREE" in plan for plan in plans), plans


SEARCHES: dict[str, Callable[[Reader], object]] = {
    "several kinds of orders": lambda reader: reader.search_orders(
        OrderFilter(trading_pairs=("P", "Q")), limit=5, cursor=f"{START}|9"
    ),
    "several kinds of trades": lambda reader: reader.search_trades(
        TradeFilter(account_names=("a",), start_at=START), limit=5, cursor=None
    ),
    "orders of an account to compare": lambda reader: reader.active_orders_of(AccountKey("a", "x")),
    "active orders of an account": lambda reader: reader.active_orders(
        OrderFilter(account_names=("a",)), limit=5, cursor=None
    ),
}


@pytest.mark.parametrize("search", SEARCHES)
def test_no_search_reads_all_rows(sqlite_url: str, search: str) -> None:
    """However long the journal is, only a page of each kind is read, or the active orders, never all rows of an account."""
    database = Database(sqlite_url)
    plans: list[str] = []
    with database.change() as connection:
        for pair in ("P", "Q"):
            connection.execute(insert(ORDER_COUNTS).values(("a", "x", pair, "BUY", "OPEN", "2026-01", 1)))
            connection.execute(insert(FILL_COUNTS).values(("a", "x", pair, "BUY", "2026-01", 1)))

    @event.listens_for(database.engine, "before_cursor_execute")
    def explain(_c: object, cursor: sqlite3.Cursor, sql: str, parameters: Any, *_: object) -> None:
        if sql.startswith("SELECT") and "FROM order_counts" not in sql and "FROM fill_counts" not in sql:
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall())

    SEARCHES[search](Reader(database))
    database.dispose()
    assert plans
    wide = [
        plan
        for plan in plans
        if (plan.startswith(("SCAN orders", "SCAN fills")) and "ix_orders_active" not in plan)
        or "(account_name=?)" in plan
        or "(account_name=? AND connector_name=?)" in plan
    ]
    assert wide == [], plans

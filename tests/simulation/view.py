"""The whole journal of a world as the checker wants it, read in a few queries."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select

from app.domain.order import Order, OrderKey
from app.journal.reading.reader import Reader
from app.journal.records import Trade
from app.journal.rows import TRADE_COLUMNS, decode_event, entry_of, order_of, trade_of
from app.storage.database import Database
from app.storage.tables import EVENTS, FILLS, ORDERS
from tests.chaos.journal_view import JournalView
from tests.journal.replaying import decode_start


def read_view(url: str) -> JournalView:
    """The journal at ``url``, in which nothing is under way."""
    database = Database(url)
    try:
        return _read(database)
    finally:
        database.dispose()


def _read(database: Database) -> JournalView:
    rows = database.rows(select(*ORDERS.c).order_by(ORDERS.c.id))
    orders = {row.id: order_of(row) for row in rows}
    events = database.rows(select(*EVENTS.c).order_by(EVENTS.c.seq))
    replayed: dict[int, Order] = {}
    for row in events:
        if row.order_number is None:
            continue
        before = replayed.get(row.order_number)
        after = decode_start(row.payload) if before is None else before.apply(decode_event(row.payload))
        replayed[row.order_number] = after
    fills: defaultdict[OrderKey, list[Trade]] = defaultdict(list)
    source = FILLS.join(ORDERS, FILLS.c.order_number == ORDERS.c.id)
    numbered = database.rows(
        select(*TRADE_COLUMNS, FILLS.c.order_number.label("number")).select_from(source).order_by(FILLS.c.seq)
    )
    for row in numbered:
        fills[orders[row.number].key].append(trade_of(row))
    return JournalView(
        orders=tuple(orders.values()),
        entries=tuple(entry_of(row) for row in events),
        fills={order.key: tuple(fills[order.key]) for order in orders.values()},
        replayed={order.key: replayed.get(number) for number, order in orders.items()},
        head=Reader(database).head(),
    )

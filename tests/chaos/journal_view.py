"""The whole journal as plain values, for the checker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.order import Order, OrderKey
from app.journal.filters import OrderFilter
from app.journal.reading.reader import Reader
from app.journal.records import JournalEntry, Trade
from app.storage.database import Database
from tests.journal.replaying import replay

_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalView:
    """Every order, entry and fill; ``replayed`` are the orders as their events alone make them."""

    orders: tuple[Order, ...]
    entries: tuple[JournalEntry, ...]
    fills: Mapping[OrderKey, tuple[Trade, ...]]
    replayed: Mapping[OrderKey, Order | None]
    head: int


def read_journal(url: str, *, is_growing: bool = False) -> JournalView:
    """The journal at ``url``. One that is still growing is read once, and its parts may then be of different moments."""
    database = Database(url)
    try:
        reader = Reader(database)
        return _read(reader) if is_growing else view_of(reader)
    finally:
        database.dispose()


def view_of(reader: Reader) -> JournalView:
    """The journal that ``reader`` reads, at one moment: it is read again if it grows meanwhile."""
    while True:
        view = _read(reader)
        if reader.head() == view.head:
            return view


def _read(reader: Reader) -> JournalView:
    head = reader.head()
    orders: list[Order] = []
    cursor: str | None = None
    while True:
        page = reader.search_orders(OrderFilter(), limit=_PAGE, cursor=cursor)
        orders += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    entries: list[JournalEntry] = []
    while found := reader.tail(entries[-1].seq if entries else 0, limit=_PAGE):
        entries += found
    return JournalView(
        orders=tuple(orders),
        entries=tuple(entries),
        fills={order.key: tuple(reader.known_fills(order.key)) for order in orders},
        replayed={order.key: replay(reader, order.key) for order in orders},
        head=head,
    )

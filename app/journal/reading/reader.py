"""Reading the journal: one order, pages of orders and trades, and the entries themselves.

Everything here is synchronous, thread-safe and sees what is committed; it never writes. Pages are found by keyset (no OFFSET), so
that each row is on exactly one page however long the journal is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, TextClause, and_, or_, select

from app.domain.decimals import ZERO
from app.domain.order import AccountKey, Order, OrderKey
from app.journal.filters import EventFilter, OrderFilter, TradeFilter
from app.journal.lookups import OrderLookup
from app.journal.pages import Counted, Listing, Search, find_all, find_counted
from app.journal.records import JournalEntry, StoredOrder, Trade
from app.journal.rows import TRADE_COLUMNS, entry_of, order_of, trade_of
from app.storage import cursors
from app.storage.database import Database
from app.storage.records import Page
from app.storage.tables import (
    ACTIVE_ONLY,
    EVENTS,
    FILL_COUNTS,
    FILLS,
    ORDER_COUNTS,
    ORDERS,
    RENAMED_ONLY,
    SEQUENCE,
    UNSETTLED_ONLY,
)

T = TypeVar("T")
Condition = ColumnElement[bool] | TextClause

_NEWEST_ORDERS = Counted(
    source=ORDERS,
    columns=tuple(ORDERS.c),
    sort=(ORDERS.c.created_at, ORDERS.c.id),
    newest_first=True,
    item=order_of,
    cursor=lambda row: cursors.encode_moment(row.created_at, row.id),
    counts=ORDER_COUNTS,
    kind=(ORDERS.c.account_name, ORDERS.c.connector_name, ORDERS.c.trading_pair, ORDERS.c.status),
    fields=dict(ORDERS.c),
)
_ACTIVE_ORDERS = Listing(
    source=ORDERS,
    columns=tuple(ORDERS.c),
    sort=(ORDERS.c.order_id, ORDERS.c.account_name, ORDERS.c.connector_name),
    newest_first=False,
    item=order_of,
    cursor=lambda row: cursors.encode_names(row.order_id, row.account_name, row.connector_name),
)
_NEWEST_TRADES = Counted(
    source=FILLS.join(ORDERS, FILLS.c.order_number == ORDERS.c.id),
    columns=TRADE_COLUMNS,
    sort=(FILLS.c.filled_at, FILLS.c.seq),
    newest_first=True,
    item=trade_of,
    cursor=lambda row: cursors.encode_moment(row.filled_at, row.seq),
    counts=FILL_COUNTS,
    kind=(FILLS.c.account_name, FILLS.c.connector_name, FILLS.c.trading_pair),
    fields={**dict(FILLS.c), "trade_type": ORDERS.c.trade_type},
)

_BY_NAME = OrderLookup(ORDERS.c.account_name, ORDERS.c.connector_name, ORDERS.c.order_id)
_BY_IDEMPOTENCY_KEY = OrderLookup(ORDERS.c.account_name, ORDERS.c.connector_name, ORDERS.c.idempotency_key)

#: Ids in one query; both databases take many more values.
_NAMES_AT_ONCE = 500

_ALL_EVENTS = EventFilter()

#: Asked for every second by every process, so it is built once. The index holds only unsettled orders; asked in one step, SQLite
#: would rather read all orders in the order of their ids.
_OF_UNSETTLED = ORDERS.alias("unsettled")
_UNSETTLED = (
    select(*ORDERS.c).where(ORDERS.c.id.in_(select(_OF_UNSETTLED.c.id).where(UNSETTLED_ONLY))).order_by(ORDERS.c.id)
)


class Reader:
    """The reading half of the journal."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find_order(self, key: OrderKey) -> Order | None:
        """The order that ``key`` names."""
        return _first(_BY_NAME.find(self.database, key.account_name, key.connector_name, key.order_id))

    def find_by_idempotency_key(self, account_name: str, connector_name: str, key: str) -> Order | None:
        """The order that was placed under the idempotency key."""
        return _first(_BY_IDEMPOTENCY_KEY.find(self.database, account_name, connector_name, key))

    def find_orders(
        self, order_id: str, *, account_name: str | None = None, connector_name: str | None = None
    ) -> list[Order]:
        """All orders that carry the id: ids are unique only within an account and connector."""
        return self._orders(ORDERS.c.order_id == order_id, *_of_account(account_name, connector_name))

    def unsettled_orders(self) -> list[Order]:
        """The orders of all accounts of which it is not known whether the exchange has them, oldest first."""
        return [order_of(row) for row in self.database.rows(_UNSETTLED)]

    def active_orders_of(self, account: AccountKey | None = None) -> list[StoredOrder]:
        """All orders of one account, or of all, that may rest at an exchange, with the fills that are known of them, oldest first;
        read at one moment.
        """
        active = ORDERS.alias("active")
        names = {} if account is None else account._asdict()
        mine = _unindexed({name: (value,) for name, value in names.items()}, active)
        return self._stored(ORDERS.c.id.in_(select(active.c.id).where(ACTIVE_ONLY, *mine)))

    def stored_orders(self, account: AccountKey, order_ids: Collection[str]) -> list[StoredOrder]:
        """The orders of one account that have one of ``order_ids``, or that the exchange has under one since an amendment, in
        whatever state, with the fills that are known of them.
        """
        found: list[StoredOrder] = []
        wanted = list(order_ids)
        for start in range(0, len(wanted), _NAMES_AT_ONCE):
            names = wanted[start : start + _NAMES_AT_ONCE]
            renamed = and_(RENAMED_ONLY, ORDERS.c.exchange_client_order_id.in_(names))
            found += self._stored(*_of_account(*account), or_(ORDERS.c.order_id.in_(names), renamed))
        return found

    def search_orders(self, filter: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders, newest first. Raises ``InvalidCursor``."""
        after = None if cursor is None else cursors.decode_moment(cursor)
        return self._counted(_NEWEST_ORDERS, filter, after, limit)

    def active_orders(self, filter: OrderFilter, *, limit: int, cursor: str | None) -> Page[Order]:
        """Orders that may be on an exchange's book, sorted by id. Raises ``InvalidCursor``."""
        after = None if cursor is None else cursors.decode_names(cursor, len(_ACTIVE_ORDERS.sort))
        search = Search(after=after, limit=limit + 1)
        with self.database.snapshot() as connection:
            rows, total = find_all(connection, _ACTIVE_ORDERS, [ACTIVE_ONLY, *_active_conditions(filter)], search)
        return _page(_ACTIVE_ORDERS, rows, total, limit)

    def search_trades(self, filter: TradeFilter, *, limit: int, cursor: str | None) -> Page[Trade]:
        """Trades, newest first by the exchange's time. Raises ``InvalidCursor``."""
        after = None if cursor is None else cursors.decode_moment(cursor)
        return self._counted(_NEWEST_TRADES, filter, after, limit)

    def known_fills(self, key: OrderKey) -> list[Trade]:
        """The fills of one order in the order they were recorded."""
        query = select(*TRADE_COLUMNS).select_from(_NEWEST_TRADES.source).where(_is(key)).order_by(FILLS.c.seq)
        return [trade_of(row) for row in self.database.rows(query)]

    def history(self, key: OrderKey) -> list[JournalEntry]:
        """All entries about one order, first to last."""
        number = select(ORDERS.c.id).where(_is(key)).scalar_subquery()
        query = select(*EVENTS.c).where(EVENTS.c.order_number == number).order_by(EVENTS.c.seq)
        return [entry_of(row) for row in self.database.rows(query)]

    def tail(
        self, after: int, *, limit: int, up_to: int | None = None, wanted: EventFilter = _ALL_EVENTS
    ) -> list[JournalEntry]:
        """The first ``limit`` ``wanted`` entries with a higher ``seq`` than ``after``, none beyond ``up_to``.

        A follower that gets fewer than ``limit`` has seen everything up to the ``head`` that it had read *before*.
        """
        conditions = [EVENTS.c.seq > after, *_shown(wanted)]
        if up_to is not None:
            conditions.append(EVENTS.c.seq <= up_to)
        query = select(*EVENTS.c).where(*conditions).order_by(EVENTS.c.seq).limit(limit)
        return [entry_of(row) for row in self.database.rows(query)]

    def order_ids_after(self, after: int, *, limit: int) -> dict[int, str | None]:
        """The ids of the orders that the first ``limit`` entries after ``after`` are about, by ``seq``; None for balances."""
        query = select(EVENTS.c.seq, EVENTS.c.order_id).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
        return {row.seq: row.order_id for row in self.database.rows(query)}

    def head(self) -> int:
        """The sequence number of the last entry; 0 in an empty journal."""
        head: int = self.database.rows(select(SEQUENCE.c.value))[0][0]
        return head

    def _stored(self, *conditions: Condition) -> list[StoredOrder]:
        fill_ids: defaultdict[int, set[str]] = defaultdict(set)
        with self.database.snapshot() as connection:
            rows = connection.execute(select(*ORDERS.c).where(*conditions).order_by(ORDERS.c.id)).all()
            orders = {row.id: order_of(row) for row in rows}
            # An order without a filled amount has no fills, so the usual case needs no query for them.
            if any(order.filled_amount > ZERO for order in orders.values()):
                filled = select(ORDERS.c.id).where(*conditions)
                query = select(FILLS.c.order_number, FILLS.c.exchange_fill_id).where(FILLS.c.order_number.in_(filled))
                for number, fill_id in connection.execute(query):
                    fill_ids[number].add(fill_id)
        return [
            StoredOrder(key=order.key, number=number, order=order, fill_ids=frozenset(fill_ids.get(number, ())))
            for number, order in orders.items()
        ]

    def _orders(self, *conditions: Condition) -> list[Order]:
        query = select(*ORDERS.c).where(*conditions).order_by(ORDERS.c.id)
        return [order_of(row) for row in self.database.rows(query)]

    def _counted(
        self,
        listing: Counted[T],
        filter: OrderFilter | TradeFilter,
        after: tuple[Any, ...] | None,
        limit: int,
    ) -> Page[T]:
        # One row more than asked tells whether there is another page.
        search = Search(
            wanted=_wanted(filter), start_at=filter.start_at, end_at=filter.end_at, after=after, limit=limit + 1
        )
        with self.database.snapshot() as connection:
            rows, total = find_counted(connection, listing, search)
        return _page(listing, rows, total, limit)


def _page(listing: Listing[T], rows: Sequence[Any], total: int, limit: int) -> Page[T]:
    shown = rows[:limit]
    return Page(
        items=tuple(listing.item(row) for row in shown),
        total_count=total,
        next_cursor=listing.cursor(shown[-1]) if len(rows) > limit else None,
    )


def _wanted(filter: OrderFilter | TradeFilter) -> dict[str, Sequence[str]]:
    """The values that a filter asks for, by the name of the column."""
    asked: dict[str, Sequence[str]] = {
        "account_name": filter.account_names,
        "connector_name": filter.connector_names,
        "trading_pair": filter.trading_pairs,
        "trade_type": [str(each) for each in filter.trade_types],
    }
    if isinstance(filter, OrderFilter) and filter.status is not None:
        asked["status"] = [str(filter.status)]
    return {name: values for name, values in asked.items() if values}


def _shown(wanted: EventFilter) -> list[ColumnElement[bool]]:
    """The conditions of ``EventFilter.matches``."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.account_names:
        conditions.append(EVENTS.c.account_name.in_((*wanted.account_names, "")))
    if wanted.connector_names:
        conditions.append(EVENTS.c.connector_name.in_((*wanted.connector_names, "")))
    if wanted.trading_pairs:
        conditions.append(or_(EVENTS.c.trading_pair.is_(None), EVENTS.c.trading_pair.in_(wanted.trading_pairs)))
    return conditions


def _first(orders: Sequence[Order]) -> Order | None:
    return orders[0] if orders else None


def _is(key: OrderKey) -> Condition:
    return and_(
        ORDERS.c.account_name == key.account_name,
        ORDERS.c.connector_name == key.connector_name,
        ORDERS.c.order_id == key.order_id,
    )


def _of_account(account_name: str | None, connector_name: str | None) -> list[Condition]:
    conditions: list[Condition] = []
    if account_name is not None:
        conditions.append(ORDERS.c.account_name == account_name)
    if connector_name is not None:
        conditions.append(ORDERS.c.connector_name == connector_name)
    return conditions


def _active_conditions(filter: OrderFilter) -> list[Condition]:
    conditions = _unindexed(_wanted(filter))
    if filter.start_at is not None:
        conditions.append(ORDERS.c.created_at >= filter.start_at)
    if filter.end_at is not None:
        conditions.append(ORDERS.c.created_at <= filter.end_at)
    return conditions


def _unindexed(wanted: Mapping[str, Sequence[str]], table: FromClause = ORDERS) -> list[Condition]:
    """Conditions on orders in a form that no index answers: active orders are few and have an index of their own, where SQLite,
    left the choice, would rather read all orders of an account.
    """
    return [table.c[name].concat("").in_(tuple(values)) for name, values in wanted.items()]

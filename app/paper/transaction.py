"""One transaction of the exchange's store, under its lock: reads what memory lacks, writes what an operation changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, Update, bindparam, select

from app.domain.enums import OrderState
from app.paper import rows
from app.paper.orders import OrderRecord, PaperBalance, PaperEvent, PaperFill, PaperOrder
from app.paper.state import Changes, Counters, State
from app.paper.tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which orders or fills: of one pair, from ``since`` to ``until``, with ids above ``after_id``.

    Of more than ``limit``, the last are selected if ``newest``, else the first.
    """

    trading_pair: str | None
    since: datetime | None
    until: datetime | None
    after_id: int
    limit: int
    newest: bool


class Transaction:
    """Reads and writes inside the lock. ``version`` is that of the stored state."""

    def __init__(self, connection: Connection, insert: Callable[..., Any], tables: Tables, row: Any) -> None:
        self._connection = connection
        self._insert = insert
        self._tables = tables
        self._row = row
        self.version: int = row.version
        self.has_written = False

    def _order_of(self, row: Any) -> PaperOrder:
        """The order in a row of this exchange."""
        return rows.order_of(row)

    def _fill_of(self, row: Any) -> PaperFill:
        """The fill in a row of this exchange."""
        return rows.fill_of(row)

    def load(self, state: State, known_version: int) -> None:
        """Update ``state``, which is as of ``known_version`` (0: empty), to the stored state."""
        orders = select(self._tables.orders)
        if known_version:
            orders = orders.where(self._tables.orders.c.version > known_version)
        else:
            orders = orders.where(self._tables.orders.c.state == OrderState.OPEN)
        state.restore(
            counters=Counters(order_id=self._row.order_id, fill_id=self._row.fill_id, seq=self._row.seq),
            tick=self._row.tick,
            taken=rows.taken_of(self._row.taken),
            accounts=self._accounts(known_version),
            orders=map(
                self._order_of, self._connection.execute(orders.order_by(self._tables.orders.c.exchange_order_id))
            ),
            balances=self._balances(known_version),
        )

    def save(self, changes: Changes, state: State) -> None:
        """Write ``changes`` and the counters of ``state``, as the next version."""
        self.version += 1
        self.has_written = True
        self._save_records(changes)
        counters = state.counters
        self._connection.execute(
            self._tables.exchange.update().where(self._tables.exchange.c.id == 1),
            {
                "version": self.version,
                "tick": state.tick,
                "taken": rows.taken_text(state.depth.taken),
                "order_id": counters.order_id,
                "fill_id": counters.fill_id,
                "seq": counters.seq,
            },
        )

    def order(
        self,
        account: str,
        *,
        client_order_id: str | None,
        exchange_order_id: int | None,
        trading_pair: str | None = None,
    ) -> PaperOrder | None:
        """The account's order of that id; of several with one client id the newest."""
        query = select(self._tables.orders).where(self._tables.orders.c.account == account)
        if trading_pair is not None:
            query = query.where(self._tables.orders.c.trading_pair == trading_pair)
        if exchange_order_id is not None:
            query = query.where(self._tables.orders.c.exchange_order_id == exchange_order_id)
        if client_order_id is not None:
            query = query.where(self._tables.orders.c.client_order_id == client_order_id)
        row = self._connection.execute(query.order_by(self._tables.orders.c.exchange_order_id.desc()).limit(1)).first()
        return None if row is None else self._order_of(row)

    def records(self, orders: Iterable[PaperOrder]) -> tuple[OrderRecord, ...]:
        """``orders`` with their fills."""
        orders = tuple(orders)
        filled = [order.exchange_order_id for order in orders if order.filled_amount]
        found: dict[int, list[PaperFill]] = {order_id: [] for order_id in filled}
        for some in _batches(filled):
            for fill in self._fills(select(self._tables.fills).where(self._tables.fills.c.exchange_order_id.in_(some))):
                found[fill.exchange_order_id].append(fill)
        return tuple(OrderRecord(order=order, fills=tuple(found.get(order.exchange_order_id, ()))) for order in orders)

    def records_of(self, ids: Collection[int]) -> tuple[OrderRecord, ...]:
        """The orders of ``ids`` with their fills, oldest first."""
        found = self._by_id(self._tables.orders, "exchange_order_id", ids)
        return self.records(self._order_of(found[order_id]) for order_id in sorted(found))

    def orders(self, account: str, selection: Selection) -> tuple[PaperOrder, ...]:
        """The account's orders, open or done, oldest first."""
        columns = self._tables.orders.c
        found = self._selected(self._tables.orders, columns.exchange_order_id, columns.created_at, account, selection)
        return tuple(map(self._order_of, found))

    def fills(self, account: str, selection: Selection) -> tuple[PaperFill, ...]:
        """The account's fills, oldest first."""
        columns = self._tables.fills.c
        found = self._selected(self._tables.fills, columns.fill_id, columns.filled_at, account, selection)
        return tuple(map(self._fill_of, found))

    def everything(self) -> tuple[tuple[PaperOrder, ...], tuple[PaperFill, ...]]:
        """All orders and all fills of all accounts, oldest first."""
        orders = self._connection.execute(select(self._tables.orders).order_by(self._tables.orders.c.exchange_order_id))
        return tuple(map(self._order_of, orders)), tuple(self._fills(select(self._tables.fills)))

    def events(self, seq: int, account: str | None, limit: int) -> tuple[PaperEvent, ...]:
        """Events after ``seq``, oldest first, of one account or of all accounts."""
        events = self._tables.events
        query = select(events).where(events.c.seq > seq)
        if account is not None:
            query = query.where(events.c.account == account)
        found = self._connection.execute(query.order_by(events.c.seq).limit(limit)).all()
        orders = self._by_id(self._tables.orders, "exchange_order_id", _numbers(found, "exchange_order_id"))
        fills = self._by_id(self._tables.fills, "fill_id", _numbers(found, "fill_id"))
        order_of = {key: self._order_of(row) for key, row in orders.items()}
        fill_of = {key: self._fill_of(row) for key, row in fills.items()}
        return tuple(rows.event_of(row, order_of, fill_of) for row in found)

    def _selected(self, table: Table, number: Any, at: Any, account: str, selection: Selection) -> Sequence[Any]:
        """The account's rows in ``selection``; ``number`` and ``at`` are the columns of their ids and times."""
        query = select(table).where(table.c.account == account, number > selection.after_id)
        query = narrowed(query, table.c, selection.trading_pair, at, selection.since, selection.until)
        order = number.desc() if selection.newest else number
        found = self._connection.execute(query.order_by(order).limit(selection.limit)).all()
        return found[::-1] if selection.newest else found

    def _save_records(self, changes: Changes) -> None:
        version = self.version
        created = [rows.order_row(order, version) for key, order in changes.orders.items() if key in changes.created]
        updated = [_order_update(order, version) for key, order in changes.orders.items() if key not in changes.created]
        balances = [rows.balance_row(balance, version) for balance in changes.balances]
        accounts = [{"account": account, "version": version} for account in changes.accounts]
        for statement, values in (
            (self._tables.accounts.insert(), accounts),
            (self._tables.orders.insert(), created),
            (_update_order(self._tables), updated),
            (self._tables.fills.insert(), [rows.fill_row(fill) for fill in changes.fills]),
            (self._put_balance(), balances),
            (self._tables.events.insert(), [rows.event_row(event) for event in changes.events]),
        ):
            if values:
                self._connection.execute(statement, values)

    def _put_balance(self) -> Any:
        statement = self._insert(self._tables.balances)
        new = {name: statement.excluded[name] for name in ("total", "held", "version")}
        return statement.on_conflict_do_update(index_elements=["account", "asset"], set_=new)

    def _balances(self, known_version: int) -> Iterable[PaperBalance]:
        query = select(self._tables.balances).where(self._tables.balances.c.version > known_version)
        for row in self._connection.execute(query):
            yield PaperBalance(account=row.account, asset=row.asset, total=row.total, held=row.held)

    def _fills(self, query: Select[Any]) -> Iterable[PaperFill]:
        return map(self._fill_of, self._connection.execute(query.order_by(self._tables.fills.c.fill_id)))

    def _accounts(self, known_version: int) -> Iterable[str]:
        accounts = self._tables.accounts.c
        return self._connection.execute(select(accounts.account).where(accounts.version > known_version)).scalars()

    def _by_id(self, table: Any, column: str, ids: Collection[int]) -> Mapping[int, Any]:
        return {
            row._mapping[column]: row
            for some in _batches(sorted(ids))
            for row in self._connection.execute(select(table).where(table.c[column].in_(some)))
        }


def _numbers(found: Iterable[Any], column: str) -> Collection[int]:
    return {value for row in found if (value := row._mapping[column]) is not None}


def narrowed(
    query: Select[Any], table: Any, trading_pair: str | None, at: Any, since: datetime | None, until: datetime | None
) -> Select[Any]:
    """``query`` restricted to one pair, and to times from ``since`` to ``until``, both included, where they are given."""
    if trading_pair is not None:
        query = query.where(table.trading_pair == trading_pair)
    if since is not None:
        query = query.where(at >= since)
    return query if until is None else query.where(at <= until)


#: SQLite takes 32,766 parameters in a statement at most.
_BATCH = 10_000

#: The columns of an order that may change; price and amount where it is amended, and the amount where a reduce-only one is reduced.
_CHANGING = ("price", "amount", "state", "filled_amount", "filled_quote", "reason", "updated_at", "version")


def _update_order(tables: Tables) -> Update:
    return (
        tables.orders.update()
        .where(tables.orders.c.exchange_order_id == bindparam("_order_id"))
        .values({name: bindparam(f"_{name}") for name in _CHANGING})
    )


def _order_update(order: PaperOrder, version: int) -> dict[str, Any]:
    row = rows.order_row(order, version)
    return {"_order_id": order.exchange_order_id} | {f"_{name}": row[name] for name in _CHANGING}


def _batches(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))

"""Verifying the journal: its events are those that were written, and what is stored beside them is what follows from them.

``check_tail`` looks at the newest events, for a start; ``verify`` at everything, as of one moment, also beside running servers.
Both only read, and hold a page of events and orders in memory, however long the journal is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select

from app.domain.errors import JournalDamaged
from app.domain.fill import Fill
from app.domain.order import Order
from app.journal.rows import BALANCES_KIND, decode_balances, decode_event, decode_start, order_of, trade_of
from app.storage.database import Database
from app.storage.tables import BALANCES, EVENTS, FILL_COUNTS, FILLS, ORDER_COUNTS, ORDERS, SEQUENCE
from app.storage.types import ORIGIN, link

#: Events that a start looks at.
TAIL = 500
_PAGE = 1000
#: Orders whose events are read in one go.
_ORDERS = 200
#: Problems that are told in words; a file that is damaged throughout has millions.
_MOST_TOLD = 20


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was looked at, how many problems were found, and the first of them in words."""

    events: int = 0
    orders: int = 0
    fills: int = 0
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Note one problem."""
        self.problem_count += 1
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(problem)


def verify(database: Database) -> Verdict:
    """Everything that is wrong. Raises ``JournalUnavailable`` where the database can't even be read."""
    verdict = Verdict()
    with database.snapshot() as connection:
        balances = _check_events(connection, verdict)
        last = 0
        while numbers := connection.scalars(
            select(ORDERS.c.id).where(ORDERS.c.id > last).order_by(ORDERS.c.id).limit(_ORDERS)
        ).all():
            _check_orders(connection, numbers, verdict)
            last = numbers[-1]
        _check_strangers(connection, verdict)
        _check_balances(connection, balances, verdict)
        _check_counts(connection, verdict)
    return verdict


def check_tail(database: Database) -> None:
    """Raise ``JournalDamaged`` if the newest events, or the orders that they are about, are not what was written."""
    verdict = Verdict()
    with database.snapshot() as connection:
        head, chained, chain = _head(connection)
        query = select(*EVENTS.c).where(EVENTS.c.seq > head - TAIL).order_by(EVENTS.c.seq)
        # From the first event with a checksum on, which itself can't be checked: unless the journal begins there.
        running = ORIGIN if head <= TAIL else None
        last, rows = max(0, head - TAIL), connection.execute(query).all()
        for row in rows:
            _check_place(last, row, verdict)
            running = row.chain if running is None else _checked(running, row, verdict)
            last = row.seq
        _check_end(last, running, head, chained, chain, verdict)
        numbers = sorted({row.order_number for row in rows if row.order_number is not None})
        for start in range(0, len(numbers), _ORDERS):
            _check_orders(connection, numbers[start : start + _ORDERS], verdict)
    if verdict.problems:
        raise JournalDamaged(
            f"The journal is damaged: {verdict.problems[0]}. Restore a copy; `ordergate journal verify` tells all that is wrong"
        )


# -- events -------------------------------------------------------------------------------------------------------------


def _head(connection: Connection) -> tuple[int, int, bytes]:
    row = connection.execute(select(SEQUENCE.c.value, SEQUENCE.c.chained, SEQUENCE.c.chain)).one()
    return row.value, row.chained, row.chain


def _check_events(
    connection: Connection, verdict: Verdict
) -> dict[tuple[str, str, str], tuple[Decimal, Decimal | None]]:
    """Check the chain of all events. Returns the balances that they leave."""
    head, chained, chain = _head(connection)
    last, running = 0, ORIGIN
    balances: dict[tuple[str, str, str], tuple[Decimal, Decimal | None]] = {}
    for row in _events(connection):
        _check_place(last, row, verdict)
        running, last = _checked(running, row, verdict), row.seq
        if last == chained and running != chain:
            verdict.add(f"the events up to {last} do not have the checksum that was taken of them")
        if row.kind == BALANCES_KIND:
            for balance in _balances_in(row, verdict):
                balances[row.account_name, row.connector_name, balance[0]] = balance[1:]
        verdict.events += 1
    _check_end(last, running, head, chained, chain, verdict)
    return balances


def _events(connection: Connection) -> Iterator[Row[Any]]:
    last = 0
    while rows := connection.execute(
        select(*EVENTS.c).where(EVENTS.c.seq > last).order_by(EVENTS.c.seq).limit(_PAGE)
    ).all():
        yield from rows
        last = rows[-1].seq


def _check_place(last: int, row: Row[Any], verdict: Verdict) -> None:
    if row.seq != last + 1:
        verdict.add(f"event {last + 1} is missing: after {last} comes {row.seq}")


def _checked(running: bytes, row: Row[Any], verdict: Verdict) -> bytes:
    """The checksum after ``row``: its own, where it has one, so that one wrong event is one problem."""
    expected = link(running, row)
    if row.chain is None or row.chain == expected:
        return expected
    verdict.add(f"event {row.seq} is not as it was written, or one before it since the last with a checksum")
    return bytes(row.chain)


def _check_end(last: int, running: bytes | None, head: int, chained: int, chain: bytes, verdict: Verdict) -> None:
    if last != head:
        verdict.add(f"the journal should end with event {head}, and ends with {last}")
    elif chained == head and running is not None and running != chain:
        verdict.add(f"the last event, {head}, does not have the checksum that was noted of it")


def _balances_in(row: Row[Any], verdict: Verdict) -> list[tuple[str, Decimal, Decimal | None]]:
    try:
        return [(each.asset, each.total, each.available) for each in decode_balances(row.payload).balances]
    except msgspec.DecodeError as error:
        verdict.add(f"event {row.seq} can't be read: {error}")
        return []


# -- what follows from them ---------------------------------------------------------------------------------------------


def _check_orders(connection: Connection, numbers: Sequence[int], verdict: Verdict) -> None:
    """Check the orders of these ids and their fills against their events."""
    stored = {row.id: row for row in connection.execute(select(*ORDERS.c).where(ORDERS.c.id.in_(numbers)))}
    events: dict[int, list[Row[Any]]] = {number: [] for number in numbers}
    query = select(*EVENTS.c).where(EVENTS.c.order_number.in_(numbers)).order_by(EVENTS.c.seq)
    for row in connection.execute(query):
        events[row.order_number].append(row)
    fills: dict[int, dict[int, Fill]] = {number: {} for number in numbers}
    joined = select(*FILLS.c, ORDERS.c.order_id, ORDERS.c.trade_type).join_from(FILLS, ORDERS)
    for row in connection.execute(joined.where(FILLS.c.order_number.in_(numbers))):
        fills[row.order_number][row.seq] = trade_of(row).fill
        verdict.fills += 1
    for number in numbers:
        verdict.orders += 1
        try:
            _check_order(stored.get(number), events[number], fills[number])
        except Exception as error:  # noqa: BLE001 - whatever damage makes of values: it is told of this order, and the others are looked at
            verdict.add(f"order {number} is not what its events make of it: {error}")


def _check_order(stored: Row[Any] | None, events: Sequence[Row[Any]], fills: dict[int, Fill]) -> None:
    """Raise ``ValueError``, or what damaged values raise."""
    if stored is None:
        raise ValueError("it is missing")
    if not events:
        raise ValueError("it has no events")
    order = decode_start(events[0].payload)
    for number, row in enumerate(events):
        event = decode_event(row.payload)
        if number:
            order = order.apply(event)
        if (row.state, row.status, row.filled_amount) != (order.state, order.status, order.filled_amount):
            raise ValueError(f"event {row.seq} shows another state than it leads to")
        if fills.pop(row.seq, None) != event.fill:
            raise ValueError(f"the fill of event {row.seq} is not the one that is stored")
    if fills:
        raise ValueError(f"fill {min(fills)} comes from no event of it")
    _compare(order_of(stored), order)


def _compare(stored: Order, folded: Order) -> None:
    for name in Order.__struct_fields__:
        if getattr(stored, name) != getattr(folded, name):
            raise ValueError(f"its {name} is {getattr(stored, name)}, and should be {getattr(folded, name)}")


def _check_strangers(connection: Connection, verdict: Verdict) -> None:
    """Events and fills whose order is not there."""
    for table in (EVENTS, FILLS):
        query = (
            select(func.count())
            .select_from(table)
            .where(table.c.order_number.is_not(None), table.c.order_number.not_in(select(ORDERS.c.id)))
        )
        count = connection.scalar(query)
        if count:
            verdict.add(f"{count} {table.name} belong to orders that are missing")


def _check_balances(
    connection: Connection, expected: dict[tuple[str, str, str], tuple[Decimal, Decimal | None]], verdict: Verdict
) -> None:
    rows = connection.execute(select(*BALANCES.c)).all()
    stored = {(row.account_name, row.connector_name, row.asset): (row.total, row.available) for row in rows}
    for name in sorted(stored.keys() | expected.keys()):
        if stored.get(name) != expected.get(name):
            verdict.add(f"the balance of {'/'.join(name)} is not the one that was recorded last")


def _check_counts(connection: Connection, verdict: Verdict) -> None:
    """The counts that triggers keep, against what there is."""
    month = "substr({}, 1, 7)" if connection.dialect.name == "sqlite" else "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM')"
    sources = (
        (ORDER_COUNTS, ORDERS, dict(ORDERS.c), "orders.created_at"),
        (FILL_COUNTS, FILLS.join(ORDERS), {**dict(ORDERS.c), **dict(FILLS.c)}, "fills.filled_at"),
    )
    for counts, source, known, moment in sources:
        kind: list[ColumnElement[Any]] = [
            literal_column(month.format(moment)) if column.name == "month" else known[column.name]
            for column in counts.primary_key
        ]
        counted = select(*kind, func.count()).select_from(source).group_by(*kind)
        expected = {tuple(row[:-1]): row[-1] for row in connection.execute(counted)}
        stored = {tuple(row[:-1]): row[-1] for row in connection.execute(select(*counts.c)) if row[-1]}
        for name in sorted(stored.keys() | expected.keys()):
            if stored.get(name) != expected.get(name):
                verdict.add(
                    f"{counts.name} of {'/'.join(name)} is {stored.get(name, 0)}, and should be {expected.get(name, 0)}"
                )

"""The statements of the write path, defined once on the tables and compiled once for each database.

A statement is built for a number of rows: a whole group of orders goes into SQLite in one step, during which other threads run.
Values are passed as tuples in the order of the columns named here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    Column,
    Table,
    and_,
    bindparam,
    cast,
    column,
    delete,
    insert,
    select,
    update,
    values,
)

from app.journal.rows import CHANGEABLE
from app.storage.tables import (
    ACTIVE_ONLY,
    API_KEYS,
    APPROVALS,
    AUDIT,
    AWAITING_ONLY,
    BALANCES,
    CREDENTIALS,
    DEAD_MAN,
    ENDED_SESSIONS,
    EVENTS,
    FILLS,
    HALTS,
    LIMITS,
    ORDERS,
    USERS,
)

Columns = Sequence[Column[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """``build(count)`` gives the statement for ``count`` rows of ``columns``."""

    columns: Columns
    build: Callable[[int], Any]


def _given(columns: Columns, count: int) -> CTE:
    """The rows that are passed in, as a table named ``given``."""
    rows = [
        tuple(cast(bindparam(f"{each.name}_{row}", type_=each.type), each.type) for each in columns)
        for row in range(count)
    ]
    return values(*[column(each.name, each.type) for each in columns], name="given").data(rows).cte("given")


def _insert(table: Table) -> Statement:
    columns = tuple(table.c)

    def build(count: int) -> Any:
        return insert(table).values(
            [{each.name: bindparam(f"{each.name}_{row}", type_=each.type) for each in columns} for row in range(count)]
        )

    return Statement(columns=columns, build=build)


def _update(table: Table, columns: Columns, *, keys: int) -> Statement:
    """Update the rows that the first ``keys`` columns name with the rest."""

    def build(count: int) -> Any:
        given = _given(columns, count)
        return (
            update(table)
            .where(and_(*[each == given.c[each.name] for each in columns[:keys]]))
            .values({each.name: given.c[each.name] for each in columns[keys:]})
        )

    return Statement(columns=columns, build=build)


def _delete(table: Table, *, keys: int) -> Statement:
    """Delete the rows that the first ``keys`` columns name."""
    columns = tuple(table.c)[:keys]

    def build(count: int) -> Any:
        given = _given(columns, count)
        there = select(given).where(and_(*[each == given.c[each.name] for each in columns]))
        return delete(table).where(there.exists())

    return Statement(columns=columns, build=build)


def _select(wanted: Columns, keys: Columns) -> Statement:
    """The ``wanted`` columns of the rows that have one of the given ``keys``."""

    def build(count: int) -> Any:
        given = _given(keys, count)
        return select(*wanted).join_from(keys[0].table, given, and_(*[each == given.c[each.name] for each in keys]))

    return Statement(columns=keys, build=build)


FIND_ORDERS = _select(tuple(ORDERS.c), (ORDERS.c.account_name, ORDERS.c.connector_name, ORDERS.c.order_id))
FIND_BY_IDEMPOTENCY_KEY = _select(
    tuple(ORDERS.c), (ORDERS.c.account_name, ORDERS.c.connector_name, ORDERS.c.idempotency_key)
)
FIND_FILLS_OF_ORDER = _select((FILLS.c.order_number, FILLS.c.exchange_fill_id), (FILLS.c.order_number,))
FIND_BALANCES = _select(tuple(BALANCES.c), (BALANCES.c.account_name, BALANCES.c.connector_name))
#: The events after one sequence number and up to another.
FIND_EVENTS = Statement(
    columns=(EVENTS.c.seq, EVENTS.c.seq),
    build=lambda _: (
        select(*EVENTS.c)
        .where(EVENTS.c.seq > bindparam("after"), EVENTS.c.seq <= bindparam("up_to"))
        .order_by(EVENTS.c.seq)
    ),
)
FIND_CREDENTIALS = _select(
    (CREDENTIALS.c.version, CREDENTIALS.c.exchange_account),
    (CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name),
)
FIND_KEY = _select(tuple(API_KEYS.c), (API_KEYS.c.key_id,))
INSERT_KEYS = _insert(API_KEYS)
#: What may change of a key, after its id.
KEY_CHANGES: Columns = (
    API_KEYS.c.key_id,
    API_KEYS.c.secret_hash,
    API_KEYS.c.previous_hash,
    API_KEYS.c.previous_until,
    API_KEYS.c.disabled_at,
    API_KEYS.c.deleted_at,
    API_KEYS.c.version,
    API_KEYS.c.told,
)
UPDATE_KEYS = _update(API_KEYS, KEY_CHANGES, keys=1)
FIND_USER = _select((USERS.c.version, USERS.c.disabled_at), (USERS.c.username,))
FIND_ENDED_SESSION = _select((ENDED_SESSIONS.c.session_id,), (ENDED_SESSIONS.c.session_id,))
INSERT_AUDIT = _insert(AUDIT)
#: An event with its fill, if it brought one, and its order as it is now.
CHANGE_COLUMNS: Columns = (
    EVENTS.c.seq,
    EVENTS.c.kind,
    EVENTS.c.at,
    EVENTS.c.order_number,
    FILLS.c.exchange_fill_id,
    FILLS.c.price,
    FILLS.c.amount,
    FILLS.c.fee,
    FILLS.c.fee_currency,
    FILLS.c.filled_at,
    *ORDERS.c,
)
_AFTER: BindParameter[int] = bindparam("after")
_UP_TO: BindParameter[int] = bindparam("up_to")
#: The events of orders after one sequence number and up to another, in their order.
FIND_CHANGES = Statement(
    columns=(EVENTS.c.seq, EVENTS.c.seq),
    build=lambda _: (
        select(*CHANGE_COLUMNS)
        .select_from(
            EVENTS.join(ORDERS, EVENTS.c.order_number == ORDERS.c.id).outerjoin(FILLS, FILLS.c.seq == EVENTS.c.seq)
        )
        .where(EVENTS.c.seq > _AFTER, EVENTS.c.seq <= _UP_TO)
        .order_by(EVENTS.c.seq)
    ),
)
#: Those of them that brought a fill.
FIND_OLD_FILLS = Statement(
    columns=(FILLS.c.seq, FILLS.c.seq),
    build=lambda _: (
        select(*CHANGE_COLUMNS)
        .select_from(FILLS.join(ORDERS, FILLS.c.order_number == ORDERS.c.id).join(EVENTS, FILLS.c.seq == EVENTS.c.seq))
        .where(FILLS.c.seq > _AFTER, FILLS.c.seq <= _UP_TO)
        .order_by(FILLS.c.seq)
    ),
)
FIND_ACTIVE = Statement(columns=(), build=lambda _: select(*ORDERS.c).where(ACTIVE_ONLY))
FIND_TIME = Statement(
    columns=(EVENTS.c.seq,), build=lambda _: select(EVENTS.c.at).where(EVENTS.c.seq == bindparam("seq"))
)
FIND_HALTS = Statement(columns=(), build=lambda _: select(*HALTS.c))
FIND_LIMITS = Statement(columns=(), build=lambda _: select(*LIMITS.c))
FIND_DEAD_MAN = Statement(columns=(), build=lambda _: select(*DEAD_MAN.c))
FIND_APPROVAL = _select(tuple(APPROVALS.c), (APPROVALS.c.number,))
FIND_APPROVAL_BY_KEY = _select(
    tuple(APPROVALS.c), (APPROVALS.c.account_name, APPROVALS.c.connector_name, APPROVALS.c.idempotency_key)
)
FIND_APPROVALS_OF_ORDER = _select(
    tuple(APPROVALS.c), (APPROVALS.c.account_name, APPROVALS.c.connector_name, APPROVALS.c.order_id)
)
FIND_AWAITING = Statement(columns=(), build=lambda _: select(*APPROVALS.c).where(AWAITING_ONLY))
DELETE_APPROVALS = _delete(APPROVALS, keys=1)
INSERT_APPROVALS = _insert(APPROVALS)
DELETE_HALTS = _delete(HALTS, keys=4)
INSERT_HALTS = _insert(HALTS)
DELETE_LIMITS = _delete(LIMITS, keys=4)
INSERT_LIMITS = _insert(LIMITS)
DELETE_DEAD_MAN = _delete(DEAD_MAN, keys=2)
INSERT_DEAD_MAN = _insert(DEAD_MAN)
#: The pairs that an account has active orders of.
FIND_ACTIVE_PAIRS = Statement(
    columns=(ORDERS.c.account_name, ORDERS.c.connector_name),
    build=lambda _: select(ORDERS.c.trading_pair, ORDERS.c.order_id).where(
        ACTIVE_ONLY,
        ORDERS.c.account_name == bindparam("account_name"),
        ORDERS.c.connector_name == bindparam("connector_name"),
    ),
)
INSERT_ORDERS = _insert(ORDERS)
INSERT_EVENTS = _insert(EVENTS)
INSERT_FILLS = _insert(FILLS)
UPDATE_ORDERS = _update(ORDERS, CHANGEABLE, keys=1)
INSERT_BALANCES = _insert(BALANCES)
UPDATE_BALANCES = _update(BALANCES, tuple(BALANCES.c), keys=3)

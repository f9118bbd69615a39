"""Fills a SQLite journal with any number of orders, in a minute or two instead of hours.

The journal itself writes a few model orders into a separate database. Their raw rows are templates: every order made here is a copy
of a model with its own ids, sequence numbers and times, so that the tables have what the program would have written. The rows are
inserted in bulk, and the indexes are created at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from app.domain.enums import EventKind, Liquidity, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.ids import new_order_id
from app.domain.observation import observe
from app.domain.order import Order, OrderRequest
from app.domain.reports import OrderReport
from app.journal.journal import Journal
from app.services.orders.preparing import intended
from app.settings import Settings
from app.storage import schema
from app.storage.types import link

#: Every order has this many fills.
FILLS = 3

#: The values of a model that a copy replaces by its own. All of a model's times are in this second.
_SECOND = "2001-02-03T04:05:06"
_ORDER_ID = "og0model0order0id0000000000"
_EXCHANGE_ID = "770000000077"
_FILL_IDS = tuple(f"88000000008{number}" for number in range(FILLS))
_MARKS = {_SECOND: "at", _ORDER_ID: "oid", _EXCHANGE_ID: "xid", **{text: f"f{n}" for n, text in enumerate(_FILL_IDS)}}
_ARGUMENTS = ("n", *_MARKS.values())

#: Columns with numbers, to which a copy adds the sequence number that it begins at.
_COUNTED = {"orders": {"id"}, "events": {"seq", "order_number"}, "fills": {"seq", "order_number"}}

#: When the first copy was placed, and how far apart they are: a million make a year.
_BEGINNING = datetime(2025, 11, 1, tzinfo=UTC)
_APART = timedelta(seconds=31)

_AT_ONCE = 20_000

Row = tuple[Any, ...]
MakeRows = Callable[..., tuple[Row, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An order to copy: its weight in percent, and the functions that make the rows of each table for a copy."""

    weight: int
    entries: int
    rows: dict[str, MakeRows]
    text: str


def fill_journal(path: Path, orders: int) -> None:
    """Append ``orders`` orders to the journal at ``path``, which no process may have open."""
    _append(path, orders, _models())


def fingerprint(path: Path, orders: int) -> str:
    """Changes whenever ``fill_journal`` would write something else into the journal at ``path``."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    return hashlib.sha256(repr((orders, tables, [model.text for model in _models()])).encode()).hexdigest()


# -- the models -------------------------------------------------------------------------------------------------------------------


def _shapes() -> Iterator[tuple[int, Order, OrderReport]]:
    """Weight, order and the exchange's report of each model: mostly BTC, mostly filled, mostly by one account."""
    for pair, price, weight in (("BTC-USDT", "60000.01", 5), ("ETH-USDT", "3000.02", 3), ("SOL-USDT", "150.03", 2)):
        for side in (TradeType.BUY, TradeType.SELL):
            for account, share in (("master_account", 4), ("second_account", 1)):
                for outcome, part in (("filled", 4), ("canceled", 1)):
                    yield weight * share * part, *_shape(pair, Decimal(price), side, account, outcome)


def _shape(pair: str, price: Decimal, side: TradeType, account: str, outcome: Any) -> tuple[Order, OrderReport]:
    at = datetime.fromisoformat(f"{_SECOND}.100000+00:00")
    request = OrderRequest(
        account_name=account,
        connector_name="binance",
        trading_pair=pair,
        trade_type=side,
        order_type=OrderType.LIMIT,
        amount=Decimal("0.03") if outcome == "filled" else Decimal("0.05"),
        price=price,
    )
    fills = tuple(
        Fill(
            exchange_fill_id=fill_id,
            price=price,
            amount=Decimal("0.01"),
            fee=Decimal("0.00001"),
            fee_currency=pair.partition("-")[0],
            filled_at=at + timedelta(milliseconds=20),
            liquidity=Liquidity.TAKER,
        )
        for fill_id in _FILL_IDS
    )
    report = OrderReport(
        order_id=_ORDER_ID,
        exchange_order_id=_EXCHANGE_ID,
        trading_pair=pair,
        state=outcome,
        filled_amount=Decimal("0.03"),
        fills=fills,
        reported_at=at + timedelta(milliseconds=20),
    )
    return intended(request, order_id=_ORDER_ID, at=at, terms=request.terms()), report


def _models() -> list[Model]:
    with tempfile.TemporaryDirectory(prefix="ordergate-bench-") as directory:
        return [
            _model(Path(directory) / f"{number}.db", weight, order, report)
            for number, (weight, order, report) in enumerate(_shapes())
        ]


def _model(path: Path, weight: int, order: Order, report: OrderReport) -> Model:
    asyncio.run(_write_model(path, order, report))
    rows, texts = {}, []
    with sqlite3.connect(path) as connection:
        for table, counted in _COUNTED.items():
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1")
            is_counted = [column[0] in counted for column in cursor.description]
            text = "".join(f"({_row_source(row, is_counted)}), " for row in cursor)
            rows[table] = eval(f"lambda {', '.join(_ARGUMENTS)}: ({text})")
            texts.append(text)
        entries: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    return Model(weight=weight, entries=entries, rows=rows, text="\n".join(texts))


async def _write_model(path: Path, order: Order, report: OrderReport) -> None:
    settings = Settings(database_url=f"sqlite:///{path}", is_durable=False)
    schema.upgrade(settings.database_url)
    journal = Journal(settings, SystemClock())
    await journal.open()
    at = order.created_at
    await journal.open_order(order, OrderEvent(kind=EventKind.INTENDED, at=at, source="caller"))

    def decide(order: Order, known_fills: frozenset[str]) -> Any:
        return observe(
            order,
            report,
            known_fills=known_fills,
            at=at + timedelta(milliseconds=30),
            source="answer",
            evidence="the exchange answered the order",
        ).events

    await journal.record(order.key, decide)
    await journal.close()


def _row_source(row: Row, is_counted: list[bool]) -> str:
    """Source of a tuple that is ``row`` of another order."""
    return "".join(f"{_value_source(value, counts)}, " for value, counts in zip(row, is_counted, strict=True))


def _value_source(value: Any, counts: bool) -> str:
    if counts and value is not None:
        return f"n+{value - 1}"
    if not isinstance(value, str):
        return repr(value)
    pieces = re.split(f"({'|'.join(map(re.escape, _MARKS))})", value)
    return "+".join(_MARKS.get(piece, repr(piece)) for piece in pieces if piece) or "''"


# -- the copies -------------------------------------------------------------------------------------------------------------------


def _append(path: Path, orders: int, models: list[Model]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    # No log is needed: an incomplete journal is made again.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('orders', 'events', 'fills')"
    ).fetchall()
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    _insert(connection, orders, models)
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    # The next measurement must not wait until these gigabytes are on disk.
    os.sync()


def _insert(connection: sqlite3.Connection, orders: int, models: list[Model]) -> None:
    choose = random.Random(5)
    weights = [model.weight for model in models]
    head, chain = connection.execute("SELECT value, chain FROM journal_sequence").fetchone()
    for start in range(0, orders, _AT_ONCE):
        rows: dict[str, list[Row]] = {table: [] for table in _COUNTED}
        numbers = range(start, min(start + _AT_ONCE, orders))
        for number, model in zip(numbers, choose.choices(models, weights, k=len(numbers)), strict=True):
            values = (head + 1, *_names(number, choose))
            for table, make in model.rows.items():
                rows[table] += make(*values)
            head += model.entries
        for number, row in enumerate(rows["events"]):
            chain = link(chain, row)
            rows["events"][number] = (*row[:-1], chain)
        for table, made in rows.items():
            places = ", ".join("?" * len(made[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", made)
    connection.execute("UPDATE journal_sequence SET value = ?, chained = ?, chain = ?", (head, head, chain))


def _names(number: int, choose: random.Random) -> tuple[str, ...]:
    """A copy's own values: its second, its id, the exchange's id and those of its fills."""
    at = _BEGINNING + number * _APART
    # Ten digits of time, as ids have them; digits are as good as letters for the rest, and quicker to make.
    order_id = f"{new_order_id(at, lambda bits: 0, '000000')[:12]}{choose.randrange(10**16):016d}"
    fill_id = number * FILLS + 1
    return (at.isoformat()[:19], order_id, str(10_000_000_000 + number), *(str(fill_id + n) for n in range(FILLS)))

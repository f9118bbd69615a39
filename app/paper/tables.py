"""The tables of an exchange, for SQLite and PostgreSQL, and their types for exact numbers and times.

Each exchange has its own set, with a prefix before the names, so that several may share a database. Numbers are NUMERIC in
PostgreSQL and text in SQLite, whose own numbers are floats; times are whole microseconds since 1970. Processes lock the one row of
``…_exchange``: it has the counters, and its ``version`` grows with every commit. Rows that are mirrored in memory have the version
that wrote them, so that another process reads only what is new to it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Numeric, String, Table, Text, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.domain.decimals import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Money(TypeDecorator[Decimal]):
    """An exact number of any length."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        return value if value is None or dialect.name == "postgresql" else plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return value if value is None or isinstance(value, Decimal) else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """An aware time, to the microsecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Tables:
    """The tables of every exchange. ``schema_version`` grows with every change; a store of another version is refused."""

    schema_version = 1

    def __init__(self, prefix: str) -> None:
        self.metadata = MetaData()
        self.exchange = _exchange(prefix, self.metadata)
        self.accounts = Table(
            f"{prefix}_accounts",
            self.metadata,
            Column("account", String, primary_key=True),
            Column("version", BigInteger, nullable=False),
        )
        self.balances = _balances(prefix, self.metadata)
        self.orders = _orders(prefix, self.metadata, self._order_columns())
        self.fills = _fills(prefix, self.metadata, self._fill_columns())
        self.events = _events(prefix, self.metadata)

    def _order_columns(self) -> tuple[Column[Any], ...]:
        """Further columns of an order."""
        return ()

    def _fill_columns(self) -> tuple[Column[Any], ...]:
        """Further columns of a fill."""
        return ()


def _exchange(prefix: str, metadata: MetaData) -> Table:
    return Table(
        f"{prefix}_exchange",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("schema_version", Integer, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("tick", BigInteger, nullable=False),
        Column("taken", Text, nullable=False),
        Column("order_id", BigInteger, nullable=False),
        Column("fill_id", BigInteger, nullable=False),
        Column("seq", BigInteger, nullable=False),
    )


def _balances(prefix: str, metadata: MetaData) -> Table:
    return Table(
        f"{prefix}_balances",
        metadata,
        Column("account", String, primary_key=True),
        Column("asset", String, primary_key=True),
        Column("total", Money, nullable=False),
        Column("held", Money, nullable=False),
        Column("version", BigInteger, nullable=False),
    )


def _orders(prefix: str, metadata: MetaData, further: tuple[Column[Any], ...]) -> Table:
    return Table(
        f"{prefix}_orders",
        metadata,
        Column("exchange_order_id", BigInteger, primary_key=True, autoincrement=False),
        Column("account", String, nullable=False),
        Column("client_order_id", String, nullable=False),
        Column("trading_pair", String, nullable=False),
        Column("trade_type", String, nullable=False),
        Column("order_type", String, nullable=False),
        Column("time_in_force", String, nullable=False),
        Column("price", Money),
        Column("amount", Money),
        Column("quote_amount", Money),
        Column("state", String, nullable=False),
        Column("filled_amount", Money, nullable=False),
        Column("filled_quote", Money, nullable=False),
        Column("reason", String),
        Column("placed_tick", BigInteger, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("updated_at", Instant, nullable=False),
        Column("version", BigInteger, nullable=False),
        *further,
        Index(f"{prefix}_orders_by_name", "account", "client_order_id"),
        Index(f"{prefix}_orders_by_version", "version"),
        # The engine refuses a second open order of one client id; the index guards against a bug there.
        Index(
            f"{prefix}_orders_open",
            "account",
            "client_order_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


def _fills(prefix: str, metadata: MetaData, further: tuple[Column[Any], ...]) -> Table:
    return Table(
        f"{prefix}_fills",
        metadata,
        Column("fill_id", BigInteger, primary_key=True, autoincrement=False),
        Column("exchange_order_id", BigInteger, nullable=False),
        Column("account", String, nullable=False),
        Column("trading_pair", String, nullable=False),
        Column("trade_type", String, nullable=False),
        Column("price", Money, nullable=False),
        Column("amount", Money, nullable=False),
        Column("fee", Money, nullable=False),
        Column("fee_currency", String, nullable=False),
        Column("liquidity", String, nullable=False),
        Column("filled_at", Instant, nullable=False),
        *further,
        Index(f"{prefix}_fills_of_order", "exchange_order_id"),
        Index(f"{prefix}_fills_of_account", "account", "fill_id"),
    )


def _events(prefix: str, metadata: MetaData) -> Table:
    return Table(
        f"{prefix}_events",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("account", String, nullable=False),
        Column("name", String, nullable=False),
        Column("at", Instant, nullable=False),
        Column("exchange_order_id", BigInteger),
        Column("fill_id", BigInteger),
        Column("state", String),
        Column("filled_amount", Money),
        Column("filled_quote", Money),
        Column("balances", Text),
        Index(f"{prefix}_events_of_account", "account", "seq"),
    )


SPOT = Tables("paper")

"""The column types of the journal: exact money, UTC times and names.

They only bind ``codec`` to SQLAlchemy; the writer, which talks to the driver directly, uses the codec itself.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.storage.codec import codec_of

#: Identifiers compare byte by byte on both databases, whatever the server's locale.
Name = Text().with_variant(Text(collation="C"), "postgresql")

#: SQLite keeps a table in the order of its key only if the type says exactly INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


class Money(TypeDecorator[Decimal]):
    """An exact number: TEXT on SQLite, NUMERIC without limits on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return codec_of(dialect.name).money(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return codec_of(dialect.name).read_money(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC: ISO text of fixed width on SQLite, ``timestamptz`` on PostgreSQL. Refuses naive times."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return codec_of(dialect.name).time(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return codec_of(dialect.name).read_time(value)

"""How values are stored: an exact number and a moment on SQLite as text, on PostgreSQL as themselves; the column types; and
the collection of all tables.

The events of the journal are chained by checksums: each is over an event as it is stored and the checksum before it. One that fits
proves all events up to it, so that a change of any of them is found, whoever or whatever made it. The checksums are stored: how
they are made never changes. An event without one (of an older version of the program) is covered by the next.

Both ways keep every digit and every microsecond, and both sort times rightly. Only the ``Codec`` knows the difference. The column
types bind it to SQLAlchemy; the journal's writer, which talks to the driver directly, uses the codec itself.
"""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.domain.decimals import plain

#: All tables, with how their constraints are named.
METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

#: Identifiers compare byte by byte on both databases, whatever the server's locale.
Name = Text().with_variant(Text(collation="C"), "postgresql")

#: SQLite keeps a table in the order of its key only if the type says exactly INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """The four conversions of one database."""

    is_text: bool

    def money(self, number: Decimal | None) -> Any:
        """``number`` as the driver takes it."""
        return number if number is None or not self.is_text else plain(number)

    def time(self, moment: datetime | None) -> Any:
        """``moment`` as the driver takes it. Raises ``ValueError`` if it is not aware."""
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("a time without a zone can't be recorded")
        if not self.is_text:
            return moment
        # Fixed width, so that the order of the texts is the order of the times.
        return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="microseconds")

    def text(self, text: str | None) -> str | None:
        """``text`` as the driver takes it; PostgreSQL has no form for a NUL, which an exchange's words may hold."""
        return text if text is None or "\x00" not in text else text.replace("\x00", "\ufffd")

    def read_money(self, stored: Any) -> Any:
        """The ``Decimal`` that was stored, or None."""
        return Decimal(stored) if self.is_text and stored is not None else stored

    def read_time(self, stored: Any) -> Any:
        """The aware UTC time that was stored, or None. PostgreSQL answers in the session's zone."""
        if stored is None:
            return None
        return datetime.fromisoformat(stored) if self.is_text else stored.astimezone(UTC)


SQLITE = Codec(is_text=True)
POSTGRES = Codec(is_text=False)


def codec_of(dialect_name: str) -> Codec:
    """The codec of a database by SQLAlchemy's name for it."""
    return POSTGRES if dialect_name == "postgresql" else SQLITE


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


#: The checksum before the first event.
ORIGIN = bytes(16)

_ENCODER = msgspec.json.Encoder()

#: Where a row of ``events`` has its time and its filled amount, which are not text on PostgreSQL.
_AT, _FILLED_AMOUNT = 1, 10
#: How many columns the checksum is over: all but itself.
_COLUMNS = 12


def link(previous: bytes, row: collections.abc.Sequence[Any]) -> bytes:
    """The checksum of an event after ``previous``. ``row`` is its row, as it is written or as it is read, of either database."""
    values = list(row[:_COLUMNS])
    if not isinstance(values[_AT], str):
        values[_AT] = SQLITE.time(values[_AT])
    amount = values[_FILLED_AMOUNT]
    if amount is not None and not isinstance(amount, str):
        values[_FILLED_AMOUNT] = plain(amount)
    return blake2b(previous + _ENCODER.encode(values), digest_size=len(ORIGIN)).digest()

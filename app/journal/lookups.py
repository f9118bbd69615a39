"""Orders by their names, which is asked for nearly every call: the query is built and compiled once.

SQLite answers in the time in which SQLAlchemy does a tenth of what it does for each query, so its driver is asked directly there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, bindparam, select
from sqlalchemy.dialects import sqlite

from app.domain.order import Order
from app.journal.rows import decoder, order_of
from app.storage.database import Database
from app.storage.tables import ORDERS
from app.storage.types import SQLITE


class OrderLookup:
    """The orders whose ``keys`` have given values, oldest first."""

    def __init__(self, *keys: Column[Any]) -> None:
        columns = tuple(ORDERS.c)
        conditions = [each == bindparam(each.name, type_=each.type) for each in keys]
        self._names = [each.name for each in keys]
        self._query = select(*columns).where(*conditions).order_by(ORDERS.c.id)
        self._text = str(self._query.compile(dialect=sqlite.dialect()))
        self._decode = decoder(columns, SQLITE)

    def find(self, database: Database, *values: str) -> list[Order]:
        """The orders that have ``values``, given in the order of the keys."""
        if database.is_sqlite:
            return [order_of(self._decode(row)) for row in database.driver_rows(self._text, values)]
        named = dict(zip(self._names, values, strict=True))
        return [order_of(row) for row in database.rows(self._query, named)]

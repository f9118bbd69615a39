"""Funding payments: recorded once each, read back by page, newest first.

They are no events of orders, so they stand beside the journal's entries. All verbs are synchronous and thread-safe, and raise
``JournalUnavailable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.enums import PositionSide
from app.domain.reports import FundingPayment
from app.storage import cursors
from app.storage.database import Database
from app.storage.records import Page
from app.storage.tables import FUNDING_PAYMENTS as TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingFilter:
    """Which payments; empty tuples and None do not narrow, the times are inclusive and bound ``paid_at``."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFunding:
    """A payment with the account that it belongs to. ``number`` counts up in the order in which payments were recorded."""

    number: int
    account_name: str
    connector_name: str
    payment: FundingPayment


class FundingPayments:
    """The payments in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, account_name: str, connector_name: str, payments: Sequence[FundingPayment], *, at: datetime) -> int:
        """Record those of ``payments`` that are not yet; how many that were."""
        if not payments:
            return 0
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(TABLE)
        statement = insert.on_conflict_do_nothing().returning(TABLE.c.id)
        rows = [_row_of(account_name, connector_name, payment, at) for payment in payments]
        with self._database.change() as connection:
            # One by one: what is returned says whether the row was there.
            return sum(connection.execute(statement, row).first() is not None for row in rows)

    def last_paid_at(self, account_name: str, connector_name: str) -> datetime | None:
        """When the newest payment that is recorded of an account on a connector was made."""
        query = select(TABLE.c.paid_at).where(
            TABLE.c.account_name == account_name, TABLE.c.connector_name == connector_name
        )
        rows = self._database.rows(query.order_by(TABLE.c.paid_at.desc()).limit(1))
        return rows[0].paid_at if rows else None

    def page(self, wanted: FundingFilter, *, limit: int, cursor: str | None) -> Page[RecordedFunding]:
        """Payments, newest first. Raises ``InvalidCursor``."""
        conditions = _conditions(wanted)
        query = select(*TABLE.c).where(*conditions).order_by(TABLE.c.paid_at.desc(), TABLE.c.id.desc())
        if cursor is not None:
            query = query.where(tuple_(TABLE.c.paid_at, TABLE.c.id) < cursors.decode_moment(cursor))
        with self._database.snapshot() as connection:
            total = connection.scalar(select(func.count()).select_from(TABLE).where(*conditions))
            # One row more than asked tells whether there is another page.
            rows = connection.execute(query.limit(limit + 1)).all()
        shown = rows[:limit]
        more = len(rows) > limit
        return Page(
            items=tuple(map(_funding_of, shown)),
            total_count=total or 0,
            next_cursor=cursors.encode_moment(shown[-1].paid_at, shown[-1].id) if more else None,
        )


def _conditions(wanted: FundingFilter) -> list[ColumnElement[bool]]:
    named = (
        (TABLE.c.account_name, wanted.account_names),
        (TABLE.c.connector_name, wanted.connector_names),
        (TABLE.c.trading_pair, wanted.trading_pairs),
    )
    conditions: list[ColumnElement[bool]] = [column.in_(names) for column, names in named if names]
    if wanted.start_at is not None:
        conditions.append(TABLE.c.paid_at >= wanted.start_at)
    if wanted.end_at is not None:
        conditions.append(TABLE.c.paid_at <= wanted.end_at)
    return conditions


def _row_of(account_name: str, connector_name: str, payment: FundingPayment, at: datetime) -> dict[str, Any]:
    return {
        "account_name": account_name,
        "connector_name": connector_name,
        "trading_pair": payment.trading_pair,
        "exchange_funding_id": payment.exchange_funding_id,
        "payment": payment.payment,
        "currency": payment.currency,
        "rate": payment.rate,
        "position_size": payment.position_size,
        "position_side": payment.position_side,
        "paid_at": payment.paid_at,
        "recorded_at": at,
    }


def _funding_of(row: Any) -> RecordedFunding:
    return RecordedFunding(
        number=row.id,
        account_name=row.account_name,
        connector_name=row.connector_name,
        payment=FundingPayment(
            exchange_funding_id=row.exchange_funding_id,
            trading_pair=row.trading_pair,
            payment=row.payment,
            currency=row.currency,
            paid_at=row.paid_at,
            rate=row.rate,
            position_size=row.position_size,
            position_side=None if row.position_side is None else PositionSide(row.position_side),
        ),
    )

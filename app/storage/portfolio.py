"""Portfolio snapshots: written every five minutes, read back by page.

Time is cut into slots of five minutes, so that several processes that take a snapshot at the same time write the same rows. A
longer interval shows the last slot of each of its stretches. All verbs are synchronous and thread-safe, and raise
``JournalUnavailable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.decimals import plain
from app.domain.portfolio import Holding, Holdings, Snapshot
from app.storage import cursors
from app.storage.database import Database
from app.storage.tables import PORTFOLIO_SNAPSHOTS as TABLE

#: How far apart snapshots are. Callers of hummingbot-api know this rhythm, and ask for multiples of it.
SLOT = timedelta(minutes=5)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFilter:
    """Which snapshots: of which accounts and connectors, from when to when (inclusive), and one of how many slots."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None
    slots: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPage:
    """Snapshots, newest first; ``next_cursor`` is None on the last page."""

    items: tuple[Snapshot, ...]
    next_cursor: str | None


def slot_of(at: datetime) -> int:
    """The number of the slot that ``at`` lies in."""
    return (at - _EPOCH) // SLOT


def start_of(slot: int) -> datetime:
    """When a slot begins."""
    return _EPOCH + slot * SLOT


class Snapshots:
    """The snapshots in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, slot: int, portfolio: Sequence[Holdings]) -> None:
        """Write the holdings of ``slot``; what another process has written already stays."""
        if not portfolio:
            return
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(TABLE)
        with self._database.change() as connection:
            connection.execute(insert.on_conflict_do_nothing(), [_row_of(slot, holdings) for holdings in portfolio])

    def latest(self, account_name: str, connector_name: str) -> Holdings | None:
        """The holdings of an account on a connector in the newest snapshot."""
        query = select(*TABLE.c).where(TABLE.c.account_name == account_name, TABLE.c.connector_name == connector_name)
        rows = self._database.rows(query.order_by(TABLE.c.slot.desc()).limit(1))
        return _holdings_of(rows[0]) if rows else None

    def page(self, wanted: SnapshotFilter, *, limit: int, cursor: str | None) -> SnapshotPage:
        """Snapshots, newest first. Raises ``InvalidCursor``."""
        conditions = _conditions(wanted)
        slots = _slots(wanted, conditions, None if cursor is None else slot_of(cursors.decode_time(cursor)))
        with self._database.snapshot() as connection:
            # One slot more than asked tells whether there is another page.
            found = [row[0] for row in connection.execute(slots.limit(limit + 1))]
            shown = found[:limit]
            query = select(*TABLE.c).where(*conditions, TABLE.c.slot.in_(shown))
            rows = connection.execute(
                query.order_by(TABLE.c.slot.desc(), TABLE.c.account_name, TABLE.c.connector_name)
            ).all()
        items = tuple(
            Snapshot(at=start_of(slot), holdings=tuple(map(_holdings_of, group)))
            for slot, group in groupby(rows, key=lambda row: int(row.slot))
        )
        more = len(found) > limit
        return SnapshotPage(items=items, next_cursor=cursors.encode_time(start_of(shown[-1])) if more else None)


def _slots(wanted: SnapshotFilter, conditions: Sequence[ColumnElement[bool]], after: int | None) -> Select[Any]:
    """The slots to show, newest first: of each stretch of ``wanted.slots`` the last that there is."""
    newest = func.max(TABLE.c.slot)
    query = select(newest).where(*conditions).group_by(TABLE.c.slot // wanted.slots).order_by(newest.desc())
    if after is not None:
        # The cursor's own stretch has been shown.
        query = query.where(TABLE.c.slot < after // wanted.slots * wanted.slots)
    return query


def _conditions(wanted: SnapshotFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.account_names:
        conditions.append(TABLE.c.account_name.in_(wanted.account_names))
    if wanted.connector_names:
        conditions.append(TABLE.c.connector_name.in_(wanted.connector_names))
    if wanted.start_at is not None:
        conditions.append(TABLE.c.slot >= -((_EPOCH - wanted.start_at) // SLOT))
    if wanted.end_at is not None:
        conditions.append(TABLE.c.slot <= slot_of(wanted.end_at))
    return conditions


def _row_of(slot: int, holdings: Holdings) -> dict[str, Any]:
    tokens = [
        (each.token, plain(each.units), _plain_or_none(each.available_units), _plain_or_none(each.price))
        for each in holdings.tokens
    ]
    return {
        "slot": slot,
        "account_name": holdings.account_name,
        "connector_name": holdings.connector_name,
        "asked_at": holdings.asked_at,
        "holdings": msgspec.json.encode(tokens).decode(),
    }


def _plain_or_none(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _holdings_of(row: Any) -> Holdings:
    tokens = msgspec.json.decode(row.holdings, type=list[tuple[str, Decimal, Decimal | None, Decimal | None]])
    return Holdings(
        account_name=row.account_name,
        connector_name=row.connector_name,
        asked_at=row.asked_at,
        tokens=tuple(
            Holding(token=token, units=units, available_units=available, price=price)
            for token, units, available, price in tokens
        ),
    )

"""Reading approvals: pages of them, single ones, and what waits. All verbs are synchronous and thread-safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from app.domain.enums import ApprovalState
from app.domain.errors import InvalidCursor
from app.domain.order import OrderRequest
from app.domain.safety.approvals import Approval
from app.journal.safety_rows import approval_of
from app.storage.database import Database
from app.storage.records import Page
from app.storage.tables import APPROVALS, AWAITING_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFilter:
    """Which approvals; empty and None do not narrow."""

    state: ApprovalState | None = None
    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()


class Approvals:
    """The approvals in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, number: int) -> Approval | None:
        """The approval of that number."""
        rows = self._database.rows(select(*APPROVALS.c).where(APPROVALS.c.number == number))
        return approval_of(rows[0]) if rows else None

    def waiting_for(self, request: OrderRequest) -> Approval | None:
        """The approval that waits for an order of the same terms under the request's idempotency key or client order id."""
        names = (
            (APPROVALS.c.idempotency_key, request.idempotency_key),
            (APPROVALS.c.order_id, request.client_order_id),
        )
        same = [column == name for column, name in names if name is not None]
        if not same:
            return None
        query = select(*APPROVALS.c).where(
            AWAITING_ONLY,
            APPROVALS.c.account_name == request.account_name,
            APPROVALS.c.connector_name == request.connector_name,
            APPROVALS.c.terms == request.terms(),
            or_(*same),
        )
        waiting = map(approval_of, self._database.rows(query))
        # An id that waits under another key is that key's.
        return next((each for each in waiting if not each.has_other_key(request.idempotency_key)), None)

    def page(self, wanted: ApprovalFilter, *, limit: int, cursor: str | None) -> Page[Approval]:
        """Approvals, newest first. Raises ``InvalidCursor``."""
        conditions = _conditions(wanted)
        query = select(*APPROVALS.c).where(*conditions).order_by(APPROVALS.c.number.desc())
        if cursor is not None:
            if not re.fullmatch("[0-9]{1,18}", cursor, re.ASCII):
                raise InvalidCursor(cursor)
            query = query.where(APPROVALS.c.number < int(cursor))
        with self._database.snapshot() as connection:
            total = connection.scalar(select(func.count()).select_from(APPROVALS).where(*conditions))
            rows = connection.execute(query.limit(limit + 1)).all()
        shown = rows[:limit]
        return Page(
            items=tuple(map(approval_of, shown)),
            total_count=total or 0,
            next_cursor=str(shown[-1].number) if len(rows) > limit else None,
        )

    def awaiting(self) -> tuple[int, datetime | None]:
        """How many wait, and when the first of them expires."""
        awaiting = APPROVALS.c.state == ApprovalState.AWAITING.value
        query = select(func.count(), func.min(APPROVALS.c.expires_at)).select_from(APPROVALS).where(awaiting)
        with self._database.snapshot() as connection:
            count, first = connection.execute(query).one()
        return count, first


def _conditions(wanted: ApprovalFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(APPROVALS.c.state == wanted.state.value)
    for column, names in (
        (APPROVALS.c.account_name, wanted.account_names),
        (APPROVALS.c.connector_name, wanted.connector_names),
        (APPROVALS.c.trading_pair, wanted.trading_pairs),
    ):
        if names:
            conditions.append(column.in_(names))
    return conditions

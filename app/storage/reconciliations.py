"""The last comparison of each account with its exchange, for processes that do not feed the account.

All verbs are synchronous and thread-safe, and raise ``JournalUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.order import AccountKey
from app.domain.reconciliation import ReconciliationState
from app.storage.database import Database
from app.storage.tables import RECONCILIATIONS as TABLE


class StoredReconciliations:
    """The last comparisons in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, states: Mapping[AccountKey, ReconciliationState]) -> None:
        """Store ``states`` in place of earlier ones."""
        if not states:
            return
        statement: Any = (sqlite if self._database.is_sqlite else postgresql).insert(TABLE)
        statement = statement.on_conflict_do_update(
            index_elements=[TABLE.c.account_name, TABLE.c.connector_name], set_={"state": statement.excluded.state}
        )
        # In one order, so that two processes never wait for each other's rows.
        rows = [{**key._asdict(), "state": _text(state)} for key, state in sorted(states.items())]
        with self._database.change() as connection:
            connection.execute(statement, rows)

    def get(self, account: AccountKey) -> ReconciliationState:
        """What was stored last; a state of nothing if nothing was."""
        query = select(TABLE.c.state).where(
            TABLE.c.account_name == account.account_name, TABLE.c.connector_name == account.connector_name
        )
        rows = self._database.rows(query)
        return msgspec.json.decode(rows[0].state, type=ReconciliationState) if rows else ReconciliationState()


def _text(state: ReconciliationState) -> str:
    return msgspec.json.encode(state).decode()

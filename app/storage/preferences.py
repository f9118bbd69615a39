"""What an operator chose at run time and every process must know: small JSON documents by name.

Not for secrets, and not for what the environment says. All verbs are synchronous and thread-safe, and raise ``JournalUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.storage.database import Database
from app.storage.tables import SETTINGS


class Preferences:
    """The preferences in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> Mapping[str, Any]:
        """What was put under ``key``; an empty document if nothing was."""
        rows = self._database.rows(select(SETTINGS.c.value).where(SETTINGS.c.key == key))
        document: Mapping[str, Any] = msgspec.json.decode(rows[0].value) if rows else {}
        return document

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Store ``document`` under ``key`` in place of what was there."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement: Any = dialect.insert(SETTINGS)
        statement = statement.values(key=key, value=msgspec.json.encode(document).decode())
        with self._database.change() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[SETTINGS.c.key], set_={"value": statement.excluded.value}
                )
            )

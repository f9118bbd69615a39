"""What an operator chose at run time and every process must know: small JSON documents by name.

Not for secrets, and not for what the environment says. All verbs are synchronous and thread-safe, and raise ``JournalUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.audit import AuditRecord
from app.storage.audit import append
from app.storage.database import Database
from app.storage.safety import check_asker
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

    def replace(
        self, key: str, old: Mapping[str, Any], new: Mapping[str, Any], record: AuditRecord | None = None
    ) -> bool:
        """Store ``new`` under ``key`` if ``old``, as ``get`` returned it, is still there; else return False and change nothing.
        ``record`` is appended to the audit log if it is done. Raises as ``check_asker`` does.
        """
        statement: Any
        is_old = SETTINGS.c.value == _text(old)
        if old:
            statement = update(SETTINGS).where(SETTINGS.c.key == key, is_old).values(value=_text(new))
        else:
            insert = (sqlite if self._database.is_sqlite else postgresql).insert(SETTINGS)
            statement = insert.values(key=key, value=_text(new))
            statement = statement.on_conflict_do_update(
                index_elements=[SETTINGS.c.key], set_={"value": statement.excluded.value}, where=is_old
            )
        with self._database.change() as connection:
            check_asker(connection, record)
            is_done = connection.execute(statement.returning(SETTINGS.c.key)).first() is not None
            if is_done and record is not None:
                append(connection, record)
            return is_done


def _text(document: Mapping[str, Any]) -> str:
    return msgspec.json.encode(document).decode()

"""A data directory with which a server starts quickly."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher

from app.storage.schema import upgrade
from tests.chaos.processes import PASSWORD

#: Alembic has one migration under way in a process.
_ONE_MIGRATES = Lock()


def prepare(directory: Path) -> None:
    """Put a migrated journal that knows the password into ``directory``, unless there is one: a server that had to migrate, and to
    hash a password as slowly as it should be hashed, would take a third longer to start.
    """
    journal = directory / "ordergate.db"
    if not journal.exists():
        directory.mkdir(mode=0o700, exist_ok=True)
        journal.touch(mode=0o600)
        with _ONE_MIGRATES:
            journal.write_bytes(_prepared_journal())


@cache
def _prepared_journal() -> bytes:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.db"
        upgrade(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO users (username, password_hash) VALUES ('admin', ?)", (hashed,))
        return path.read_bytes()

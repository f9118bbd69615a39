"""What the program opens of SQLite, seen from outside."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest


def note_connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Every connection that is opened from now on, in a list that grows."""
    noted: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connect_and_note(*arguments: Any, **named: Any) -> sqlite3.Connection:
        noted.append(connect(*arguments, **named))
        return noted[-1]

    # SQLAlchemy looks it up in the second module.
    for module in (sqlite3, sqlite3.dbapi2):
        monkeypatch.setattr(module, "connect", connect_and_note)
    return noted


def is_open(connection: sqlite3.Connection) -> bool:
    """Whether nobody has closed it."""
    try:
        connection.cursor()
    except sqlite3.ProgrammingError:
        return False
    return True

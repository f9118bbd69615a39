"""What the doctor says of the database, which it does not touch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from app.clock import SystemClock
from app.doctor import database
from app.domain.errors import EmptyJournal
from app.settings import Settings
from app.storage import schema
from app.storage.accounts import Accounts
from app.storage.database import Database
from tests.clock import FakeClock


def settings(directory: Path, **others: object) -> Settings:
    return Settings(database_url=f"sqlite:///{directory / 'ordergate.db'}", data_dir=directory, **others)  # type: ignore[arg-type]


def test_a_database_that_is_not_there_is_made_by_the_first_start(tmp_path: Path) -> None:
    """And not by the doctor."""
    assert database.database(settings(tmp_path)).level == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_lost_database_is_a_failure(tmp_path: Path) -> None:
    """Its key file says that there was one."""
    (tmp_path / "secret.key").write_text("k" * 64)
    found = database.database(settings(tmp_path))
    assert (found.level, "--accept-empty-journal" in found.advice) == ("failure", True)


def test_an_empty_database_beside_a_used_key_is_a_failure(tmp_path: Path) -> None:
    """In the sentence with which the server refuses to begin; not where that is accepted."""
    made = settings(tmp_path)
    schema.upgrade(made.database_url)
    opened = Database(made.database_url)
    try:
        accounts = Accounts(opened, FakeClock())
        assert database.lost(made, accounts) is None
        made.key_file.write_text("k" * 64)
        found = database.lost(made, accounts)
        assert found is not None
        assert (found.level, found.text) == ("failure", EmptyJournal(str(made.key_file)).detail)
        assert database.lost(replace(made, accept_empty_journal=True), accounts) is None
        accounts.add_account("master_account")
        assert database.lost(made, accounts) is None
    finally:
        opened.dispose()


def test_an_older_schema_is_a_failure(tmp_path: Path) -> None:
    """With the command that mends it."""
    (tmp_path / "ordergate.db").touch()
    found = database.database(settings(tmp_path))
    assert (found.level, found.advice) == ("failure", "Run: ordergate db upgrade")


def test_a_damaged_file_is_a_failure(tmp_path: Path) -> None:
    """In SQLite's words."""
    (tmp_path / "ordergate.db").write_bytes(b"no database" * 1000)
    found = database.database(settings(tmp_path))
    assert (found.level, "file is not a database" in found.text) == ("failure", True)


def test_a_server_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """PostgreSQL's driver says why; the password stays away."""
    found = database.database(Settings(database_url="postgresql+psycopg://u:hunter2@127.0.0.1:1/x", data_dir=tmp_path))
    assert (found.level, "DATABASE_URL" in found.advice, "hunter2" in found.line()) == ("failure", True, False)


def test_a_user_without_a_password_is_told(tmp_path: Path, sqlite_template: Path) -> None:
    """Until there is one, in the database or in the environment."""
    shutil.copy(sqlite_template, tmp_path / "ordergate.db")
    assert database.database(settings(tmp_path)).level == "ok"
    opened = Database(settings(tmp_path).database_url)
    accounts = Accounts(opened, SystemClock())
    try:
        assert "ordergate user password" in database.user(settings(tmp_path), accounts).advice
        assert database.user(settings(tmp_path, password="from outside"), accounts).level == "ok"
        accounts.put_password_hash("admin", "a hash")
        assert database.user(settings(tmp_path), accounts).level == "ok"
    finally:
        opened.dispose()

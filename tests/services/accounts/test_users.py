"""The one user and its password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, update

from app.domain.errors import JournalUnavailable
from app.services.accounts.users import Users
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.storage.tables import USERS
from tests.clock import FakeClock


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    return Accounts(database, clock)


def users(accounts: Accounts, **settings: Any) -> Users:
    return Users(accounts, Settings(database_url="sqlite://", **settings))


async def test_the_first_run_makes_a_password_and_keeps_only_its_hash(accounts: Accounts) -> None:
    """It is returned once; the next run finds the hash."""
    password = await users(accounts).start()
    assert password is not None
    assert len(password) >= 20
    stored = accounts.password_hash("admin")
    assert stored is not None
    assert password not in stored
    assert PasswordHasher().verify(stored, password)
    later = users(accounts)
    assert await later.start() is None
    assert await later.password_hash("admin") == stored


async def test_a_configured_password_is_not_stored(accounts: Accounts) -> None:
    """The environment's password is hashed for this process only."""
    configured = users(accounts, username="trader", password="from the environment")
    assert await configured.start() is None
    hashed = await configured.password_hash("trader")
    assert hashed is not None
    assert PasswordHasher().verify(hashed, "from the environment")
    assert accounts.password_hash("trader") is None


async def test_an_unknown_user_has_no_hash(accounts: Accounts) -> None:
    """There is one user."""
    only = users(accounts)
    await only.start()
    assert await only.password_hash("somebody") is None


async def test_a_changed_password_takes_effect(accounts: Accounts, database: Database) -> None:
    """What one process or an operator writes into the database is what the others verify with; a deleted user has no hash."""
    running = users(accounts)
    await running.start()
    with database.change() as connection:
        connection.execute(update(USERS).values(password_hash="another"))
    assert await running.password_hash("admin") == "another"
    with database.change() as connection:
        connection.execute(delete(USERS))
    assert await running.password_hash("admin") is None
    made_anew = users(accounts)
    assert await made_anew.start() is not None
    assert await running.password_hash("admin") == await made_anew.password_hash("admin") is not None


async def test_a_database_that_is_away_locks_nobody_out(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that was known last counts until the database answers again."""
    running = users(accounts)
    await running.start()
    known = await running.password_hash("admin")

    def away(_username: str) -> str | None:
        raise JournalUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(accounts, "password_hash", away)
        assert await running.password_hash("admin") == known is not None
        assert await running.password_hash("somebody") is None
    assert await running.password_hash("admin") == known


async def test_two_processes_that_start_at_once_agree(accounts: Accounts) -> None:
    """Only one of them makes the password, the other takes its hash."""
    first, second = users(accounts), users(accounts)
    made = [password for password in (await first.start(), await second.start()) if password is not None]
    assert len(made) == 1
    assert await first.password_hash("admin") == await second.password_hash("admin")

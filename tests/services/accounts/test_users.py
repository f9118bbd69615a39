"""The one user and its password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.services.accounts.users import Users
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from tests.clock import FakeClock


@pytest.fixture
def accounts(database_url: str, clock: FakeClock) -> Iterator[Accounts]:
    database = Database(database_url)
    yield Accounts(database, clock)
    database.dispose()


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


async def test_two_processes_that_start_at_once_agree(accounts: Accounts) -> None:
    """Only one of them makes the password, the other takes its hash."""
    first, second = users(accounts), users(accounts)
    made = [password for password in (await first.start(), await second.start()) if password is not None]
    assert len(made) == 1
    assert await first.password_hash("admin") == await second.password_hash("admin")

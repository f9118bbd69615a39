"""The one user and its password."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, update

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.errors import JournalUnavailable
from app.services.accounts.users import Users
from app.settings import Settings
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.storage.tables import USERS
from tests.clock import START, FakeClock
from tests.services.world import until

#: The clock of all users here: the tests only ever move it on.
CLOCK = FakeClock()

RECORD = AuditRecord(at=START, actor=Actor(name="somebody"), operation="user password")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    return Accounts(database, clock)


def users(accounts: Accounts, **settings: Any) -> Users:
    return Users(accounts, Settings(database_url="sqlite://", **settings), CLOCK)


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


async def test_a_configured_password_is_kept_as_its_hash(accounts: Accounts) -> None:
    """Once: a start with the same one changes nothing."""
    configured = users(accounts, username="trader", password="from the environment")
    assert await configured.start() is None
    hashed = await configured.password_hash("trader")
    assert hashed is not None
    assert PasswordHasher().verify(hashed, "from the environment")
    again = users(accounts, username="trader", password="from the environment")
    assert await again.start() is None
    assert accounts.password_hash("trader") == await again.password_hash("trader") == hashed


async def test_a_configured_password_that_is_taken_away_brings_no_old_one_back(accounts: Accounts) -> None:
    """The newest is the one that counts: who was locked out by the new password stays so."""
    old = await users(accounts).start()
    assert old is not None
    await users(accounts, password="from the environment").start()
    later = users(accounts)
    assert await later.start() is None
    stored = await later.password_hash("admin")
    assert stored is not None
    assert PasswordHasher().verify(stored, "from the environment")
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(stored, old)


async def test_a_hash_that_can_not_be_read_gives_way_to_the_configured_password(accounts: Accounts) -> None:
    """Nobody can sign in with it."""
    accounts.put_password_hash("admin", "garbage")
    configured = users(accounts, password="from the environment")
    await configured.start()
    stored = await configured.password_hash("admin")
    assert stored is not None
    assert PasswordHasher().verify(stored, "from the environment")


async def test_where_nobody_sees_it_no_password_is_made(accounts: Accounts) -> None:
    """Workers say so in the log; one that is set later counts within a second."""
    unattended = users(accounts)
    with structlog.testing.capture_logs() as logs:
        assert await unattended.start(makes_first=False) is None
    assert [line["event"] for line in logs] == ["no password is set"]
    assert accounts.password_hash("admin") is None
    assert await unattended.password_hash("admin") is None
    users(accounts).set_password("set by hand", RECORD)
    found = await later(unattended, lambda found: found is not None)
    assert found is not None
    assert PasswordHasher().verify(found, "set by hand")


async def test_an_unknown_user_has_no_hash(accounts: Accounts) -> None:
    """There is one user."""
    only = users(accounts)
    await only.start()
    assert await only.password_hash("somebody") is None


async def later(running: Users, wanted: Callable[[str | None], bool]) -> str | None:
    """The hash once it is as ``wanted``; each look is a second after the last."""
    while not wanted(found := await running.password_hash("admin")):
        CLOCK.advance(1)
        await asyncio.sleep(0.002)
    return found


async def test_a_changed_password_takes_effect(accounts: Accounts, database: Database) -> None:
    """What one process or an operator writes into the database is what the others verify with; a deleted user has no hash."""
    running = users(accounts)
    await running.start()
    with database.change() as connection:
        connection.execute(update(USERS).values(password_hash="another"))
    assert await later(running, lambda found: found == "another")
    with database.change() as connection:
        connection.execute(delete(USERS))
    assert await later(running, lambda found: found is None) is None
    made_anew = users(accounts)
    assert await made_anew.start() is not None
    assert await later(running, lambda found: found is not None) == await made_anew.password_hash("admin") is not None


async def test_a_database_that_is_away_locks_nobody_out(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that was known last counts until the database answers again, whatever the driver raises."""
    running = users(accounts)
    await running.start()
    known = await running.password_hash("admin")
    faults: list[Exception] = [JournalUnavailable("away"), ZeroDivisionError()]

    def away(_username: str) -> str | None:
        raise faults[-1] if len(faults) == 1 else faults.pop()

    with monkeypatch.context() as broken:
        broken.setattr(accounts, "password_hash", away)
        for _ in range(5):
            CLOCK.advance(1)
            assert await running.password_hash("admin") == known is not None
            await asyncio.sleep(0.01)
        assert await running.password_hash("somebody") is None
    CLOCK.advance(1)
    assert await running.password_hash("admin") == known


async def test_a_database_that_hangs_holds_up_nobody(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests wait for no read, and cause one."""
    running = users(accounts)
    await running.start()
    known = await running.password_hash("admin")
    going_on = threading.Event()
    reads: list[str] = []

    def hang(username: str) -> str | None:
        reads.append(username)
        going_on.wait(60)
        return known

    monkeypatch.setattr(accounts, "password_hash", hang)
    CLOCK.advance(1)
    try:
        assert await asyncio.gather(*(running.password_hash("admin") for _ in range(30))) == [known] * 30
        await until(lambda: bool(reads))
    finally:
        going_on.set()
    assert reads == ["admin"]


async def test_two_processes_that_start_at_once_agree(accounts: Accounts) -> None:
    """Only one of them makes the password, the other takes its hash."""
    first, second = users(accounts), users(accounts)
    made = [password for password in (await first.start(), await second.start()) if password is not None]
    assert len(made) == 1
    assert await first.password_hash("admin") == await second.password_hash("admin")

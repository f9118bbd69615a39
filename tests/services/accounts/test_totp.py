"""Codes of people's sign-in: right ones count once, whoever asks; their secrets are sealed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pyotp
import pytest
from sqlalchemy import select, text, update

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import Role
from app.domain.errors import InvalidArgument, NotAuthenticated, UnknownUser, WrongTotp
from app.services.accounts.totp import Totp, reseal_totp, uri_of
from app.storage.audit_log import AuditFilter, AuditLog
from app.storage.callers import StoredCallers
from app.storage.database import Database
from app.storage.tables import SEQUENCE, USERS
from app.vault import Vault, VaultError
from tests.clock import START, FakeClock

KEY = "the key of these tests"
VAULT = Vault(KEY)
RECORD = AuditRecord(at=START, actor=Actor(name="alice"), operation="console.sign_in", object="alice")
#: Seconds between two codes (RFC 6238).
STEP = 30


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def stored(database: Database) -> StoredCallers:
    """Two users."""
    stored = StoredCallers(database)
    for name in ("alice", "bob"):
        stored.add_user(name, "a hash", Role.TRADER, RECORD)
    return stored


@pytest.fixture
def totp(stored: StoredCallers, clock: FakeClock) -> Totp:
    return Totp(stored, VAULT, clock)


def enabled(totp: Totp, clock: FakeClock, username: str = "alice") -> pyotp.TOTP:
    """The authenticator of a user for whom codes are enabled; the next code is one that was not used."""
    secret = totp.new_secret(username)
    codes = pyotp.TOTP(secret)
    totp.enable(username, secret, codes.at(clock.now()), RECORD)
    clock.advance(3 * STEP)
    return codes


def is_taken(totp: Totp, code: str) -> bool:
    with suppress(WrongTotp):
        totp.use("alice", code, RECORD)
        return True
    return False


def test_the_secret_is_proved_and_sealed(totp: Totp, stored: StoredCallers, clock: FakeClock) -> None:
    """A wrong code enables nothing, and that which was right is used. What is stored shows no secret."""
    secret = totp.new_secret("alice")
    code = pyotp.TOTP(secret).at(clock.now())
    with pytest.raises(WrongTotp):
        totp.enable("alice", secret, f"{(int(code) + 1) % 10**6:06}", RECORD)
    before = stored.known()
    assert before.totp == {}
    totp.enable("alice", secret, code, RECORD)
    known = stored.known()
    assert known.totp.keys() == {"alice"}
    assert secret.encode() not in known.totp["alice"]
    assert secret not in repr(known)
    assert known.version > before.version
    assert known.users["alice"].version > before.users["alice"].version
    assert not is_taken(totp, code)
    assert uri_of("alice", secret) == f"otpauth://totp/Ordergate:alice?secret={secret}&issuer=Ordergate"


@pytest.mark.parametrize(
    ("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)], ids=lambda value: str(value)
)
def test_clocks_may_differ_by_one_step(totp: Totp, clock: FakeClock, steps: int, is_right: bool) -> None:
    """Either way, and no more."""
    codes = enabled(totp, clock)
    assert is_taken(totp, codes.at(clock.now(), counter_offset=steps)) is is_right


def test_a_code_counts_once_and_no_earlier_one_after_it(totp: Totp, clock: FakeClock) -> None:
    """Within the time in which it would fit, too."""
    codes = enabled(totp, clock)
    present = codes.at(clock.now())
    assert is_taken(totp, present)
    assert not is_taken(totp, present)
    assert not is_taken(totp, codes.at(clock.now(), counter_offset=-1))
    clock.advance(STEP)
    assert not is_taken(totp, present)
    assert is_taken(totp, codes.at(clock.now()))


def test_of_many_processes_one_uses_a_code(
    totp: Totp, stored: StoredCallers, database_url: str, clock: FakeClock
) -> None:
    """Each has a database of its own, and they ask at once."""
    codes = enabled(totp, clock)
    databases = [Database(database_url) for _ in range(4)]
    start = Barrier(len(databases))

    def ask(database: Database) -> bool:
        mine = Totp(StoredCallers(database), Vault(KEY), clock)
        start.wait(60)
        return is_taken(mine, codes.at(clock.now()))

    with ThreadPoolExecutor(len(databases)) as threads:
        assert sorted(threads.map(ask, databases)) == [False, False, False, True]
    for database in databases:
        database.dispose()


@pytest.mark.postgres
def test_a_code_waits_for_the_journal_without_holding_its_user(postgres_url: str, clock: FakeClock) -> None:
    """Who changes the user holds the journal's lock already: in another order, each would wait for the other."""
    database, other = Database(postgres_url), Database(postgres_url)
    stored = StoredCallers(database)
    stored.add_user("alice", "a hash", Role.TRADER, RECORD)
    totp = Totp(stored, VAULT, clock)
    code = enabled(totp, clock).at(clock.now())
    waiting = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    user = select(USERS.c.username).where(USERS.c.username == "alice")
    with ThreadPoolExecutor(1) as thread:
        with other.change() as changing:
            changing.execute(select(SEQUENCE.c.value).with_for_update())
            used = thread.submit(is_taken, totp, code)
            patience = time.monotonic() + 60
            while not other.rows(waiting) and time.monotonic() < patience:
                time.sleep(0.005)
            assert changing.execute(user.with_for_update(nowait=True)).all()
        assert used.result(60)
    database.dispose()
    other.dispose()


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef"])
def test_what_is_no_code_is_wrong(totp: Totp, clock: FakeClock, code: str) -> None:
    """Whatever its length and letters."""
    enabled(totp, clock)
    assert not is_taken(totp, code)


def test_the_audit_log_has_what_came_of_it(totp: Totp, database: Database, clock: FakeClock) -> None:
    """Enabling, a right code, a wrong one and disabling are a row each, without a code."""
    codes = enabled(totp, clock)
    code = codes.at(clock.now())
    assert is_taken(totp, code)
    assert not is_taken(totp, code)
    totp.disable("alice", RECORD)
    rows = AuditLog(database).page(AuditFilter(about="alice"), limit=4, cursor=None).items
    assert [row.record.outcome for row in reversed(rows)] == ["done", "done", "wrong_totp", "done"]
    assert code not in repr(rows)
    assert AuditLog(database).verify().problem_count == 0


def test_what_is_enabled_is_not_enabled_over_it(totp: Totp, stored: StoredCallers, clock: FakeClock) -> None:
    """Who runs the command twice does not lose the first secret; there is nothing for a user who is not there."""
    codes = enabled(totp, clock)
    with pytest.raises(InvalidArgument, match="signs in with a code already"):
        totp.new_secret("alice")
    other = pyotp.random_base32()
    with pytest.raises(InvalidArgument, match="signs in with a code already"):
        totp.enable("alice", other, pyotp.TOTP(other).at(clock.now()), RECORD)
    assert is_taken(totp, codes.at(clock.now()))
    totp.disable("alice", RECORD)
    before = stored.known()
    with pytest.raises(InvalidArgument, match="without a code"):
        totp.disable("alice", RECORD)
    with pytest.raises(InvalidArgument, match="without a code"):
        totp.use("alice", "123456", RECORD)
    for verb in (totp.new_secret, lambda name: totp.disable(name, RECORD)):
        with pytest.raises(UnknownUser):
            verb("nobody")
    assert stored.known() == before


def test_a_secret_opens_for_its_user_alone(totp: Totp, database: Database, clock: FakeClock) -> None:
    """A row that was copied to another user opens nothing, and no error shows it."""
    bob = enabled(totp, clock, "bob")
    enabled(totp, clock)
    copied = select(USERS.c.totp).where(USERS.c.username == "bob").scalar_subquery()
    with database.change() as connection:
        connection.execute(update(USERS).where(USERS.c.username == "alice").values(totp=copied))
    with pytest.raises(NotAuthenticated, match="can't be opened") as caught:
        totp.use("alice", bob.at(clock.now()), RECORD)
    assert bob.secret not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_secrets_are_sealed_anew(totp: Totp, stored: StoredCallers, clock: FakeClock) -> None:
    """Once, and then they open without the old key; a secret that no key opens is told."""
    codes = enabled(totp, clock)
    new = "a new key of many letters"
    both = Vault(f"{new},{KEY}")
    assert reseal_totp(stored, both, "alice")
    assert not reseal_totp(stored, both, "alice")
    assert not reseal_totp(stored, both, "bob")
    Totp(stored, Vault(new), clock).use("alice", codes.at(clock.now()), RECORD)
    with pytest.raises(VaultError):
        reseal_totp(stored, Vault("a third key of many letters"), "alice")

"""Who is calling: right, cheap, and not to be pushed out."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import threading
from collections.abc import Awaitable, Iterator

import pytest
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.errors import NotAuthenticated, NotNow, OrdergateError, TooManySignIns
from app.metrics import Metrics
from app.web.access import authentication, throttle
from app.web.access.authentication import (
    ACCEPTED_SECONDS,
    DELAY_SECONDS,
    RECHECK_SECONDS,
    REFUSED_SECONDS,
    REMEMBERED,
    Authenticator,
)
from app.web.access.credentials import Credentials, parse_basic
from app.web.access.throttle import LOG_SECONDS, PARTY_BURST, PARTY_SECONDS, USER_BURST, SignIns
from app.web.lanes import MOST_WAITING, MOST_WAITING_OF_PARTY
from tests.web.clocks import StillClock
from tests.web.conftest import basic

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Counted:
    """A password hasher that counts."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def verify(self, stored_hash: str, password: str) -> bool:
        self.verified.append(stored_hash)
        return HASHER.verify(stored_hash, password)


class Users:
    """Users by name."""

    def __init__(self) -> None:
        self.hashes = {"admin": HASHER.hash("right")}
        self.asked = 0

    async def password_hash(self, username: str) -> str | None:
        self.asked += 1
        return self.hashes.get(username)


RIGHT = basic("admin", "right").encode()
WRONG = basic("admin", "wrong").encode()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(authentication, "_HASHER", counted)
    return counted


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def authenticator(users: Users, clock: StillClock) -> Iterator[Authenticator]:
    authenticator = Authenticator(users.password_hash, clock)
    yield authenticator
    authenticator.close()
    authenticator.close()


async def test_a_known_caller_costs_one_verification(authenticator: Authenticator, counted: Counted) -> None:
    """Then a look-up."""
    for _ in range(5):
        assert await authenticator.authenticate(RIGHT) == "admin"
    assert len(counted.verified) == 1


async def test_simultaneous_first_requests_share_one_verification(
    authenticator: Authenticator, counted: Counted
) -> None:
    """Two hundred at once are one hash."""
    names = await asyncio.gather(*(authenticator.authenticate(RIGHT) for _ in range(200)))
    assert set(names) == {"admin"}
    assert len(counted.verified) == 1


async def test_a_caller_that_hangs_up_does_not_end_the_verification_for_others(authenticator: Authenticator) -> None:
    """The verification belongs to the credentials, not to the first who brought them."""
    first = asyncio.ensure_future(authenticator.authenticate(RIGHT))
    second = asyncio.ensure_future(authenticator.authenticate(RIGHT))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "admin"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_expected_credentials_cost_no_verification(
    authenticator: Authenticator, users: Users, counted: Counted, clock: StillClock
) -> None:
    """They last as long as any acceptance, and no longer than the hash; nothing else is let in with them."""
    await authenticator.expect("admin", "right")
    assert await authenticator.authenticate(RIGHT) == "admin"
    assert counted.verified == []
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(WRONG)
    clock.advance(RECHECK_SECONDS)
    users.hashes["admin"] = HASHER.hash("other")
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(RIGHT)


async def test_expected_credentials_last(authenticator: Authenticator, counted: Counted, clock: StillClock) -> None:
    """The process has the password all the time, so it need never verify it, however the header is written."""
    await authenticator.expect("admin", "right")
    clock.advance(100 * ACCEPTED_SECONDS)
    assert await authenticator.authenticate(RIGHT) == "admin"
    assert await authenticator.authenticate(RIGHT.replace(b"Basic", b"basic ")) == "admin"
    assert counted.verified == []


async def test_nobody_is_expected_who_is_not_there(authenticator: Authenticator) -> None:
    """A name without a hash stays unknown."""
    await authenticator.expect("nobody", "right")
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(basic("nobody", "right").encode())


async def test_an_acceptance_in_use_never_ends(
    authenticator: Authenticator, counted: Counted, clock: StillClock
) -> None:
    """So a caller who is signed in never waits behind those who are not; one who stays away is verified again."""
    await authenticator.authenticate(RIGHT)
    for _ in range(20):
        clock.advance(ACCEPTED_SECONDS - 1)
        await authenticator.authenticate(RIGHT)
    assert len(counted.verified) == 1
    clock.advance(ACCEPTED_SECONDS)
    await authenticator.authenticate(RIGHT)
    assert len(counted.verified) == 2


async def test_credentials_are_known_however_they_are_written(authenticator: Authenticator, counted: Counted) -> None:
    """A header in other letters is no new sign-in."""
    await authenticator.authenticate(RIGHT)
    for _ in range(3):
        assert await authenticator.authenticate(RIGHT.replace(b"Basic ", b"BASIC  ")) == "admin"
    assert len(counted.verified) == 1


async def test_a_changed_password_takes_effect_at_once(
    authenticator: Authenticator, users: Users, clock: StillClock
) -> None:
    """Within a second the old one is refused; so is a user that is no more."""
    await authenticator.authenticate(RIGHT)
    asked = users.asked
    await authenticator.authenticate(RIGHT)
    assert users.asked == asked
    users.hashes["admin"] = HASHER.hash("new")
    clock.advance(RECHECK_SECONDS)
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(RIGHT)
    assert await authenticator.authenticate(basic("admin", "new").encode()) == "admin"
    users.hashes.clear()
    clock.advance(RECHECK_SECONDS)
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(basic("admin", "new").encode())


async def test_a_refusal_is_remembered_for_a_moment(
    authenticator: Authenticator, counted: Counted, clock: StillClock
) -> None:
    """A retry loop costs nothing; a password that was just set works soon."""
    for _ in range(3):
        with pytest.raises(NotAuthenticated, match="Incorrect username or password"):
            await authenticator.authenticate(WRONG)
    assert len(counted.verified) == 1
    clock.advance(REFUSED_SECONDS)
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(WRONG)
    assert len(counted.verified) == 2


async def test_an_unknown_user_costs_a_verification_too(authenticator: Authenticator, counted: Counted) -> None:
    """The time must not tell which names exist."""
    with pytest.raises(NotAuthenticated, match="Incorrect username or password"):
        await authenticator.authenticate(basic("nobody", "right").encode())
    (stored,) = counted.verified
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_guessers_do_not_push_a_caller_out(
    authenticator: Authenticator, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals have a store of their own, and both stores are bounded."""
    monkeypatch.setattr(authentication, "REMEMBERED", 3)
    await authenticator.authenticate(RIGHT)
    for number in range(5):
        with pytest.raises(NotAuthenticated):
            await authenticator.authenticate(basic("admin", f"guess{number}").encode())
    verified = len(counted.verified)
    assert await authenticator.authenticate(RIGHT) == "admin"
    assert len(counted.verified) == verified
    assert len(authenticator._refused) == 3
    assert REMEMBERED > 3


async def outcome(call: Awaitable[str]) -> type[Exception] | str:
    """What came of a sign-in: the user, or the kind of the refusal."""
    try:
        return await call
    except OrdergateError as error:
        return type(error)


async def test_too_many_guesses_at_once_are_turned_away(authenticator: Authenticator) -> None:
    """Those of one address first, then all; those who are known already are still served, and so is their address."""
    await authenticator.authenticate(RIGHT, "192.0.2.1")
    guesses = [
        outcome(authenticator.authenticate(basic("admin", f"guess{party}.{number}").encode(), f"198.51.100.{party}"))
        for party in range(MOST_WAITING)
        for number in range(MOST_WAITING_OF_PARTY + 1)
    ]
    known = [authenticator.authenticate(RIGHT, "192.0.2.1"), authenticator.authenticate(RIGHT, "192.0.2.2")]
    from_known = outcome(authenticator.authenticate(WRONG, "192.0.2.1"))
    *results, first, second, third = await asyncio.gather(*guesses, *known, from_known)
    assert (first, second, third) == ("admin", "admin", NotAuthenticated)
    assert results.count(NotAuthenticated) == MOST_WAITING
    assert results[: MOST_WAITING_OF_PARTY + 1] == [*[NotAuthenticated] * MOST_WAITING_OF_PARTY, NotNow]
    assert set(results) == {NotAuthenticated, NotNow}


async def test_a_flood_of_wrong_passwords_is_not_verified(
    authenticator: Authenticator, counted: Counted, clock: StillClock
) -> None:
    """An address has a few attempts and then one in a while; a caller at another address gets in at once."""
    refusals = []
    for number in range(200):
        refusals.append(
            await outcome(authenticator.authenticate(basic("admin", f"guess{number}").encode(), "192.0.2.1"))
        )
    # Each answer that was held back moved the clock on by a second.
    throttled = refusals.count(TooManySignIns)
    assert throttled > 150
    assert len(counted.verified) == 200 - throttled <= PARTY_BURST + throttled * DELAY_SECONDS / PARTY_SECONDS + 1
    assert await authenticator.authenticate(RIGHT, "192.0.2.2") == "admin"
    assert await authenticator.authenticate(RIGHT, "192.0.2.1") == "admin"


async def test_who_comes_back_when_told_is_verified(authenticator: Authenticator, clock: StillClock) -> None:
    """Retry-After is the truth."""
    for number in range(PARTY_BURST):
        with pytest.raises(NotAuthenticated):
            await authenticator.authenticate(basic("admin", f"guess{number}").encode())
    with pytest.raises(TooManySignIns) as refusal:
        await authenticator.authenticate(RIGHT)
    assert refusal.value.retry_after is not None
    clock.advance(refusal.value.retry_after.total_seconds() - DELAY_SECONDS)
    assert await authenticator.authenticate(RIGHT) == "admin"


async def test_an_answer_that_is_not_even_a_verification_is_held_back(
    authenticator: Authenticator, clock: StillClock
) -> None:
    """So a connection carries one such in a second."""
    for number in range(PARTY_BURST):
        await outcome(authenticator.authenticate(basic("admin", f"guess{number}").encode()))
    before = clock.monotonic()
    assert await outcome(authenticator.authenticate(WRONG)) is TooManySignIns
    assert clock.monotonic() - before == DELAY_SECONDS


async def test_guesses_from_many_addresses_are_bounded_by_user(authenticator: Authenticator, counted: Counted) -> None:
    """An address from which the user has signed in before does not depend on that."""
    assert await authenticator.authenticate(RIGHT, "192.0.2.1") == "admin"
    results = [
        await outcome(
            authenticator.authenticate(basic("admin", f"guess{number}").encode(), f"2001:db8:0:{number:x}::1")
        )
        for number in range(3 * USER_BURST)
    ]
    assert results.count(TooManySignIns) >= USER_BURST
    assert (
        await outcome(authenticator.authenticate(basic("admin", "mistyped").encode(), "192.0.2.1")) is NotAuthenticated
    )
    assert await outcome(authenticator.authenticate(basic("admin", "another").encode(), "192.0.2.9")) is TooManySignIns


async def test_failures_are_counted_and_logged_once(users: Users, clock: StillClock) -> None:
    """A line for an address in a minute, with the number since the last; neither names nor passwords."""
    metrics = Metrics()
    authenticator = Authenticator(users.password_hash, clock, metrics)
    with structlog.testing.capture_logs() as logs:
        for number in range(PARTY_BURST + 5):
            await outcome(authenticator.authenticate(basic("canary", f"canary{number}").encode(), "192.0.2.1"))
        clock.advance(LOG_SECONDS)
        await outcome(authenticator.authenticate(WRONG, "192.0.2.1"))
    assert [(line["event"], line["address"], line["count"]) for line in logs] == [
        ("sign-ins refused", "192.0.2.1", 1),
        ("sign-ins refused", "192.0.2.1", PARTY_BURST + 5),
    ]
    assert "canary" not in repr(logs)
    text = metrics.text().decode()
    assert f'ordergate_sign_in_failures_total{{reason="wrong"}} {PARTY_BURST + 1}.0' in text
    assert 'ordergate_sign_in_failures_total{reason="throttled"} 5.0' in text
    authenticator.close()


def test_a_log_of_failures_is_bounded_too(clock: StillClock) -> None:
    """However many addresses there are, in the log and in memory."""
    sign_ins = SignIns(clock)
    with structlog.testing.capture_logs() as logs:
        for number in range(2 * throttle.REMEMBERED):
            sign_ins.note_failure(str(number))
            sign_ins.begin(str(number), str(number))
    assert len(logs) == throttle.LOG_LINES
    assert (
        len(sign_ins._noted) == len(sign_ins._parties._full_at) == len(sign_ins._users._full_at) == throttle.REMEMBERED
    )


@pytest.mark.parametrize("fault", [VerificationError("Memory allocation error"), MemoryError()])
async def test_no_memory_to_verify_is_no_fault_and_no_refusal(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """The caller may come back, and has used no attempt."""

    class Poor:
        def verify(self, stored_hash: str, password: str) -> bool:
            raise fault

    with monkeypatch.context() as poor:
        poor.setattr(authentication, "_HASHER", Poor())
        for _ in range(2 * PARTY_BURST):
            with pytest.raises(NotNow, match="memory"):
                await authenticator.authenticate(RIGHT)
    assert await authenticator.authenticate(RIGHT) == "admin"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
async def test_a_verification_gives_way_to_the_event_loop(
    authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread has the lowest priority, the loop's has its own."""
    seen: list[int] = []

    class Curious:
        def verify(self, stored_hash: str, password: str) -> bool:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return True

    monkeypatch.setattr(authentication, "_HASHER", Curious())
    before = os.getpriority(os.PRIO_PROCESS, 0)
    await authenticator.authenticate(RIGHT)
    assert seen == [19]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before < 19


@pytest.mark.parametrize("value", [None, b""])
async def test_nothing_given_is_said(authenticator: Authenticator, value: bytes | None) -> None:
    """In the words that callers know."""
    with pytest.raises(NotAuthenticated, match=r"^Not authenticated$"):
        await authenticator.authenticate(value)


async def test_an_unreadable_stored_hash_is_a_fault_and_not_a_refusal(
    authenticator: Authenticator, users: Users
) -> None:
    """Nobody should search for a typing error when the database is damaged."""
    users.hashes["admin"] = "garbage"
    for _ in range(2):
        with pytest.raises(InvalidHashError):
            await authenticator.authenticate(RIGHT)


# -- where credentials stand -------------------------------------------------------------------------------------------


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text)


@pytest.mark.parametrize(
    ("header", "username", "password"),
    [
        (b"Basic " + encoded(b"admin:a:b"), "admin", "a:b"),
        (b"bAsIc   " + encoded(b"admin:"), "admin", ""),
        (b"Basic " + encoded("ü:ß".encode()), "ü", "ß"),
        (b"Basic " + encoded("ü:ß".encode("latin-1")), "ü", "ß"),
    ],
)
def test_what_is_well_formed(header: bytes, username: str, password: str) -> None:
    """Colons in the password, any case of the scheme, UTF-8 and what older clients send."""
    assert parse_basic(header) == Credentials(username=username, password=password)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic !!!!",
        b"Basic YQ",
        b"Bearer " + encoded(b"a:b"),
        b"Basic " + encoded(b"ab"),
        b"Basic " + encoded(b"a\0:b"),
        b"Basic " + b"A" * 4000,
    ],
)
def test_what_is_not(header: bytes) -> None:
    """Malformed is the same as wrong."""
    assert parse_basic(header) is None


def test_a_password_does_not_show_in_a_log() -> None:
    """Its repr is left out."""
    assert "canary" not in repr(Credentials(username="a", password="canary"))

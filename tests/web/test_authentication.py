"""Who is calling: right, cheap, and not to be pushed out."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError

from app.domain.errors import NotAuthenticated, NotNow
from app.web import authentication
from app.web.authentication import (
    ACCEPTED_SECONDS,
    MOST_WAITING,
    RECHECK_SECONDS,
    REFUSED_SECONDS,
    REMEMBERED,
    Authenticator,
    Credentials,
    parse_basic,
    websocket_authorization,
)
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


async def test_expected_credentials_expire(authenticator: Authenticator, counted: Counted, clock: StillClock) -> None:
    """Then they are verified like any."""
    await authenticator.expect("admin", "right")
    clock.advance(ACCEPTED_SECONDS)
    assert await authenticator.authenticate(RIGHT) == "admin"
    assert len(counted.verified) == 1


async def test_nobody_is_expected_who_is_not_there(authenticator: Authenticator) -> None:
    """A name without a hash stays unknown."""
    await authenticator.expect("nobody", "right")
    with pytest.raises(NotAuthenticated):
        await authenticator.authenticate(basic("nobody", "right").encode())


async def test_an_acceptance_expires(authenticator: Authenticator, counted: Counted, clock: StillClock) -> None:
    """After the time it lasts the hash is verified again."""
    await authenticator.authenticate(RIGHT)
    clock.advance(ACCEPTED_SECONDS - 1)
    await authenticator.authenticate(RIGHT)
    assert len(counted.verified) == 1
    clock.advance(1)
    await authenticator.authenticate(RIGHT)
    assert len(counted.verified) == 2


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


async def test_too_many_guesses_at_once_are_turned_away(authenticator: Authenticator) -> None:
    """Those who are known already are still served."""
    await authenticator.authenticate(RIGHT)
    guesses = [authenticator.authenticate(basic("admin", f"guess{n}").encode()) for n in range(MOST_WAITING + 5)]
    results = asyncio.gather(*guesses, authenticator.authenticate(RIGHT), return_exceptions=True)
    *refused, known = await results
    assert known == "admin"
    assert [type(error) for error in refused].count(NotNow) == 5
    assert [type(error) for error in refused].count(NotAuthenticated) == MOST_WAITING


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


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"token=YTpiPg==", b"Basic YTpiPg=="),
        (b"token=YTr+/w==", b"Basic YTr+/w=="),
        (b"username=a&password=b%20c", b"Basic " + encoded(b"a:b c")),
        (b"token=x&username=a&password=b", b"Basic x"),
        (b"username=a", None),
        (b"", None),
    ],
)
def test_the_query_forms_of_a_websocket(query: bytes, expected: bytes | None) -> None:
    """The token comes unescaped, so its plus signs are spaces by now."""
    assert websocket_authorization({"type": "websocket", "headers": [], "query_string": query}) == expected


def test_the_header_comes_first() -> None:
    """A header counts before any query."""
    scope = {"type": "websocket", "headers": [(b"authorization", b"Basic x")], "query_string": b"token=y"}
    assert websocket_authorization(scope) == b"Basic x"

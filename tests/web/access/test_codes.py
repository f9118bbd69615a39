"""Where a password is not enough, and how wrong codes are bounded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.caller import Caller
from app.domain.errors import JournalUnavailable, OrdergateError, TooManySignIns, TotpRequired, WrongTotp
from app.web.access.authentication import DELAY_SECONDS, Authenticator
from app.web.access.throttle import CODE_BURST, CODE_SECONDS, PARTY_BURST
from tests.web.clocks import StillClock
from tests.web.conftest import PASSWORD, EdgeGateway, basic

RIGHT = basic("admin", PASSWORD).encode()
ADMIN = Caller(name="admin")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def gateway() -> EdgeGateway:
    return EdgeGateway(with_codes={"admin"})


@pytest.fixture
def authenticator(gateway: EdgeGateway, clock: StillClock) -> Iterator[Authenticator]:
    authenticator = Authenticator(gateway.password_hash, clock, callers=gateway)
    yield authenticator
    authenticator.close()


async def judged(authenticator: Authenticator, address: str, error: OrdergateError | None) -> type[Exception] | None:
    """What comes of a code that is judged with ``error``; None if it was right."""
    try:
        async with authenticator.judging_code(ADMIN, address):
            if error is not None:
                raise error
    except OrdergateError as caught:
        return type(caught)
    return None


async def test_the_password_opens_only_what_takes_a_code(authenticator: Authenticator, gateway: EdgeGateway) -> None:
    """Also once it is known, and at once when codes are enabled or disabled."""
    for _ in range(2):
        with pytest.raises(TotpRequired, match="code as well") as refused:
            await authenticator.caller(RIGHT)
        assert "API key" in str(refused.value.hint)
        assert (await authenticator.caller(RIGHT, takes_code=True)).name == "admin"
    gateway.with_codes.clear()
    assert (await authenticator.caller(RIGHT)).name == "admin"
    gateway.with_codes.add("admin")
    with pytest.raises(TotpRequired):
        await authenticator.caller(RIGHT)


async def test_wrong_codes_are_bounded_over_all_addresses(authenticator: Authenticator, clock: StillClock) -> None:
    """Though the password was right, and from wherever; an answer that was not judged waits. One that is right counts nothing."""
    for number in range(CODE_BURST):
        assert await judged(authenticator, f"192.0.2.{number}", None) is None
        assert await judged(authenticator, f"192.0.2.{number}", WrongTotp()) is WrongTotp
    before = clock.monotonic()
    assert await judged(authenticator, "198.51.100.1", None) is TooManySignIns
    assert clock.monotonic() == before + DELAY_SECONDS
    clock.advance(CODE_SECONDS)
    assert await judged(authenticator, "198.51.100.1", WrongTotp()) is WrongTotp
    assert await judged(authenticator, "198.51.100.2", WrongTotp()) is TooManySignIns


async def test_wrong_codes_count_for_the_address_too(authenticator: Authenticator, clock: StillClock) -> None:
    """As wrong passwords do."""
    for _ in range(PARTY_BURST):
        await judged(authenticator, "192.0.2.1", WrongTotp())
    with pytest.raises(TooManySignIns):
        await authenticator.caller(basic("admin", "another").encode(), "192.0.2.1")


async def test_what_was_not_judged_is_no_attempt(authenticator: Authenticator) -> None:
    """The page asks without a code first; a journal that is away has told nothing, but nor may it make guesses free."""
    for _ in range(3 * CODE_BURST):
        assert await judged(authenticator, "192.0.2.1", TotpRequired()) is TotpRequired
    for number in range(CODE_BURST):
        assert await judged(authenticator, f"192.0.2.{number}", JournalUnavailable("away")) is JournalUnavailable
    assert await judged(authenticator, "198.51.100.1", None) is TooManySignIns


async def test_keys_and_other_users_are_not_judged(authenticator: Authenticator) -> None:
    """A key may have a user's name."""
    for caller in (Caller(name="admin", key_id="k"), Caller(name="eve")):
        for _ in range(3 * PARTY_BURST):
            async with authenticator.judging_code(caller, "192.0.2.1"):
                pass

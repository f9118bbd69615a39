"""Signing in with a code over HTTP, and what the password of such a user opens besides: nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pyotp
import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.services.accounts.totp import Totp
from app.services.gateway import Gateway
from app.web.access.authentication import Authenticator
from app.web.access.throttle import CODE_BURST
from app.web.application import create_app
from tests.clock import START, FakeClock
from tests.handlers.conftest import CurrentGateway
from tests.handlers.contract import checked
from tests.web.clocks import StillClock
from tests.web.conftest import client_of

SESSION = "/console/session"
RECORD = AuditRecord(at=START, actor=Actor(name="operator"), operation="user totp enable", object="admin")


@dataclass(slots=True, kw_only=True)
class Person:
    """The environment's user with an authenticator."""

    totp: Totp
    codes: pyotp.TOTP
    clock: FakeClock

    def code(self, steps: int = 0) -> dict[str, str]:
        """A request's body with the code of that many steps from now."""
        return {"totp": self.codes.at(self.clock.now(), counter_offset=steps)}


@pytest.fixture
async def person(gateway: Gateway, client: httpx.AsyncClient, clock: FakeClock) -> Person:
    """For whom codes have just been enabled."""
    gateway.journal.accounts.put_password_hash("admin", "a hash")
    totp = Totp(gateway.journal.callers, gateway.console_sessions._vault, clock)
    secret = totp.new_secret("admin")
    person = Person(totp=totp, codes=pyotp.TOTP(secret), clock=clock)
    totp.enable("admin", secret, person.code()["totp"], RECORD)
    await gateway.directory.refresh()
    return person


def told(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a problem, as the contract has them."""
    document = checked(answer, SESSION)
    assert "set-cookie" not in answer.headers
    return answer.status_code, document["code"]


async def test_a_person_signs_in_with_a_code(
    application: Any, client: httpx.AsyncClient, gateway: Gateway, person: Person
) -> None:
    """The session opens the API; the code counts once. Nothing without one, and nothing that enabled it counts again."""
    assert told(await client.post(SESSION)) == (401, "totp_required")
    assert told(await client.post(SESSION, json={})) == (401, "totp_required")
    assert told(await client.post(SESSION, json=person.code())) == (401, "wrong_totp")
    begun = await client.post(SESSION, json=person.code(1))
    assert checked(begun, SESSION)["username"] == "admin"
    cookie = begun.headers["set-cookie"].partition(";")[0]
    async with client_of(application, **{"Sec-Fetch-Site": "same-origin"}, Cookie=cookie) as browser:
        assert (await browser.get("/accounts/")).status_code == 200
        # A session alone begins no other.
        assert told(await browser.post(SESSION)) == (401, "totp_required")
        assert told(await client.post(SESSION, json=person.code(1))) == (401, "wrong_totp")
        rows = (await browser.get("/audit?operation=console.sign_in")).json()["data"]
        assert [row["outcome"] for row in rows] == ["wrong_totp", "done", "wrong_totp"]
        assert {(row["actor"], row["object"]) for row in rows} == {("admin", "admin")}
        # What was begun with codes ends with them.
        person.totp.disable("admin", RECORD)
        await gateway.directory.refresh()
        assert (await browser.get("/accounts/")).status_code == 401


async def test_the_password_alone_opens_nothing(
    client: httpx.AsyncClient, gateway: Gateway, person: Person, application: Any
) -> None:
    """401 says what to do, for questions, orders and streams; a key that the user made goes on."""
    for method, path in (("GET", "/accounts/"), ("POST", "/trading/orders"), ("GET", "/trading/events")):
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "totp_required"), path
        assert "API key" in answer.json()["hint"]
    person.totp.disable("admin", RECORD)
    await gateway.directory.refresh()
    made = (await client.post("/api-keys", json={"name": "bot", "environment": "paper", "role": "viewer"})).json()
    secret = person.totp.new_secret("admin")
    person.totp.enable("admin", secret, pyotp.TOTP(secret).at(person.clock.now()), RECORD)
    await gateway.directory.refresh()
    assert (await client.get("/accounts/")).status_code == 401
    async with client_of(application, Authorization=f"Bearer {made['secret']}") as bot:
        assert (await bot.get("/accounts/")).status_code == 200


async def test_guessing_ends_soon(current: CurrentGateway, client: httpx.AsyncClient, person: Person) -> None:
    """From whatever address; then the right code is not judged either. The application is this test's own, so are its failures."""
    authenticator = Authenticator(current.password_hash, StillClock(), callers=current)
    application = create_app(current, authenticator=authenticator)
    answers = []
    for number in range(CODE_BURST + 1):
        transport = httpx.ASGITransport(app=application, client=(f"192.0.2.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=client.headers) as guesser:
            answer = await guesser.post(SESSION, json=person.code(5 if number < CODE_BURST else 1))
            answers.append((answer.status_code, answer.json()["code"]))
    assert answers == [*[(401, "wrong_totp")] * CODE_BURST, (429, "too_many_sign_ins")]
    authenticator.close()


async def test_enabling_codes_ends_sessions(application: Any, client: httpx.AsyncClient, gateway: Gateway) -> None:
    """Whoever had the password alone is out, another password brings nobody in, and codes that are not asked for are refused."""
    gateway.journal.accounts.put_password_hash("admin", "a hash")
    refused = await client.post(SESSION, json={"totp": "123456"})
    assert (refused.status_code, "without a code" in refused.json()["detail"]) == (400, True)
    cookie = (await client.post(SESSION)).headers["set-cookie"].partition(";")[0]
    gateway.journal.callers.put_totp("admin", b"sealed", 0, RECORD)
    await gateway.directory.refresh()
    async with client_of(application, **{"Sec-Fetch-Site": "same-origin"}, Cookie=cookie) as browser:
        assert (await browser.get("/accounts/")).status_code == 401
    gateway.journal.accounts.put_password_hash("admin", "another hash")
    await gateway.directory.refresh()
    assert (await client.get("/accounts/")).json()["code"] == "totp_required"


@pytest.mark.parametrize("totp", ["", "12345", "1234567", "12345a", "123 456", 123456, None])
async def test_what_is_no_code_is_told_and_not_repeated(client: httpx.AsyncClient, person: Person, totp: Any) -> None:
    """By its field and rule, whoever signs in."""
    answer = await client.post(SESSION, json={"totp": totp})
    assert answer.status_code == 422
    assert "totp" in answer.text
    assert not totp or str(totp) not in answer.text

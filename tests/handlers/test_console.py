"""Sessions at the console over HTTP: who has one, what ends it, and for which pages it counts."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from msgspec import structs
from sqlalchemy import select

from app.bootstrap import build_vault
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import Role
from app.services.accounts.console_sessions import LIFETIME
from app.services.accounts.user_admin import UserAdmin
from app.services.gateway import Gateway
from app.storage.tables import AUDIT, EVENTS
from tests.clock import FakeClock
from tests.handlers.conftest import PASSWORD, CurrentGateway
from tests.handlers.contract import checked
from tests.handlers.test_safety import ORDER
from tests.web.conftest import basic, client_of

SESSION = "/console/session"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def browser(application: Any, gateway: Gateway, client: httpx.AsyncClient) -> Any:
    """A client that keeps cookies and states no credentials, as a browser on our own page does; its user has signed in."""
    gateway.journal.accounts.put_password_hash("admin", "a hash")
    begun = await client.post(SESSION)
    assert checked(begun, SESSION)["username"] == "admin"
    cookie = begun.headers["set-cookie"]
    assert cookie.endswith(f"; Path=/; Max-Age={int(LIFETIME.total_seconds())}; HttpOnly; SameSite=Strict")
    assert cookie.partition(";")[0].removeprefix("ordergate_session=") not in begun.text
    async with client_of(application, **OWN_PAGE, Cookie=cookie.partition(";")[0]) as browser:
        yield browser


async def test_a_session_opens_the_api_until_it_ends(
    browser: httpx.AsyncClient, gateway: Gateway, clock: FakeClock
) -> None:
    """For the time that the answer says, and with what the user may do."""
    session = checked(await browser.get(SESSION), SESSION)
    assert "admin" in session["scopes"]
    assert session["expires_at"] == (clock.now() + LIFETIME).isoformat(timespec="microseconds")
    assert (await browser.get("/accounts/")).status_code == 200
    clock.advance(LIFETIME.total_seconds() - 1)
    assert (await browser.get("/accounts/")).status_code == 200
    clock.advance(1)
    assert (await browser.get("/accounts/")).status_code == 401


async def test_another_password_ends_the_sessions(browser: httpx.AsyncClient, gateway: Gateway) -> None:
    """Whoever knew the old one is out."""
    gateway.journal.accounts.put_password_hash("admin", "another hash")
    await gateway.users._hash.renew()
    assert (await browser.get("/accounts/")).status_code == 401


async def test_a_disabled_user_has_no_session(
    application: Any, gateway: Gateway, browser: httpx.AsyncClient, clock: FakeClock
) -> None:
    """A user of the gateway: what it may do is that of its role, and nothing once it is disabled."""
    admin = UserAdmin(gateway.journal.callers, "admin", Actor(name="operator"), clock)
    admin.add("eve", "a long password", Role.VIEWER)
    await gateway.directory.refresh()
    caller = await gateway.directory.caller_of("eve")
    assert caller is not None
    record = AuditRecord(at=clock.now(), actor=Actor(name="eve"), operation="console.sign_in")
    _, token = await gateway.console_sessions.begin(caller, None, record)
    async with client_of(application, **OWN_PAGE, Cookie=f"ordergate_session={token}") as eve:
        assert (await eve.get(SESSION)).json()["scopes"] == ["read", "safety:read"]
        assert (await eve.post("/trading/orders", json={})).status_code == 403
        ended = asyncio.ensure_future(gateway.ended(await gateway.caller_in(token)))
        admin.disable("eve")
        await gateway.directory.refresh()
        assert (await eve.get(SESSION)).status_code == 401
        await asyncio.wait_for(ended, 10)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Origin": "http://localhost:3000", "Host": "localhost:8000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_no_other_page_uses_the_session(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Whatever a browser might send along for it, also a page of this host on another port."""
    for name in OWN_PAGE:
        del browser.headers[name]
    for method, path in (("GET", "/accounts/"), ("POST", "/trading/orders/search"), ("GET", "/trading/events")):
        answer = await browser.request(method, path, headers=headers, json={} if method == "POST" else None)
        assert answer.status_code in (401, 403), (method, path)


async def test_a_token_that_was_changed_opens_nothing(
    application: Any, browser: httpx.AsyncClient, gateway: Gateway
) -> None:
    """Nor does one that another key sealed, nor sealed credentials, nor what is no token."""
    good = browser.headers["cookie"].partition("=")[2]
    credentials = base64.urlsafe_b64encode(build_vault(gateway.settings).seal("master_account", "paper", {})).decode()
    for token in (
        good[:-1],
        good[:40] + ("A" if good[40] != "A" else "B") + good[41:],
        credentials,
        "ä",
        "%",
        "",
        "A" * 5000,
    ):
        async with client_of(application, **OWN_PAGE) as other:
            answer = await other.get("/accounts/", headers={"Cookie": f"ordergate_session={token}".encode("latin-1")})
            assert answer.status_code == 401, token


async def test_a_key_does_not_sign_in(application: Any, client: httpx.AsyncClient) -> None:
    """A program sends its key with each request."""
    made = (await client.post("/api-keys", json={"name": "bot", "environment": "paper", "role": "trader"})).json()
    async with client_of(application, Authorization=basic(made["id"], made["secret"])) as bot:
        answer = await bot.post(SESSION)
    assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)


async def test_signing_out_takes_the_cookie_away(application: Any, browser: httpx.AsyncClient) -> None:
    """Also where there is no session any more; not for another page."""
    gone = await browser.delete(SESSION)
    checked(gone, SESSION)
    assert "ordergate_session=; Path=/; Max-Age=0" in gone.headers["set-cookie"]
    async with client_of(application, **OWN_PAGE) as stranger:
        assert (await stranger.delete(SESSION)).status_code == 200
        assert (await stranger.delete(SESSION, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403


async def test_a_script_gets_no_challenge(application: Any) -> None:
    """A browser would answer it with a window of its own; programs get one."""
    async with client_of(application) as stranger:
        assert "www-authenticate" in (await stranger.get(SESSION)).headers
        asked = await stranger.get(SESSION, headers={"X-Requested-With": "XMLHttpRequest"})
        assert (asked.status_code, "www-authenticate" in asked.headers) == (401, False)


async def test_the_cookie_is_for_tls_where_there_is_tls(
    application: Any, current: CurrentGateway, gateway: Gateway
) -> None:
    """Behind TLS the browser sends it over nothing else."""
    current.gateway = gateway
    gateway.journal.accounts.put_password_hash("admin", "a hash")
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="https://test") as client:
        begun = await client.post(SESSION, headers={"Authorization": basic("admin", PASSWORD)})
    assert begun.headers["set-cookie"].endswith("; Secure")


async def test_capabilities_tell_the_kind_of_money(client: httpx.AsyncClient) -> None:
    """Of each connector, and what orders may ask of it."""
    path = "/connectors/{connector_name}/capabilities"
    paper = checked(await client.get("/connectors/paper/capabilities"), path)
    assert (paper["environment"], paper["is_perpetual"]) == ("paper", False)
    assert paper["order_types"] == ["LIMIT", "MARKET", "LIMIT_MAKER"]
    perpetual = checked(await client.get("/connectors/paper_perpetual/capabilities"), path)
    assert (perpetual["is_perpetual"], perpetual["reduce_only"]) == (True, True)
    kraken = checked(await client.get("/connectors/kraken/capabilities"), path)
    assert kraken["environment"] == "live"


async def test_signing_out_ends_the_session_of_every_copy(
    application: Any, gateway: Gateway, browser: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Also of a stream that was opened with it, and no other session of the user. It is in the audit log."""
    token = browser.headers["cookie"].partition("=")[2]
    ended = asyncio.ensure_future(gateway.ended(await gateway.caller_in(token)))
    async with client_of(application, **OWN_PAGE, Cookie=browser.headers["cookie"]) as copy:
        assert (await copy.get("/accounts/")).status_code == 200
        answer = await browser.delete(SESSION)
        assert checked(answer, SESSION)["message"] == "Signed out."
        assert "Max-Age=0" in answer.headers["set-cookie"]
        for each in (browser, copy):
            assert (await each.get("/accounts/")).status_code == 401
        await asyncio.wait_for(ended, 10)
        # Again, and without a session, there is nothing to end.
        for each in (browser, copy):
            assert (await each.delete(SESSION)).status_code == 200
    noted = gateway.journal.database.rows(select(AUDIT.c.actor).where(AUDIT.c.operation == "console.sign_out"))
    assert [row.actor for row in noted] == ["admin"]


async def test_what_a_session_sent_is_not_done_after_it_has_ended_elsewhere(
    gateway: Gateway, browser: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Another process has ended it; this one has not looked yet, but the transaction does."""
    caller = await gateway.caller_in(browser.headers["cookie"].partition("=")[2])
    assert caller.session_id is not None
    assert caller.expires_at is not None
    record = AuditRecord(at=clock.now(), actor=Actor(name="admin"), operation="console.sign_out")
    gateway.journal.callers.end_session(caller.session_id, caller.expires_at, record)
    assert (await browser.get("/accounts/")).status_code == 200
    placed = await browser.post("/trading/orders", json=ORDER)
    made = await browser.post("/accounts/add-account", params={"account_name": "another"})
    assert [each.json()["code"] for each in (placed, made)] == ["key_revoked"] * 2
    assert gateway.journal.database.rows(select(EVENTS.c.seq)) == []


async def test_ended_sessions_are_forgotten_once_they_have_expired(gateway: Gateway, clock: FakeClock) -> None:
    """What expired opens nothing anyway, an hour later also where a clock is behind."""
    record = AuditRecord(at=clock.now(), actor=Actor(name="admin"), operation="console.sign_out")
    gateway.journal.callers.end_session("first", clock.now() + LIFETIME, record)
    clock.advance(LIFETIME.total_seconds() + 3600)
    later = structs.replace(record, at=clock.now())
    gateway.journal.callers.end_session("second", clock.now() + LIFETIME, later)
    assert gateway.journal.callers.known().ended == {"second"}

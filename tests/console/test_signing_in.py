"""Signing in and out, and what ends a session."""

from __future__ import annotations

import pyotp
from playwright.sync_api import Page, expect

from app.administration import administration
from app.domain.caller import Actor
from app.domain.enums import Role
from app.settings import Settings
from tests.console.conftest import PASSWORD, RunningGateway, sign_in


def test_a_person_signs_in_and_out(page: Page) -> None:
    """A wrong password is told, the right one opens the console in every tab, and signing out ends it in every tab."""
    sign_in(page, "not the word")
    expect(page.get_by_role("alert")).to_have_text("The user or the password is wrong.")
    sign_in(page)
    expect(page.get_by_role("heading", name="Ticket")).to_be_visible()
    [cookie] = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("ordergate_session", True, "Strict")
    assert page.evaluate("document.cookie") == ""
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Ticket")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(other.get_by_label("Password")).to_be_visible()
    assert page.context.cookies() == []


def test_a_person_signs_in_with_a_code(page: Page, running: RunningGateway) -> None:
    """The page asks for it once the password is right, and says so where it is wrong."""
    settings = Settings(database_url=f"sqlite:///{running.directory / 'ordergate.db'}", data_dir=running.directory)
    with administration(settings, Actor(name="operator")) as admin:
        admin.users.add("alice", PASSWORD, Role.TRADER)
        codes = pyotp.TOTP(admin.totp.new_secret("alice"))
        admin.totp.enable("alice", codes.secret, codes.now(), admin.record("user totp enable", "alice"))
    sign_in(page, username="alice")
    code = page.get_by_label("Code")
    expect(page.get_by_role("alert")).to_have_text("Give the code that your authenticator shows as well.")
    expect(code).to_be_focused()
    code.fill(codes.at(admin.clock.now(), counter_offset=-9))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong, or was used before.")
    # That of the next step: the present one was used to enable codes.
    following = codes.at(admin.clock.now(), counter_offset=1)
    code.fill(f"{following[:3]} {following[3:]}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Ticket")).to_be_visible()


def test_a_session_that_has_ended_asks_for_the_password_again(page: Page) -> None:
    """The page says why, and the ticket is as it was."""
    sign_in(page)
    page.get_by_role("textbox", name="Amount").fill("0.100000000000000001")
    page.context.clear_cookies()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("textbox", name="Amount")).to_have_value("0.100000000000000001")

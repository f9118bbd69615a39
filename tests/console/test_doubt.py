"""Real money asks twice, and what is in doubt is said first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.console.conftest import RunningGateway, sign_in


def test_a_live_order_asks_twice(trader: Page, running: RunningGateway, account: str) -> None:
    """Only the word of the connector is changed on its way. One press asks, Escape takes it back, a double click is one press."""

    def as_live(route: Route) -> None:
        body = route.fetch().text()
        assert '"environment":"paper"' in body
        route.fulfill(
            body=body.replace('"environment":"paper"', '"environment":"live"'), content_type="application/json"
        )

    trader.route("**/connectors/paper/capabilities", as_live)
    trader.reload()
    expect(trader.locator(".ticket")).to_have_attribute("data-environment", "live")
    trader.get_by_role("textbox", name="Amount").fill("0.01")
    trader.get_by_role("textbox", name="Price").fill("50000")
    send = trader.locator("button.send")
    expect(send).to_contain_text(f"LIVE {account}/paper")
    send.dblclick()
    expect(send).to_contain_text("Yes, send for real")
    expect(trader.get_by_text("This is real money.")).to_be_visible()
    trader.get_by_role("textbox", name="Price").press("Escape")
    expect(send).not_to_contain_text("Yes, send for real")
    trader.get_by_role("textbox", name="Price").press("Enter")
    expect(send).to_contain_text("Yes, send for real")
    assert running.orders(account) == []
    trader.wait_for_timeout(800)
    trader.get_by_role("textbox", name="Price").press("Enter")
    expect(trader.get_by_role("heading", name="Open at the exchange")).to_be_visible()
    assert len(running.orders(account)) == 1


def test_the_keyboard_is_enough(trader: Page, running: RunningGateway, account: str) -> None:
    """Side and type by arrows, the order by Enter, and every stop on the way can be seen."""
    trader.locator("[name=trading_pair]").focus()
    trader.keyboard.press("Tab")
    trader.keyboard.press("ArrowRight")
    trader.keyboard.press("Tab")
    trader.keyboard.press("ArrowRight")
    trader.keyboard.press("Tab")
    trader.keyboard.type("0.01")
    expect(trader.locator("button.send")).to_contain_text("SELL 0.01 BTC at the market MARKET")
    assert trader.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    trader.keyboard.press("Enter")
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    [order] = running.orders(account)
    assert (order["trade_type"], order["state"]) == ("SELL", "filled")


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway whose paper exchange takes orders, breaks the connection, and answers no question."""
    gateway = RunningGateway(directory=tmp_path / "data")
    gateway.directory.mkdir()
    gateway.start(ORDERGATE_PAPER_FAULTS="seed=1,rate=1,kinds=reset+unanswered+drop")
    yield gateway
    gateway.kill()


def test_an_order_in_doubt_stands_on_top(browser: Browser, faulty: RunningGateway) -> None:
    """UNKNOWN, with its age and when the exchange is asked next; the ticket says the same and calls nothing final."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{faulty.url}/console")
    sign_in(page)
    page.locator(".price").first.wait_for()
    page.get_by_text("MARKET", exact=True).click()
    page.get_by_role("textbox", name="Amount").fill("0.01")
    page.locator("button.send").click()
    expect(page.get_by_role("heading", name="Unknown: the gateway asks the exchange until it is known")).to_be_visible()
    first = page.locator(".blotter tbody tr").first
    expect(first).to_have_attribute("data-doubtful", "true")
    expect(first).to_contain_text("UNKNOWN")
    expect(first.locator("[data-label=Age]")).to_have_text(re.compile(r"\d+ s"))
    expect(first.locator(".next-check")).to_have_text(re.compile(r", next in \d+ s$"))
    expect(page.locator(".blotter h2")).to_contain_text("1 in doubt")
    context.close()

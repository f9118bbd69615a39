"""Every page for everybody: axe finds nothing, dark and light, and nothing is wider than a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.conftest import RunningGateway, sign_in

_AXE = Path(__file__).parents[2] / "tools/console/node_modules/axe-core/axe.min.js"
_PHONE, _DESK = 390, 1280
_FIND = """async () => {
    const found = await axe.run({resultTypes: ["violations"]});
    return found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html)}`);
}"""


def _wrong(page: Page) -> list[str]:
    """What axe finds, and what is too wide, on a phone and on a desk."""
    page.evaluate(_AXE.read_text())
    wrong = []
    for width in (_DESK, _PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        wrong += page.evaluate(_FIND)
        needed = page.evaluate("document.documentElement.scrollWidth")
        wrong += [f"the page is {needed} wide at {width}"] if needed > width else []
    return wrong


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_page_is_for_everybody(
    browser: Browser, running: RunningGateway, account: str, scheme: Literal["dark", "light"]
) -> None:
    """Signing in, the ticket, the orders and a timeline."""
    if not _AXE.exists() and not os.environ.get("TESTS_REQUIRE_CHROMIUM"):
        pytest.skip("*** NO axe-core HERE: accessibility is NOT tested. Run `make console-tools`, with Node. ***")
    terms = {"account_name": account, "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY"}
    placed = running.call("POST", "/trading/orders", json={**terms, "amount": "0.01", "order_type": "MARKET"})
    # The tool is no part of the page, which its policy would not let in.
    context = browser.new_context(viewport={"width": _PHONE, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{running.url}/console")
    expect(page.get_by_label("Password")).to_be_visible()
    assert _wrong(page) == []
    sign_in(page)
    page.locator(".price").first.wait_for()
    page.get_by_role("textbox", name="Amount").fill("0.015")
    assert _wrong(page) == []
    for path, awaited in (
        ("orders", ".blotter tr"),
        (f"orders/{placed['order_id']}", ".events li"),
        ("positions", ".balances tbody tr"),
        ("accounts", ".connector dd"),
        ("market/paper/BTC-USDT", ".book tbody tr"),
        ("latency", ".latency tbody tr"),
    ):
        page.goto(f"{running.url}/console#/{path}")
        page.locator(awaited).first.wait_for()
        assert _wrong(page) == []
    context.close()

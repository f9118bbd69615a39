"""Positions and balances, and the orders that close, reduce and sell them: all by the ticket."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.console.conftest import RunningGateway

#: What a tab keeps whose order was on its way when it went.
_UNANSWERED = """() => {
    const ticket = JSON.parse(sessionStorage.getItem("ordergate.ticket"));
    const sent = {key: ticket.key, body: ticket.terms, user: "admin", at: Date.now(), doubt: true};
    sessionStorage.setItem("ordergate.ticket", JSON.stringify({...ticket, phase: "sending", sent}));
}"""


def _go_short(running: RunningGateway, account: str) -> None:
    running.call("POST", f"/accounts/add-credential/{account}/paper_perpetual", json={})
    terms = {"account_name": account, "connector_name": "paper_perpetual", "trading_pair": "ETH-USDT"}
    order = {**terms, "trade_type": "SELL", "order_type": "MARKET", "position_action": "OPEN", "amount": "0.5"}
    running.call("POST", "/trading/orders", json=order)


def test_a_position_is_reduced_and_closed_by_the_ticket(trader: Page, running: RunningGateway, account: str) -> None:
    """The ticket has the terms, says what it is for and with what money, and what was done shows by itself."""
    _go_short(running, account)
    trader.get_by_role("link", name="Positions").click()
    row = trader.locator(".positions").get_by_role("row").filter(has_text=account)
    expect(row).to_contain_text("SHORT")
    expect(row).to_contain_text("0.5 ETH")
    row.get_by_role("button", name="Reduce SHORT").click()
    expect(trader.locator(".purpose")).to_contain_text("Reduces SHORT 0.5 ETH of ETH-USDT")
    trader.get_by_role("textbox", name="Amount").fill("0.2")
    send = trader.locator("button.send")
    expect(send).to_have_text(f"BUY 0.2 ETH at the market MARKET CLOSE reduce only · PAPER {account}/paper_perpetual")
    expect(trader.locator(".preview")).to_contain_text("0.2 ETH")
    send.click()
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    trader.get_by_role("link", name="Positions").click()
    expect(row).to_contain_text("0.3 ETH")
    row.get_by_role("button", name="Close SHORT").click()
    send.click()
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    trader.get_by_role("link", name="Positions").click()
    expect(trader.locator(".balances").get_by_text(f"{account}/paper_perpetual").first).to_be_visible()
    expect(row).to_have_count(0)


def test_what_is_held_shows_its_worth_and_is_sold_by_the_ticket(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """A balance changes by itself, and the ticket gets the whole of it; one without an answer stays as it is."""
    trader.get_by_role("link", name="Positions").click()
    row = trader.locator(".balances").get_by_role("row").filter(has_text=account).filter(has_text="LTC")
    expect(row).to_contain_text("1000")
    expect(trader.locator(".total")).to_contain_text("USD")
    terms = {"account_name": account, "connector_name": "paper", "trading_pair": "LTC-USDT", "order_type": "MARKET"}
    running.call("POST", "/trading/orders", json={**terms, "trade_type": "SELL", "amount": "400"})
    expect(row).to_contain_text("600")
    row.get_by_role("button", name="Sell").click()
    expect(trader.locator("button.send")).to_have_text(f"SELL 600 LTC at the market MARKET · PAPER {account}/paper")
    trader.evaluate(_UNANSWERED)
    trader.reload()
    trader.get_by_role("link", name="Positions").click()
    row.get_by_role("button", name="Sell").click()
    expect(trader.get_by_role("alert")).to_contain_text(["The ticket has an order without an answer"])
    assert len(running.orders(account)) == 1

"""Accounts and connectors: credentials that are only written, their test, and how it is with the exchange."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.console.conftest import RunningGateway


def test_an_account_is_given_credentials_and_loses_them(trader: Page, running: RunningGateway, account: str) -> None:
    """What the exchange says is shown, nothing that was typed stays, and deleting asks twice, and again for active orders."""
    held: list[Route] = []
    trader.route("**/connectors", lambda route: held.append(route))
    trader.get_by_role("link", name="Accounts").click()
    added = f"{account}_2"
    trader.get_by_label("Name of the account").fill(added)
    trader.get_by_role("button", name="Add account").click()
    card = trader.get_by_role("region", name=f"Account {added}")
    with trader.expect_request("**/connectors"):
        card.get_by_text("Add or replace credentials").click()
    connector = card.get_by_label("Connector")
    connector.fill("binance")
    # What is being typed stays although the list of connectors comes meanwhile.
    with trader.expect_response("**/connectors"):
        held[0].continue_()
    expect(card.locator("option").first).to_be_attached()
    connector.press("Tab")
    secret = card.get_by_label("binance_api_secret")
    expect(secret).to_have_attribute("type", "password")
    connector.fill("paper")
    connector.press("Tab")
    balances = card.get_by_label("starting_balances")
    balances.fill("USDT")
    card.get_by_role("button", name="Try and store").click()
    expect(card.get_by_role("alert").filter(has_text="USDT")).to_be_visible()
    balances.fill("USDT:1000")
    card.get_by_role("button", name="Try and store").click()
    paper = trader.get_by_role("article", name=f"{added}/paper")
    expect(paper.get_by_text("ready")).to_be_visible()
    expect(paper.get_by_text("PAPER")).to_be_visible()
    expect(balances).to_have_count(0)
    paper.get_by_role("button", name="Test credentials").click()
    expect(paper.get_by_text("The exchange takes them")).to_be_visible()
    terms = {"account_name": added, "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY"}
    running.call("POST", "/trading/orders", json={**terms, "amount": "0.001", "price": "50000"})
    paper.get_by_role("button", name="Delete").click()
    paper.get_by_role("button", name="Keep").click()
    paper.get_by_role("button", name="Delete").click()
    paper.get_by_role("button", name="Yes, delete").click()
    expect(paper.get_by_role("alert").filter(has_text="1 active order")).to_be_visible()
    paper.get_by_role("button", name="Yes, delete and leave the orders").click()
    expect(paper).to_have_count(0)
    assert running.call("GET", f"/accounts/{added}/credentials") == []


def test_the_last_comparison_with_the_exchange_is_shown(trader: Page, account: str) -> None:
    """When it was, what it found to differ, and how it is with the exchange."""
    trader.get_by_role("link", name="Accounts").click()
    paper = trader.get_by_role("article", name=f"{account}/paper")
    expect(paper).to_contain_text("Differences")
    expect(paper).to_contain_text("the whole book")
    paper.get_by_text("What it can do").click()
    expect(paper.get_by_text("asked by our id")).to_be_visible()

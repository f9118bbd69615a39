"""Orders and fills as they are now, also while and after the gateway is away."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.console.conftest import RunningGateway


def _rest(running: RunningGateway, account: str, price: str = "50000") -> str:
    """An order far below the market, which rests."""
    terms = {"account_name": account, "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY"}
    placed = running.call("POST", "/trading/orders", json={**terms, "amount": "0.01", "price": price})
    return str(placed["order_id"])


def test_orders_of_others_come_and_are_cancelled(trader: Page, running: RunningGateway, account: str) -> None:
    """An order that a program places shows by itself, and its cancel is the exchange's."""
    blotter = trader.locator(".blotter")
    expect(blotter).to_have_attribute("data-stale", "false")
    trader.get_by_label("Filter").fill(account)
    order_id = _rest(running, account)
    row = blotter.get_by_role("row").filter(has_text="BUY 0.01 BTC-USDT")
    expect(row.get_by_text("open", exact=True)).to_be_visible()
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    [order] = running.orders(account)
    assert (order["order_id"], order["state"]) == (order_id, "canceled")


def test_the_life_of_an_order_is_told(trader: Page, running: RunningGateway, account: str) -> None:
    """Every event, with its source and how we know, behind a link of its own; and all of it as a file."""
    order_id = _rest(running, account)
    trader.goto(f"{running.url}/console#/orders/{order_id}/{account}/paper")
    events = trader.locator(".events li")
    expect(events).to_have_count(2)
    expect(events.first).to_contain_text("intended")
    expect(events.first).to_contain_text("admin from 127.0.0.1")
    expect(events.last).to_contain_text("the exchange answered the order")
    running.call("POST", f"/trading/{account}/paper/orders/{order_id}/cancel")
    expect(trader.get_by_text("canceled", exact=True).first).to_be_visible()
    with trader.expect_download() as download:
        trader.get_by_role("button", name="Export as JSON").click()
    assert download.value.suggested_filename == f"{order_id}.json"


def test_what_is_old_is_said_to_be_old_and_repaired_after_a_kill(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """kill -9 in mid-session: within three seconds the page says that it is stale, and after the restart it is right."""
    blotter = trader.locator(".blotter")
    trader.get_by_label("Filter").fill(account)
    _rest(running, account)
    expect(blotter.get_by_text("open", exact=True)).to_have_count(1)
    other = trader.context.new_page()
    other.goto(f"{running.url}/console#/market/paper/BTC-USDT")
    market = other.locator(".market")
    expect(market).to_have_attribute("data-stale", "false")
    running.kill()
    expect(market).to_have_attribute("data-stale", "true", timeout=3000)
    expect(blotter).to_have_attribute("data-stale", "true", timeout=3000)
    expect(trader.locator(".pulse")).to_have_attribute("data-state", "lost", timeout=3000)
    running.start()
    _rest(running, account, "51000")
    expect(blotter).to_have_attribute("data-stale", "false")
    expect(blotter.get_by_text("open", exact=True)).to_have_count(2)
    expect(trader.locator(".pulse")).to_have_attribute("data-state", "live")
    expect(market).to_have_attribute("data-stale", "false")

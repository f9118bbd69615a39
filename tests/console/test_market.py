"""The market: candles with own orders and fills, book and trades, each as it moves."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.console.conftest import RunningGateway


def test_own_orders_and_fills_stand_in_the_market(trader: Page, running: RunningGateway, account: str) -> None:
    """Candles, book and trades come by themselves; what is ordered and filled meanwhile is marked."""
    trader.goto(f"{running.url}/console#/market/paper/SOL-USDT")
    chart = trader.locator(".chart")
    expect(chart).to_have_attribute("data-candles", "300")
    expect(chart.locator("canvas").first).to_be_visible()
    expect(trader.locator(".book").get_by_text("Bid").first).to_be_visible()
    expect(chart).to_have_attribute("data-orders", "0")
    terms = {"account_name": account, "connector_name": "paper", "trading_pair": "SOL-USDT", "amount": "1"}
    running.call("POST", "/trading/orders", json={**terms, "trade_type": "BUY", "order_type": "MARKET"})
    running.call("POST", "/trading/orders", json={**terms, "trade_type": "BUY", "price": "100"})
    expect(chart).to_have_attribute("data-orders", "1")
    expect(chart).not_to_have_attribute("data-fills", "0")
    expect(trader.locator(".market-trades tbody tr").first).to_be_visible()
    trader.locator('input[value="5m"]').check(force=True)
    expect(chart).to_have_attribute("data-candles", "300")
    trader.get_by_role("button", name="Trade SOL-USDT").click()
    expect(trader.get_by_label("Pair")).to_have_value("SOL-USDT")


def test_a_pair_that_is_being_typed_stays(trader: Page, running: RunningGateway) -> None:
    """Also when the list of pairs comes meanwhile."""
    held: list[Route] = []
    trader.route("**/trading-rules", lambda route: held.append(route))
    with trader.expect_request("**/trading-rules"):
        trader.goto(f"{running.url}/console#/market/paper/SOL-USDT")
        trader.reload()
    pair = trader.get_by_label("Pair")
    pair.fill("eth-usdt")
    with trader.expect_response("**/trading-rules"):
        held[0].continue_()
    expect(trader.locator("#market-pairs option").first).to_be_attached()
    pair.press("Enter")
    expect(trader).to_have_url(f"{running.url}/console#/market/paper/ETH-USDT")
    expect(trader.get_by_label("Pair")).to_have_value("ETH-USDT")

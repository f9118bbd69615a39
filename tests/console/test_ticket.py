"""The ticket: from the first page to a filled order, and one order whatever happens on the way."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.console.conftest import RunningGateway

#: A hundred double clicks on whatever button the ticket has meanwhile.
_PRESS_AND_PRESS = """async () => {
    for (let presses = 0; presses < 100; presses += 1) {
        const button = document.querySelector("button.send, .answer button");
        for (const detail of [1, 2]) button?.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true, detail}));
        await new Promise((resume) => setTimeout(resume, 15));
    }
}"""


def _write(page: Page, amount: str = "0.01") -> None:
    page.get_by_text("MARKET", exact=True).click()
    page.get_by_role("textbox", name="Amount").fill(amount)


def test_an_order_is_filled_from_the_first_page_on(trader: Page, running: RunningGateway, account: str) -> None:
    """The button states the order, and the answer is the journal's."""
    _write(trader)
    preview = trader.locator(".preview")
    expect(preview).to_contain_text("0.01 BTC")
    expect(preview).to_contain_text("fee")
    send = trader.locator("button.send")
    expect(send).to_have_text(f"BUY 0.01 BTC at the market MARKET · PAPER {account}/paper")
    send.click()
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    [order] = running.orders(account)
    assert (order["state"], str(order["filled_amount"])) == ("filled", "0.01")
    expect(trader.get_by_role("link", name=order["order_id"])).to_be_visible()


def test_amounts_are_sent_as_typed(trader: Page, account: str) -> None:
    """No digit is lost between the key and the wire."""
    trader.get_by_role("textbox", name="Amount").fill("0.100000000000000001")
    trader.get_by_role("textbox", name="Price").fill("50000.010")
    with trader.expect_request("**/trading/orders") as sent:
        trader.locator("button.send").click()
    body = sent.value.post_data_json
    assert (body["amount"], body["price"]) == ("0.100000000000000001", "50000.010")


def test_a_refused_preview_is_shown_and_what_is_written_next_is_sent(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """A preview of an order that the pair's rules refuse has no terms: the page says so, and goes on with what is typed."""
    amount, price = trader.get_by_role("textbox", name="Amount"), trader.get_by_role("textbox", name="Price")
    refused, shown = trader.get_by_text("It would be refused:"), trader.locator(".preview")
    for is_small, written in ((False, "0.01"), (True, "0.00001"), (False, "0.02"), (True, "0.00001"), (False, "0.03")):
        amount.fill(written)
        price.fill("100" if is_small else "50000")
        expect(refused if is_small else shown).to_be_visible()
        expect(trader.locator("button.send")).to_contain_text(
            f"BUY {written} BTC at {'100' if is_small else '50000'} USDT"
        )
    trader.locator("button.send").click()
    expect(trader.get_by_role("heading", name="Open")).to_be_visible()
    assert [str(order["amount"]) for order in running.orders(account)] == ["0.03"]


def test_an_order_that_waits_for_an_approval_is_asked_about_again(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """The same key, until somebody has decided or nobody need any more."""
    limits = {"scope": {"account_name": account}, "limits": {"approval_above_notional": 100}}
    running.call("PUT", "/safety/limits", json=limits)
    trader.get_by_role("textbox", name="Amount").fill("0.01")
    trader.get_by_role("textbox", name="Price").fill("50000")
    trader.locator("button.send").click()
    waits = trader.get_by_role("heading", name="Another person must approve it")
    expect(waits).to_be_visible()
    running.call("PUT", "/safety/limits", json={**limits, "limits": {"approval_above_notional": None}})
    again = trader.get_by_role("button", name="Ask again")
    expect(again).to_have_attribute("aria-disabled", "false")
    again.click()
    expect(trader.get_by_role("heading", name="Open at the exchange")).to_be_visible()
    assert len(running.orders(account)) == 1


def test_a_page_that_has_failed_can_send_nothing(trader: Page) -> None:
    """What stands half drawn may be old, so it goes, with its buttons; loading the page anew helps."""
    trader.route("**/trading/orders/preview", lambda route: route.fulfill(json={}))
    trader.get_by_role("textbox", name="Amount").fill("0.01")
    trader.get_by_role("textbox", name="Price").fill("50000")
    expect(trader.get_by_role("heading", name="This page has stopped")).to_be_visible()
    expect(trader.locator("button.send")).to_have_count(0)
    trader.unroute("**/trading/orders/preview")
    trader.get_by_role("button", name="Load it anew").click()
    expect(trader.locator("button.send")).to_contain_text("BUY 0.01 BTC at 50000 USDT")


def test_a_hundred_double_clicks_with_lost_answers_make_one_order(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """The gateway gets the order, the browser no answer; meanwhile the button is pressed on and on."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) == 2:
            route.continue_()
            return
        lost.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    trader.route("**/trading/orders", lose)
    _write(trader)
    trader.evaluate(_PRESS_AND_PRESS)
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    assert len(lost) == 2
    assert len(set(lost)) == 1
    assert len(running.orders(account)) == 1


def test_a_tab_that_goes_down_before_the_answer_asks_with_the_same_key(
    trader: Page, running: RunningGateway, account: str
) -> None:
    """After a reload the page says that it does not know, and asking makes no second order."""
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        trader.reload()

    trader.route("**/trading/orders", lose, times=1)
    _write(trader)
    with trader.expect_event("load"):
        trader.locator("button.send").click(no_wait_after=True)
    expect(trader.get_by_role("heading", name="No answer yet")).to_be_visible()
    with trader.expect_request("**/trading/orders") as asked:
        trader.wait_for_timeout(900)
        trader.get_by_role("button", name="Ask again").click()
    expect(trader.get_by_role("heading", name="Filled")).to_be_visible()
    expect(trader.get_by_text("placed before, by the same key")).to_be_visible()
    assert [asked.value.headers["idempotency-key"]] == keys
    assert len(running.orders(account)) == 1

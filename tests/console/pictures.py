"""The pictures of the docs: ``make console-pictures`` starts a gateway on the paper exchange, trades on it, and takes them."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.console.conftest import CHROMIUM, OPTIONS, RunningGateway, sign_in

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_WIDE = {"width": 1280, "height": 900}
_MASTER = {"account_name": "master_account"}


def _trade(gateway: RunningGateway) -> str:
    """Make orders, fills and positions, and return the id of the order whose life is shown."""
    spot = {**_MASTER, "connector_name": "paper", "trading_pair": "BTC-USDT"}
    perpetual = {**_MASTER, "connector_name": "paper_perpetual", "trading_pair": "BTC-USDT", "position_action": "OPEN"}
    market, limit = {"order_type": "MARKET"}, {"order_type": "LIMIT"}
    book = gateway.call("POST", "/market-data/order-book", json={"connector_name": "paper", "trading_pair": "BTC-USDT"})
    mid = int(book["bids"][0]["price"])
    filled = [
        {**spot, **market, "trade_type": "BUY", "amount": "0.05"},
        {**spot, **market, "trade_type": "SELL", "amount": "0.02"},
        {**spot, **market, "trading_pair": "ETH-USDT", "trade_type": "BUY", "amount": "1.5"},
        {**perpetual, **market, "trade_type": "BUY", "amount": "0.03"},
        {**perpetual, **market, "trading_pair": "ETH-USDT", "trade_type": "SELL", "amount": "0.5"},
    ]
    resting = [
        {**spot, **limit, "trade_type": "BUY", "amount": "0.01", "price": str(mid - 400)},
        {**spot, **limit, "trade_type": "SELL", "amount": "0.01", "price": str(mid + 500)},
        {**perpetual, **limit, "trade_type": "BUY", "amount": "0.01", "price": str(mid - 900)},
    ]
    placed = [gateway.call("POST", "/trading/orders", json=terms) for terms in [*filled, *resting]]
    return str(placed[0]["order_id"])


def _take(page: Page, name: str, folder: Path) -> None:
    page.wait_for_timeout(1500)  # what is drawn by and by, such as a chart, has come to rest
    page.screenshot(path=folder / f"console-{name}.png")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=_PICTURES)
    parser.add_argument("--scheme", choices=("dark", "light"), default="dark")
    parser.add_argument("--width", type=int, default=_WIDE["width"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        data = Path(directory) / "data"
        data.mkdir()
        gateway = RunningGateway(directory=data)
        gateway.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            order_id = _trade(gateway)
            viewport = {"width": options.width, "height": _WIDE["height"]}
            context = browser.new_context(viewport=viewport, color_scheme=options.scheme, reduced_motion="reduce")
            page = context.new_page()
            page.on("pageerror", lambda error: print("page error:", error))
            page.on("console", lambda said: print(said.text) if said.type == "error" else None)
            page.goto(f"{gateway.url}/console")
            sign_in(page)
            page.locator(".price").first.wait_for()
            page.get_by_text("MARKET", exact=True).click()
            page.get_by_role("textbox", name="Amount").fill("0.015")
            page.locator(".preview").wait_for()
            _take(page, "trade", options.folder)
            for path, name, awaited in (
                (f"orders/{order_id}/master_account/paper", "timeline", ".events li"),
                ("orders", "blotter", ".blotter tbody tr"),
                ("positions", "positions", ".positions tbody tr"),
                ("market/paper/BTC-USDT", "market", ".chart canvas"),
                ("latency", "latency", ".latency tbody tr"),
                ("accounts", "accounts", ".connector dd.good"),
            ):
                page.goto(f"{gateway.url}/console#/{path}")
                page.locator(awaited).first.wait_for()
                if name == "blotter":
                    page.get_by_text("All", exact=True).click()
                _take(page, name, options.folder)
        finally:
            browser.close()
            gateway.kill()


if __name__ == "__main__":
    main()

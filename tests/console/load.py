"""The console under load: ``make console-load``. Prints figures, and fails where a bound is passed.

First a page follows hundreds of events per second for a minute: no row is lost, the main thread is free, memory stays flat. Then
orders are entered one after the other, alone and with twenty consoles open.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.console.conftest import CHROMIUM, OPTIONS, PASSWORD, USERNAME, RunningGateway, sign_in

_AUTH = (USERNAME, PASSWORD)
_ORDER = {"account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY"}
#: Thousands of these cost less than the paper exchange gives.
_SMALL = "0.0001"
#: Events of an order that is placed, rests and is cancelled, and of one that is filled at once: as many as the journal has of them.
_EVENTS = 4 + 3
#: Orders that are left resting, so that there are rows to lose.
_RESTING = 40
#: How often order entry is measured alone and beside consoles, in turn, so that what else the machine does falls on both.
_ROUNDS = 15

#: Seconds of which the browser keeps a trace.
_TRACED = 60.0

_ROWS = """() => [...document.querySelectorAll(".blotter tbody tr")].map((row) =>
    [row.querySelector("a").getAttribute("href").split("/")[2], row.dataset.state])"""


class Trader(threading.Thread):
    """Places and cancels at a rate, in a thread of its own, until it is stopped. It buys and sells in turn, which costs little."""

    def __init__(self, url: str, events_per_second: float, seconds: float) -> None:
        super().__init__()
        self._url, self._rate, self._seconds = url, events_per_second / _EVENTS, seconds
        self.orders = 0
        self.took = 0.0

    def run(self) -> None:
        asyncio.run(self._trade())

    async def _trade(self) -> None:
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=self._url, auth=_AUTH, timeout=60, limits=limits) as client:
            started = time.monotonic()
            running: set[asyncio.Task[None]] = set()
            while (passed := time.monotonic() - started) < self._seconds:
                due = int(passed * self._rate)
                while self.orders < due and len(running) < 20:
                    self.orders += 1
                    task = asyncio.create_task(self._one(client, "BUY" if self.orders % 2 else "SELL"))
                    running.add(task)
                    task.add_done_callback(running.discard)
                await asyncio.sleep(0.005)
            await asyncio.gather(*running)
            self.took = time.monotonic() - started

    async def _one(self, client: httpx.AsyncClient, side: str) -> None:
        market = {**_ORDER, "trade_type": side, "amount": _SMALL, "order_type": "MARKET"}
        filled = await client.post("/trading/orders", json=market)
        filled.raise_for_status()
        placed = await client.post("/trading/orders", json={**_ORDER, "amount": _SMALL, "price": "60000"})
        placed.raise_for_status()
        cancelled = await client.post(f"/trading/master_account/paper/orders/{placed.json()['order_id']}/cancel")
        cancelled.raise_for_status()


def _page(browser: Browser, gateway: RunningGateway) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{gateway.url}/console")
    sign_in(page)
    page.locator(".price").first.wait_for(timeout=60_000)
    return page


def _heap(page: Page) -> float:
    """Megabytes of JavaScript's objects after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / 1e6


def _p(values: Sequence[float], part: int) -> float:
    return sorted(values)[-(-len(values) * part // 100) - 1]


def _longest_tasks(trace: bytes) -> list[float]:
    """The longest task of the page's main thread in each second, in milliseconds of processor time: what others on this machine do
    meanwhile counts for nothing.
    """
    events = json.loads(trace)["traceEvents"]
    main = {(each["pid"], each["tid"]) for each in events if each.get("args", {}).get("name") == "CrRendererMain"}
    longest: defaultdict[int, float] = defaultdict(float)
    for each in events:
        if (each["pid"], each["tid"]) in main and each["name"].endswith("RunTask") and "tdur" in each:
            second = each["ts"] // 1_000_000
            longest[second] = max(longest[second], each["tdur"] / 1000)
    return list(longest.values())


def follow(browser: Browser, gateway: RunningGateway, events: float, seconds: float) -> list[str]:
    """A page follows the events. Returns what is wrong."""
    for number in range(_RESTING):
        gateway.call("POST", "/trading/orders", json={**_ORDER, "amount": "0.001", "price": str(50_000 + number)})
    page = _page(browser, gateway)
    first = gateway.call("GET", "/performance")["journal"]["head"]
    heaps = []
    trader = Trader(gateway.url, events, seconds)
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    started = time.monotonic()
    trader.start()
    traced = min(seconds, _TRACED)
    for _ in range(4):
        page.wait_for_timeout(traced * 1000 / 4)
        heaps.append(_heap(page))
    longest = _longest_tasks(browser.stop_tracing())
    while (left := seconds - (time.monotonic() - started)) > 0:
        page.wait_for_timeout(min(left, 300) * 1000)
        heaps.append(_heap(page))
    trader.join()
    took = trader.took
    made = gateway.call("GET", "/performance")["journal"]["head"] - first
    lost, checked = _lost(page, gateway)
    busy = _p(longest, 95)
    print(f"{made} events in {took:.0f} s: {made / took:.0f} per second, of {3 * trader.orders} requests")
    print(f"rows that are lost or wrong: {len(lost)} of {checked}")
    print(
        f"the longest task of each second: p50 {_p(longest, 50):.0f} ms, p95 {busy:.0f} ms, at most {max(longest):.0f} ms"
    )
    print(
        "objects after each quarter of a minute and each five minutes after it, MB:",
        ", ".join(f"{each:.1f}" for each in heaps),
    )
    page.context.close()
    return [
        *([f"only {made / took:.0f} events per second were made"] if made / took < 0.9 * events else []),
        *(["rows were lost"] if lost else []),
        *([f"the main thread was busy for {busy:.0f} ms"] if busy > 50 else []),
        *(["memory grew"] if heaps[-1] > heaps[0] + 5 else []),
    ]


def _lost(page: Page, gateway: RunningGateway) -> tuple[set[str], int]:
    """The orders that the page shows otherwise than the gateway, and how many were compared: all live ones, and the newest."""
    page.wait_for_timeout(3000)
    live = gateway.call("POST", "/trading/orders/active", json={"limit": 1000})["data"]
    shown = dict(page.evaluate(_ROWS))
    wrong = {row["order_id"] for row in live if shown.get(row["order_id"]) != row["state"]}
    wrong |= shown.keys() - {row["order_id"] for row in live}
    page.get_by_text("All", exact=True).click()
    page.wait_for_timeout(1000)
    everything = dict(page.evaluate(_ROWS))
    recent = gateway.call("POST", "/trading/orders/search", json={"limit": 200})["data"]
    wrong |= {row["order_id"] for row in recent if everything.get(row["order_id"]) != row["state"]}
    return wrong, len(live) + len(recent)


def _entry(gateway: RunningGateway, orders: int) -> float:
    """The median of entering an order, in milliseconds."""
    took = []
    with httpx.Client(base_url=gateway.url, auth=_AUTH, timeout=60) as client:
        for number in range(orders + 10):
            started = time.perf_counter()
            client.post("/trading/orders", json={**_ORDER, "amount": _SMALL, "order_type": "MARKET"}).raise_for_status()
            if number >= 10:
                took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _ms(rounds: Sequence[float]) -> str:
    return " / ".join(f"{each:.1f}" for each in sorted(rounds)) + " ms"


def _recorded(page: Page, seconds: float) -> list[tuple[float, str, str, str | None]]:
    """What the page asks of the gateway: when, how, what, and with which body. The stream of events is no question."""
    asked: list[tuple[float, str, str, str | None]] = []
    started = time.monotonic()

    def note(request: Request) -> None:
        path = request.url.split("/", 3)[3]
        if not path.startswith("trading/events"):
            asked.append((time.monotonic() - started, request.method, f"/{path}", request.post_data))

    page.on("request", note)
    page.wait_for_timeout(seconds * 1000)
    page.remove_listener("request", note)
    return asked


def _replay(url: str, cookie: str, asked: Sequence[Any], every: float, consoles: int) -> None:
    """Ask as ``consoles`` pages do, each with its stream of events, until the process is ended."""
    address = httpx.URL(url)
    os.nice(19)  # what is measured is the gateway's time: who asks stands behind it

    async def one(client: httpx.AsyncClient, number: int) -> None:
        async def follow() -> None:
            # By hand: reading must not take the processors that are measured.
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(
                f"GET /trading/events HTTP/1.1\r\nHost: {address.netloc.decode()}\r\nCookie: {cookie}\r\n\r\n".encode()
            )
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            while await reader.read(1 << 16):
                pass

        following = asyncio.create_task(follow())
        begun = time.monotonic() + number * every / consoles
        while not following.done():
            for at, method, path, body in asked:
                await asyncio.sleep(max(0.0, begun + at - time.monotonic()))
                headers = {"Content-Type": "application/json"} if body else {}
                (await client.request(method, path, content=body, headers=headers)).raise_for_status()
            begun += every

    async def all_of_them() -> None:
        limits = httpx.Limits(max_connections=None)
        headers = {"Cookie": cookie}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
            await asyncio.gather(*(one(client, number) for number in range(consoles)))

    asyncio.run(all_of_them())


def enter(browser: Browser, gateway: RunningGateway, consoles: int, orders: int) -> list[str]:
    """Orders are entered alone and with consoles open, in turn. Returns what is wrong.

    Twenty pages would take the processors that are measured, so one page is recorded, and twenty programs ask what it asks.
    """
    every = 10.0
    page = _page(browser, gateway)
    asked = _recorded(page, every)
    [cookie] = page.context.cookies()
    page.context.close()
    print(f"a console asks {len(asked) / every:.1f} questions per second")
    alone, beside = [], []
    for _ in range(_ROUNDS):
        alone.append(_entry(gateway, orders))
        arguments = (gateway.url, f"{cookie['name']}={cookie['value']}", asked, every, consoles)
        process = multiprocessing.get_context("spawn").Process(target=_replay, args=arguments, daemon=True)
        process.start()
        _until_open(gateway, consoles)
        beside.append(_entry(gateway, orders))
        assert process.is_alive(), "the consoles failed"
        process.kill()
        process.join()
    more = statistics.median(beside) / statistics.median(alone) - 1
    print(f"p50 of order entry: {_ms(alone)} alone, {_ms(beside)} with {consoles} consoles: {more:+.0%}")
    return [f"order entry took {more:.0%} more"] if more > 0.10 else []


def _until_open(gateway: RunningGateway, consoles: int) -> None:
    """Wait until as many streams are open."""
    until = time.monotonic() + 60
    while gateway.call("GET", "/performance")["streams"] < consoles:
        assert time.monotonic() < until, "the consoles did not open"
        time.sleep(0.2)
    time.sleep(2)


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--events", type=float, default=200, help="per second")
    parser.add_argument("--consoles", type=int, default=20, help="0 measures no order entry")
    parser.add_argument("--orders", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        data = Path(directory) / "data"
        data.mkdir()
        gateway = RunningGateway(directory=data)
        gateway.start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            faults = follow(browser, gateway, options.events, options.seconds)
            if options.consoles:
                faults += enter(browser, gateway, options.consoles, options.orders)
        finally:
            browser.close()
            gateway.kill()
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()

"""W3–W6, W9, W10, W19, W20, W22–W24: what the records say of orders and their executions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.enums import OrderState
from app.domain.fill import Fill
from app.domain.order import AccountKey
from app.domain.reports import OrderReport, ReportedState
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.storage.database import Database
from tests.clock import FakeClock
from tests.services.perpetuals import give
from tests.services.reconciling.test_feed import running
from tests.services.world import ACCOUNT, gathered, until
from tests.weaknesses.conftest import MARKET, PARTIAL, Desk, OpenDesk

SEARCH, ACTIVE, TRADES = "/trading/orders/search", "/trading/orders/active", "/trading/trades"
#: The keys of an order that callers of hummingbot-api read.
KEYS = {
    "order_id", "account_name", "connector_name", "trading_pair", "trade_type", "order_type", "amount", "price", "status",
    "filled_amount", "average_fill_price", "fee_paid", "fee_currency", "created_at", "updated_at", "exchange_order_id",
    "error_message",
}  # fmt: skip


def fill(number: int, amount: str, price: str, clock: FakeClock) -> Fill:
    """One execution, a second after the one before it."""
    return Fill(
        exchange_fill_id=f"f{number}",
        price=Decimal(price),
        amount=Decimal(amount),
        fee=Decimal("0.001"),
        fee_currency="BTC",
        filled_at=clock.now() + timedelta(seconds=number),
    )


def report(order_id: str, total: str, fills: Sequence[Fill], state: ReportedState = "open") -> OrderReport:
    """What a stream says of an order."""
    return OrderReport(
        order_id=order_id,
        exchange_order_id=None,
        trading_pair="BTC-USDT",
        state=state,
        filled_amount=Decimal(total),
        fills=tuple(fills),
    )


async def pages(desk: Desk, path: str, limit: int, **filters: Any) -> list[list[Any]]:
    """All pages, by the loop that the client's own documentation shows."""
    found, cursor = [], None
    while True:
        page = await desk.post(path, limit=limit, cursor=cursor, **filters)
        found.append(page["data"])
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["has_more"] is (cursor is not None)
        if not page["pagination"]["has_more"]:
            assert page["pagination"]["total_count"] == sum(map(len, found))
            return found
        assert len(found) < 50, "the loop does not end"


async def test_w3_a_rejected_order_keeps_its_terms(desk: Desk) -> None:
    """A search by pair and status shows the rejection with everything that was asked."""
    await desk.place(400, amount="100")
    (row,) = (await desk.post(SEARCH, trading_pairs=["BTC-USDT"], status="FAILED"))["data"]
    assert set(row) >= KEYS
    assert {name: row[name] for name in ("trading_pair", "trade_type", "order_type", "amount", "price")} == {
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": 100,
        "price": 40_000,
    }


async def test_w4_an_order_that_is_filled_at_once_is_recorded_whole(desk: Desk) -> None:
    """At the answer it is filled, with its executions; so it is when the stream is faster than a lost answer."""
    placed = await desk.post("/trading/orders", 201, **MARKET)
    assert placed["state"] == "filled"
    async with running(desk.feed()):
        desk.faults.plan("submit", "lost")
        second = await desk.client.post("/trading/orders", json=MARKET)
        order_id = second.json()["order_id"]
        await until(lambda: desk.order(order_id).state is OrderState.FILLED, desk.clock)
    for name in (placed["order_id"], order_id):
        row = await desk.row(name)
        assert (row["status"], row["filled_amount"]) == ("FILLED", Decimal("0.01"))
        assert sum(trade["amount"] for trade in await desk.trades(name)) == row["filled_amount"]


async def test_w5_fills_at_the_same_moment_are_all_counted(desk: Desk) -> None:
    """Four quarters that arrive at once make a whole, in whatever order they are written."""
    order_id = (await desk.place(amount="1"))["order_id"]
    quarters = [fill(number, "0.25", "40000", desk.clock) for number in range(4)]
    failures = await gathered(
        *(desk.observe(order_id, report(order_id, str((n + 1) * Decimal("0.25")), [quarters[n]])) for n in (2, 0, 3, 1))
    )
    assert failures == [None] * 4
    row = await desk.row(order_id)
    assert (row["status"], row["filled_amount"], len(await desk.trades(order_id))) == ("FILLED", 1, 4)


async def test_w6_a_restart_counts_no_fill_twice(open_desk: OpenDesk) -> None:
    """What was filled before the restart is what is filled after it, however often the exchange repeats it."""
    async with open_desk() as desk:
        order_id = (await desk.place(**PARTIAL))["order_id"]
        desk.path.prices["BTC-USDT"] = Decimal(70_000)
        before = await desk.row(order_id)
        assert 0 < before["filled_amount"] < 1
    async with open_desk() as desk:
        async with running(desk.feed()):
            desk.clock.advance(1)
            await desk.recovery().reconcile(AccountKey(ACCOUNT, "paper"))
            connector = await desk.gateway.sessions.connector(AccountKey(ACCOUNT, "paper"))
            for repeated in await connector.fetch_open_orders():
                await desk.observe(order_id, repeated)
        after = await desk.row(order_id)
        assert (after["filled_amount"], after["status"]) == (before["filled_amount"], "PARTIALLY_FILLED")


async def test_w9_times_are_those_of_the_exchange_and_of_a_running_clock(desk: Desk) -> None:
    """Executions have the exchange's own times, and orders the time at which they were made."""
    first = (await desk.place(amount="1"))["order_id"]
    desk.clock.advance(7)
    second = (await desk.place())["order_id"]
    times = [datetime.fromisoformat((await desk.row(order_id))["created_at"]) for order_id in (first, second)]
    assert times[1] - times[0] == timedelta(seconds=7)
    assert {row["order_id"] for row in (await desk.post(ACTIVE))["data"]} == {first, second}
    fills = [fill(number, "0.1", "40000", desk.clock) for number in range(3)]
    await desk.observe(first, report(first, "0.3", fills))
    stamps = [datetime.fromisoformat(row["timestamp"]) for row in await desk.trades(first)]
    assert sorted(stamps) == [each.filled_at for each in fills]


async def test_w10_an_order_moves_without_a_stream(desk: Desk) -> None:
    """Open orders are queried as well: a fill that no stream reported is found."""
    order_id = (await desk.place())["order_id"]
    desk.faults.plan("stream", *["drop"] * 20)
    async with running(desk.feed()):
        desk.path.prices["BTC-USDT"] = Decimal(39_000)
        await until(lambda: desk.order(order_id).state is OrderState.FILLED, desk.clock)


async def test_w19_active_orders_show_what_was_filled(desk: Desk) -> None:
    """Average price, fee and its currency are there while the order still rests."""
    order_id = (await desk.place(**PARTIAL))["order_id"]
    (row,) = (await desk.post(ACTIVE))["data"]
    (trade,) = await desk.trades(order_id)
    assert set(row) >= KEYS
    assert (row["status"], row["average_fill_price"]) == ("PARTIALLY_FILLED", trade["price"])
    assert (row["fee_paid"], row["fee_currency"]) == (trade["fee_paid"], trade["fee_currency"])
    assert row["fee_paid"] > 0


async def test_w20_paging_ends(desk: Desk) -> None:
    """Each row is on one page, the last page says so, and the count is of all, with filters of several values too."""
    for number in range(7):
        trading_pair = ("BTC-USDT", "ETH-USDT", "SOL-USDT")[number % 3]
        await desk.post("/trading/orders", 201, **{**MARKET, "trading_pair": trading_pair, "amount": "0.1"})
    several = {"trading_pairs": ["BTC-USDT", "ETH-USDT"], "account_names": [ACCOUNT, "another"]}
    for path, name in ((SEARCH, "order_id"), (TRADES, "trade_id")):
        for filters, least in (({}, 7), (several, 5)):
            rows = [row[name] for page in await pages(desk, path, 2, **filters) for row in page]
            assert len(rows) == len(set(rows)) >= least


async def test_w22_the_average_price_is_weighted(desk: Desk) -> None:
    """A quarter at 40,000 and three quarters at 39,000 cost 39,250 on average."""
    order_id = (await desk.place(amount="1"))["order_id"]
    fills = [fill(0, "0.25", "40000", desk.clock), fill(1, "0.75", "39000", desk.clock)]
    await desk.observe(order_id, report(order_id, "1", fills, "filled"))
    assert (await desk.row(order_id))["average_fill_price"] == 39_250


@pytest.mark.parametrize(
    ("word", "found"),
    [("failed", 1), ("Failed", 1), ("FILLED", 0), ("CANCELED", 0), ("CLOSED", 0), ("done", 0), ("", 0), (None, 1)],
)
async def test_any_status_word_is_answered(desk: Desk, word: str | None, found: int) -> None:
    """Programs let people and language models write the word: either case is known, and one that no order has finds none."""
    await desk.place(400, amount="100")
    page = await desk.post(SEARCH, status=word)
    assert (len(page["data"]), page["pagination"]["total_count"]) == (found, found)


async def test_w23_a_status_never_goes_backwards(desk: Desk) -> None:
    """A fill that is reported after the cancel is counted, and the order stays cancelled; an old report changes nothing."""
    order_id = (await desk.place(amount="1"))["order_id"]
    await desk.post(f"/trading/{ACCOUNT}/paper/orders/{order_id}/cancel")
    await desk.observe(order_id, report(order_id, "0.4", [fill(0, "0.4", "40000", desk.clock)]))
    await desk.observe(order_id, report(order_id, "0", []))
    row = await desk.row(order_id)
    assert (row["status"], row["filled_amount"]) == ("CANCELLED", Decimal("0.4"))


async def test_w24_a_failure_is_no_empty_page(desk: Desk) -> None:
    """Without its database the gateway answers 503; an exchange that can't be asked is named."""
    await desk.place()
    give(
        desk.gateway,
        MASTER_ACCOUNT,
        "binance_perpetual",
        binance_perpetual_api_key="k",
        binance_perpetual_api_secret="s",
    )
    database = Database(desk.gateway.settings.database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE orders RENAME TO orders_elsewhere")
    database.dispose()
    for path in (SEARCH, ACTIVE):
        assert (await desk.post(path, 503))["retryable"] is True
    failed = await desk.post("/trading/positions", 502)
    assert "binance_perpetual" in failed["detail"]

"""Tests of the futures market's queries: orders, trades, income."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

from app.sandbox.times import milliseconds
from tests.clock import FakeClock
from tests.sandbox.binance.futures.client import FuturesClient

WEEK = int(timedelta(days=7).total_seconds())


async def test_questions_without_times_are_about_seven_days(futures: FuturesClient, clock: FakeClock) -> None:
    """Older orders and trades are found by their ids and by times that span no more than that."""
    started = futures.now_ms
    order = await futures.trade()
    (first, *_) = await futures.ask("v1/userTrades", symbol="BTCUSDT")
    clock.advance(WEEK + 1)
    assert await futures.ask("v1/userTrades", symbol="BTCUSDT") == []
    assert await futures.ask("v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"]) == []
    assert await futures.ask("v1/allOrders", symbol="BTCUSDT") == []
    assert len(await futures.ask("v1/allOrders", symbol="BTCUSDT", orderId=order["orderId"])) == 1
    assert (await futures.ask("v1/userTrades", symbol="BTCUSDT", fromId=first["id"]))[0] == first
    assert (await futures.ask("v1/userTrades", symbol="BTCUSDT", startTime=started))[0] == first
    known = {"orderId": order["orderId"], "startTime": started, "endTime": started + 1_000}
    assert (await futures.ask("v1/userTrades", symbol="BTCUSDT", **known))[0] == first
    reply = await futures.signed(
        "GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=started, endTime=started + (WEEK + 1) * 1_000
    )
    assert reply.error[0] == -4165
    reply = await futures.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=1, fromId=1)
    assert reply.error[0] == -1128


async def test_trades_have_their_results(futures: FuturesClient) -> None:
    """Side, position, fee and result of each; the results of a round trip are what the wallet lost beside the fees."""
    before = D((await futures.ask("v3/balance"))[0]["balance"])
    await futures.trade()
    await futures.trade(side="SELL", reduceOnly="true")
    trades = await futures.ask("v1/userTrades", symbol="BTCUSDT")
    assert {(each["side"], each["positionSide"]) for each in trades} == {("BUY", "BOTH"), ("SELL", "BOTH")}
    assert {each["commissionAsset"] for each in trades} == {"USDT"}
    results = sum(D(each["realizedPnl"]) - D(each["commission"]) for each in trades)
    assert D((await futures.ask("v3/balance"))[0]["balance"]) == before + results
    income = await futures.ask("v1/income")
    assert sum(D(each["income"]) for each in income) == results
    pages = [await futures.ask("v1/income", limit=1, page=page) for page in range(1, len(income) + 2)]
    assert [row for page in pages for row in page] == income


async def test_funding_is_income(futures: FuturesClient, clock: FakeClock) -> None:
    """Once in eight hours, with a number of its own, by symbol and by time; longs pay while the rate is above zero."""
    await futures.trade()
    clock.advance(16 * 3_600)
    rows = await futures.ask("v1/income", incomeType="FUNDING_FEE", symbol="BTCUSDT")
    assert len(rows) == 2
    assert len({row["tranId"] for row in rows}) == 2
    assert {D(row["income"]) for row in rows} == {D("-0.65")}  # 0.1 at 65,000 and a rate of 0.0001
    assert {row["asset"] for row in rows} == {"USDT"}
    later = await futures.ask("v1/income", incomeType="FUNDING_FEE", startTime=rows[1]["time"])
    assert later == rows[1:]
    assert await futures.ask("v1/income", incomeType="FUNDING_FEE", symbol="ETHUSDT") == []
    assert rows[1]["time"] - rows[0]["time"] == 28_800_000
    assert rows[1]["time"] <= milliseconds(clock.now())


async def test_an_order_needs_an_id(futures: FuturesClient) -> None:
    """Neither is refused; another account's order does not exist."""
    assert (await futures.signed("GET", "/fapi/v1/order", symbol="BTCUSDT")).error[0] == -1102
    order = (await futures.place()).json
    await futures.put("/sandbox/accounts", {"name": "bob", "api_key": "bobs", "secret": "a-secret"}, "POST")
    query = futures.query(symbol="BTCUSDT", orderId=order["orderId"])
    assert (await futures.send("GET", "/fapi/v1/order", query, key="bobs")).error[0] == -2013

"""Tests of the spot market's queries for an account, its orders and trades."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import MARKET, RawClient

DAY_MS = 86_400_000


async def test_an_order_is_found_by_either_id(client: RawClient) -> None:
    """On its symbol only; none of the ids is an error, and -2013 says that there is none."""
    order = (await client.place(newClientOrderId="one")).json
    for ids in ({"orderId": order["orderId"]}, {"origClientOrderId": "one"}):
        found = (await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", **ids)).json
        assert (found["orderId"], found["price"], found["time"]) == (
            order["orderId"],
            "60000.00000000",
            order["transactTime"],
        )
        absent = await client.signed("GET", "/api/v3/order", symbol="LTCUSDT", **ids)
        assert (absent.status, *absent.error) == (400, -2013, "Order does not exist.")
    assert (await client.signed("GET", "/api/v3/order", symbol="BTCUSDT")).error[0] == -1102


async def test_accounts_do_not_see_each_other(sandbox: Sandbox, client: RawClient) -> None:
    """Neither by id nor in lists."""
    order = (await client.place()).json
    sandbox.keys.add("bob", "bobs-key", secret="a-secret")
    for path in ("openOrders", "allOrders"):
        reply = await client.send("GET", f"/api/v3/{path}", client.query(symbol="BTCUSDT"), key="bobs-key")
        assert reply.json == []
    query = client.query(symbol="BTCUSDT", orderId=order["orderId"])
    assert (await client.send("GET", "/api/v3/order", query, key="bobs-key")).error[0] == -2013
    assert (await client.send("DELETE", "/api/v3/order", query, key="bobs-key")).error[0] == -2011


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"limit": 2}, [1, 2]),
        ({"orderId": 1}, [1, 2]),
        ({"orderId": 0, "limit": 1}, [0]),
        ({"startTime": 10_000}, [1, 2]),
        ({"startTime": 0, "endTime": 10_000}, [0, 1]),
    ],
)
async def test_all_orders_by_id_time_or_the_last(
    client: RawClient, clock: FakeClock, question: dict[str, int], expected: list[int]
) -> None:
    """Oldest first, of the symbol only."""
    begun = client.now_ms
    ids = []
    for _ in range(3):
        ids.append((await client.place()).json["orderId"])
        await client.place(symbol="ETHUSDT", price="3000", quantity="0.01")
        clock.advance(10)
    asked: dict[str, Any] = dict(question)
    if "orderId" in asked:
        asked["orderId"] = ids[asked["orderId"]]
    for name in {"startTime", "endTime"} & asked.keys():
        asked[name] += begun
    rows = (await client.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", **asked)).json
    assert [row["orderId"] for row in rows] == [ids[index] for index in expected]


async def test_trades_by_order_id_time_or_the_last(client: RawClient, clock: FakeClock) -> None:
    """Each question finds its own, with the exchange's stable ids."""
    begun, bought = client.now_ms, []
    for _ in range(3):
        bought.append((await client.signed("POST", "/api/v3/order", **MARKET)).json)
        clock.advance(10)
    mine = [fill["tradeId"] for order in bought for fill in order["fills"]]

    async def ids(**question: Any) -> list[int]:
        reply = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", **question)
        return [row["id"] for row in reply.json]

    second = [fill["tradeId"] for fill in bought[1]["fills"]]
    assert await ids() == mine
    assert await ids(limit=1) == mine[-1:]
    assert await ids(fromId=second[0]) == mine[mine.index(second[0]) :]
    assert await ids(orderId=bought[1]["orderId"]) == second
    assert await ids(orderId=bought[1]["orderId"], fromId=second[-1] + 1) == []
    assert await ids(orderId=4711) == []
    assert await ids(startTime=begun + 10_000, endTime=begun + 15_000) == second
    assert await ids(startTime=begun + 15_000) == [fill["tradeId"] for fill in bought[2]["fills"]]


async def test_a_time_range_is_a_day_at_most(client: RawClient) -> None:
    """More is refused."""
    span = {"startTime": client.now_ms - DAY_MS - 1, "endTime": client.now_ms}
    reply = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", **span)
    assert reply.error == (-1127, "More than 24 hours between startTime and endTime.")


async def test_balances_show_what_is_held(client: RawClient) -> None:
    """Free and locked, and without zeros if asked."""
    await client.place()
    account = (await client.signed("GET", "/api/v3/account", omitZeroBalances="true")).json
    usdt = next(each for each in account["balances"] if each["asset"] == "USDT")
    assert usdt == {"asset": "USDT", "free": "94000.00000000", "locked": "6000.00000000"}
    assert account["makerCommission"] == 10
    assert all(D(each["free"]) + D(each["locked"]) > 0 for each in account["balances"])


async def test_fees_are_shown(client: RawClient) -> None:
    """By the account and by the wallet."""
    reply = await client.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert reply.json["standardCommission"]["taker"] == "0.00100000"
    fees = (await client.signed("GET", "/sapi/v1/asset/tradeFee")).json
    assert {each["makerCommission"] for each in fees} == {"0.00100000"}


async def test_the_wallet_is_minimal(client: RawClient) -> None:
    """Assets without networks, no margin, no derivatives, and no listen keys any more."""
    coins = (await client.signed("GET", "/sapi/v1/capital/config/getall")).json
    assert {"BTC", "USDT"} <= {coin["coin"] for coin in coins}
    assert all(coin["networkList"] == [] for coin in coins)
    assets = (await client.signed("POST", "/sapi/v3/asset/getUserAsset")).json
    assert next(each for each in assets if each["asset"] == "BTC")["free"] == "10.00000000"
    for name in ("allAssets", "allPairs", "isolated/allPairs"):
        assert (await client.signed("GET", f"/sapi/v1/margin/{name}")).json == []
    assert (await client.signed("GET", "/sapi/v1/account/apiRestrictions")).json["enableWithdrawals"] is False
    assert (await client.signed("GET", "/sapi/v1/account/status")).json == {"data": "Normal"}
    for market in ("fapi", "dapi"):
        assert (await client.get(f"/{market}/v1/exchangeInfo")).json["symbols"] == []
    for method in ("POST", "PUT", "DELETE"):
        gone = await client.send(method, "/api/v3/userDataStream")
        assert (gone.status, "410 Gone" in gone.text) == (410, True)

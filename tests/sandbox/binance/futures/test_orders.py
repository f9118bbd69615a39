"""Tests of the futures market's order entry: what it takes, and in which codes it refuses."""

from __future__ import annotations

import json
from decimal import Decimal as D
from typing import Any

import pytest

from tests.sandbox.binance.client import MARKET, RESTING
from tests.sandbox.binance.futures.client import FuturesClient


async def test_a_new_order_is_acknowledged_or_told_in_full(futures: FuturesClient) -> None:
    """Without a wish the answer says only that it came, as on Binance, even of an order that traded."""
    reply = await futures.place(type="MARKET", price=None, timeInForce=None)
    assert (reply.json["status"], D(reply.json["executedQty"])) == ("NEW", 0)
    found = await futures.ask("v1/order", symbol="BTCUSDT", orderId=reply.json["orderId"])
    assert (found["status"], D(found["executedQty"]), D(found["avgPrice"]) > 65_000) == ("FILLED", D("0.1"), True)
    result = await futures.trade()
    assert (result["status"], D(result["cumQty"]), result["reduceOnly"]) == ("FILLED", D("0.1"), False)


async def test_post_only_is_a_time_in_force(futures: FuturesClient) -> None:
    """GTX rests, and says so when asked."""
    reply = await futures.place(timeInForce="GTX", newClientOrderId="a.b:c/d-1")
    assert (reply.json["type"], reply.json["timeInForce"], reply.json["status"]) == ("LIMIT", "GTX", "NEW")
    assert (await futures.ask("v1/openOrder", symbol="BTCUSDT", origClientOrderId="a.b:c/d-1"))["timeInForce"] == "GTX"


async def test_immediate_or_cancel_expires(futures: FuturesClient) -> None:
    """Away from the market it gets nothing, and is not open."""
    reply = await futures.place(timeInForce="IOC", newOrderRespType="RESULT")
    assert (reply.json["status"], D(reply.json["executedQty"])) == ("EXPIRED", 0)
    assert (await futures.signed("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=reply.json["orderId"])).error[
        0
    ] == -2013


async def test_a_killed_order_never_was(futures: FuturesClient) -> None:
    """FOK away from the market is refused, and neither questions nor the truth know it."""
    reply = await futures.place(timeInForce="FOK", newClientOrderId="killed")
    assert (reply.status, reply.error[0]) == (400, -5021)
    query = await futures.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="killed")
    assert query.error == (-2013, "Order does not exist.")
    assert await futures.ask("v1/allOrders", symbol="BTCUSDT") == []
    truth = (await futures.get("/sandbox/truth")).json["futures"]
    assert [account["orders"] for account in truth["accounts"]] == [[]]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"quantity": "100"}, -2019),
        ({"price": "66000", "timeInForce": "GTX"}, -5022),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "LONG", "reduceOnly": "true"}, -1106),
        ({"positionSide": "UP"}, -4060),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.000001"}, -4004),
        ({"quantity": "9001"}, -4005),
        ({"quantity": "0.100001"}, -4023),
        ({"quantity": "0.000000001"}, -1111),
        ({"price": "0"}, -4001),
        ({"price": "0.001"}, -4013),
        ({"price": "7000000"}, -4002),
        ({"price": "60000.001"}, -4014),
        ({"price": "60000.000000001"}, -1111),
        ({"quantity": "0.00001"}, -4164),
        ({"quantity": "8000"}, -2027),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "a b"}, -1100),
        ({"timeInForce": "GTD"}, -1115),
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"type": "PEGGED"}, -1116),
        ({"type": "MARKET"}, -1106),
        ({"price": None}, -1102),
        ({"closePosition": "true"}, -4136),
        ({"symbol": "NOSUCH"}, -1121),
        ({"nonsense": "1"}, -1104),
    ],
)
async def test_refusals_have_binances_codes(futures: FuturesClient, terms: dict[str, Any], code: int) -> None:
    """Each with its own, and nothing is there afterwards; the test endpoint refuses what needs no engine alike."""
    reply = await futures.place(**terms)
    assert (reply.status, reply.error[0]) == (400, code)
    assert await futures.ask("v1/allOrders", symbol="BTCUSDT") == []


async def test_an_id_in_use_is_refused(futures: FuturesClient) -> None:
    """While the order is open; afterwards it makes a new order."""
    first = (await futures.place(newClientOrderId="one")).json
    assert (await futures.place(newClientOrderId="one")).error == (-4116, "ClientOrderId is duplicated.")
    await futures.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="one")
    second = (await futures.place(newClientOrderId="one")).json
    assert second["orderId"] != first["orderId"]


async def test_the_test_endpoint_places_nothing(futures: FuturesClient) -> None:
    """It refuses what the rules refuse and looks at neither margin nor position."""
    good = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "50",
        "price": "60000",
    }
    tested = (await futures.change("order/test", **good, newClientOrderId="one")).json
    assert (tested["orderId"], tested["clientOrderId"], tested["status"]) == (0, "one", "NEW")
    assert (tested["origQty"], tested["price"], tested["timeInForce"]) == ("50.00000000", "60000.00000000", "GTC")
    assert (await futures.change("order/test", **{**good, "quantity": "0.00001"})).error[0] == -4164
    assert await futures.ask("v1/openOrders") == []


async def test_several_orders_are_placed_by_one_call(futures: FuturesClient) -> None:
    """Each is placed or refused by itself, with numbers as text or as JSON has them."""
    asked = [
        RESTING | {"newClientOrderId": "one"},
        RESTING | {"quantity": 0.2, "price": 59_000.5, "reduceOnly": False},
        RESTING | {"quantity": "100"},
        RESTING | {"quantity": [1]},
        MARKET | {"nonsense": "1"},
    ]
    reply = await futures.change("batchOrders", batchOrders=json.dumps(asked))
    assert [each.get("status") or each["code"] for each in reply.json] == ["NEW", "NEW", -2019, -1130, -1104]
    opened = await futures.ask("v1/openOrders", symbol="BTCUSDT")
    assert [(D(each["origQty"]), D(each["price"])) for each in opened] == [(D("0.1"), 60_000), (D("0.2"), D("59000.5"))]
    for wrong in ("[]", "{}", "[1]", json.dumps([RESTING] * 6)):
        assert (await futures.change("batchOrders", batchOrders=wrong)).error[0] == -1102

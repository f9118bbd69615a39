"""Tests of order entry: parameters, answers, cancelling and replacing."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from app.sandbox.prices import SteeredPath
from tests.clock import FakeClock
from tests.sandbox.binance.client import MARKET, RawClient

ORDER = "/api/v3/order"


async def _market(client: RawClient, **terms: Any) -> Any:
    return await client.signed("POST", ORDER, **(MARKET | terms))


@pytest.mark.parametrize(
    ("terms", "code", "message"),
    [
        ({"symbol": "BTCUSD"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "PEGGED"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (
            {"timeInForce": None},
            -1102,
            "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
        ),
        ({"price": None}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        ({"quoteOrderQty": "5"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "MARKET"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "STOP_LOSS"}, -2010, "Stop loss orders are not supported for this symbol."),
        ({"icebergQty": "1"}, -2010, "Iceberg orders are not supported for this symbol."),
        ({"quantity": "0.100000000"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "60000.000000001"}, -1111, "Parameter 'price' has too much precision."),
        ({"price": "0"}, -1013, "Invalid price."),
        ({"price": "60000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "999999999"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "10"}, -2010, "Account has insufficient balance for requested action."),
        (
            {"type": "LIMIT_MAKER", "timeInForce": None, "price": "66000"},
            -2010,
            "Order would immediately match and take.",
        ),
    ],
)
async def test_an_order_that_is_not_right_is_refused(
    client: RawClient, terms: dict[str, Any], code: int, message: str
) -> None:
    """By Binance's code and text; no order is left, and the test endpoint refuses it equally."""
    reply = await client.place(**terms)
    assert (reply.status, *reply.error) == (400, code, message)
    assert (await client.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT")).json == []
    if code != -2010:
        tested = {name: value for name, value in (_limit() | terms).items() if value is not None}
        assert (await client.signed("POST", f"{ORDER}/test", **tested)).error == (code, message)


def _limit() -> dict[str, Any]:
    return MARKET | {"type": "LIMIT", "timeInForce": "GTC", "price": "60000"}


async def test_a_market_order_says_how_much_once(client: RawClient) -> None:
    """Either base or quote; beyond the maximum its own filter refuses."""
    neither = await client.signed("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET")
    assert neither.error == (-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    assert (await _market(client, quoteOrderQty="10")).error[0] == -1106
    assert (await _market(client, quantity="901")).error == (-1013, "Filter failure: MARKET_LOT_SIZE")
    spent = (await client.signed("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")).json
    assert spent["status"] == "FILLED"
    assert D(99) < D(spent["cummulativeQuoteQty"]) <= 100
    assert spent["origQty"] == spent["executedQty"]
    assert spent["origQuoteOrderQty"] == "100.00000000"


async def test_the_test_endpoint_places_nothing(client: RawClient) -> None:
    """It answers with nothing, or with the rates if asked."""
    assert (await client.signed("POST", f"{ORDER}/test", **_limit())).json == {}
    rates = await client.signed("POST", f"{ORDER}/test", **_limit(), computeCommissionRates="true")
    none = {"maker": "0.00000000", "taker": "0.00000000"}
    assert rates.json["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert (rates.json["specialCommissionForOrder"], rates.json["taxCommissionForOrder"]) == (none, none)
    assert rates.json["discount"]["enabledForAccount"] is False
    unasked = await client.signed("POST", f"{ORDER}/test", **_limit(), computeCommissionRates="false")
    weights = [int(reply.headers["X-MBX-USED-WEIGHT-1M"]) for reply in (rates, unasked)]
    assert (unasked.json, weights[1] - weights[0]) == ({}, 1)
    placed = await client.place(computeCommissionRates="true")
    assert placed.error[0] == -1104
    assert (await client.signed("GET", "/api/v3/openOrders")).json == []


async def test_answers_are_as_long_as_asked(client: RawClient) -> None:
    """ACK, RESULT and FULL; FULL by itself for LIMIT and MARKET, ACK for LIMIT_MAKER."""
    ack = (await client.place(newOrderRespType="ACK")).json
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    result = (await client.place(newOrderRespType="RESULT")).json
    assert (result["status"], "fills" in result) == ("NEW", False)
    assert (await client.place()).json["fills"] == []
    maker = (await client.place(type="LIMIT_MAKER", timeInForce=None)).json
    assert set(maker) == set(ack)


async def test_a_fill_carries_its_fee_in_what_was_received(client: RawClient) -> None:
    """Base for a BUY, quote for a SELL, a tenth of a percent, exactly."""
    for side, asset in (("BUY", "BTC"), ("SELL", "USDT")):
        order = (await _market(client, side=side)).json
        for fill in order["fills"]:
            received = D(fill["qty"]) * (1 if side == "BUY" else D(fill["price"]))
            assert (D(fill["commission"]), fill["commissionAsset"]) == (received * D("0.001"), asset)


async def test_orders_that_do_not_rest_expire(client: RawClient) -> None:
    """IOC and FOK below the market, a quantity beyond the book, and one's own order in the way; each with its reason."""
    ioc = (await client.place(timeInForce="IOC")).json
    assert (ioc["status"], ioc["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    fok = (await client.place(timeInForce="FOK")).json
    assert (fok["status"], fok["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    await client.place(price="64990")
    own = (await client.place(side="SELL", price="64000", quantity="9")).json
    assert own["status"] == "EXPIRED_IN_MATCH"
    assert 0 < D(own["executedQty"]) < 9


async def test_a_client_id_is_unique_among_open_orders_only(client: RawClient) -> None:
    """A second open order of that name is refused; once the first is done the name is free, and names the newer."""
    first = (await client.place(newClientOrderId="one")).json
    assert (await client.place(newClientOrderId="one")).error == (-2010, "Duplicate order sent.")
    await client.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="one")
    second = (await client.place(newClientOrderId="one")).json
    assert second["orderId"] > first["orderId"]
    found = (await client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="one")).json
    assert found["orderId"] == second["orderId"]
    assert (await client.place(newClientOrderId="a.b")).error[0] == -1100
    assert len((await client.place()).json["clientOrderId"]) == 22


async def test_a_cancel_has_a_name_of_its_own(client: RawClient) -> None:
    """In ``clientOrderId``; the order's is in ``origClientOrderId``, and later answers show the order's again."""
    order = (await client.place(newClientOrderId="one")).json
    canceled = (
        await client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="undo")
    ).json
    assert (canceled["origClientOrderId"], canceled["clientOrderId"]) == ("one", "undo")
    assert canceled["status"] == "CANCELED"
    found = (await client.signed("GET", ORDER, symbol="BTCUSDT", orderId=order["orderId"])).json
    assert (found["clientOrderId"], found["status"]) == ("one", "CANCELED")


async def test_what_cannot_be_canceled(client: RawClient) -> None:
    """No name, no such order, another symbol, a done order, and a restriction that does not hold."""
    neither = await client.signed("DELETE", ORDER, symbol="BTCUSDT")
    assert neither.error == (-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = (await client.place(newClientOrderId="one")).json
    for terms in (
        {"symbol": "BTCUSDT", "orderId": "4711"},
        {"symbol": "ETHUSDT", "origClientOrderId": "one"},
        {"symbol": "BTCUSDT", "orderId": order["orderId"], "origClientOrderId": "two"},
    ):
        assert (await client.signed("DELETE", ORDER, **terms)).error == (-2011, "Unknown order sent.")
    one = {"symbol": "BTCUSDT", "origClientOrderId": "one"}
    refused = await client.signed("DELETE", ORDER, **one, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert refused.error == (-2011, "Order was not canceled due to cancel restrictions.")
    assert (await client.signed("DELETE", ORDER, **one, cancelRestrictions="ONLY_NEW")).status == 200
    assert (await client.signed("DELETE", ORDER, **one)).error[0] == -2011


async def test_all_of_a_symbol_are_canceled(client: RawClient) -> None:
    """The symbol's only; none is an error."""
    for _ in range(2):
        await client.place()
    await client.place(symbol="ETHUSDT", price="3000")
    canceled = (await client.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json
    assert [each["status"] for each in canceled] == ["CANCELED"] * 2
    assert (await client.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).error[0] == -2011
    assert len((await client.signed("GET", "/api/v3/openOrders")).json) == 1


@pytest.mark.parametrize(
    ("mode", "cancels", "places", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", True, True, 200, None, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", False, True, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", True, False, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, True, 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", False, False, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
async def test_cancel_replace_says_which_leg_failed(
    client: RawClient,
    mode: str,
    cancels: bool,
    places: bool,
    status: int,
    code: int | None,
    results: tuple[str, str],
) -> None:
    """Both, one (409) or neither; and the open orders are as the answer says."""
    order = (await client.place()).json
    reply = await client.signed(
        "POST",
        f"{ORDER}/cancelReplace",
        **(_limit() | {"quantity": "0.2" if places else "10"}),
        cancelReplaceMode=mode,
        cancelOrderId=order["orderId"] if cancels else 4711,
    )
    data = reply.json.get("data", reply.json)
    assert (reply.status, reply.json.get("code")) == (status, code)
    assert (data["cancelResult"], data["newOrderResult"]) == results
    still = {each["origQty"] for each in (await client.signed("GET", "/api/v3/openOrders")).json}
    assert still == ({"0.10000000"} if not cancels else set()) | ({"0.20000000"} if results[1] == "SUCCESS" else set())


async def test_resting_orders_fill_when_the_market_comes(
    client: RawClient, clock: FakeClock, path: SteeredPath
) -> None:
    """At their price, as makers, without being asked about in between."""
    order = (await client.place()).json
    path.prices["BTC-USDT"] = D(59_000)
    clock.advance(1)
    found = (await client.signed("GET", ORDER, symbol="BTCUSDT", orderId=order["orderId"])).json
    assert (found["status"], found["cummulativeQuoteQty"]) == ("FILLED", "6000.00000000")
    trades = (await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=order["orderId"])).json
    assert {(each["isMaker"], each["price"]) for each in trades} == {(True, "60000.00000000")}

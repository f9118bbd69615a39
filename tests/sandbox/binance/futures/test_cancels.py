"""Tests of the futures market's cancels: of one order, of several, of all, and after a countdown."""

from __future__ import annotations

import json
from decimal import Decimal as D
from typing import Any

import pytest

from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.refusals import PaperUnavailable
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import until
from tests.sandbox.binance.futures.client import FuturesClient

UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}


async def test_cancels_find_open_orders_only(futures: FuturesClient) -> None:
    """By either id; what is done or was never there is unknown, and an id is needed."""
    order = (await futures.place()).json
    canceled = await futures.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (canceled.json["status"], canceled.json["clientOrderId"]) == ("CANCELED", order["clientOrderId"])
    again = await futures.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert again.error == (-2011, "Unknown order sent.")
    assert (await futures.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT")).error[0] == -1102
    nothing = await futures.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert nothing.json["code"] == 200


async def _open(futures: FuturesClient) -> list[str]:
    return [each["clientOrderId"] for each in await futures.ask("v1/openOrders")]


async def _cancel(futures: FuturesClient, **lists: Any) -> Any:
    texts = {name: json.dumps(each, separators=(",", ":")) for name, each in lists.items()}
    return await futures.signed("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", **texts)


async def test_several_orders_are_canceled_by_their_ids(futures: FuturesClient) -> None:
    """Each has its own result, in the order asked for."""
    first, second = [(await futures.place(newClientOrderId=name)).json for name in ("one", "two")]
    reply = await _cancel(futures, orderIdList=[second["orderId"], 4711, first["orderId"]])
    assert [each.get("clientOrderId", each) for each in reply.json] == ["two", UNKNOWN, "one"]
    assert {each["status"] for each in reply.json if "status" in each} == {"CANCELED"}
    await futures.place(newClientOrderId="three")
    reply = await _cancel(futures, origClientOrderIdList=["three", "three"])
    assert [each.get("status", each) for each in reply.json] == ["CANCELED", UNKNOWN]
    assert await _open(futures) == []


@pytest.mark.parametrize(
    ("lists", "code"),
    [
        ({}, -1102),
        ({"orderIdList": []}, -1102),
        ({"orderIdList": list(range(11))}, -1102),
        ({"orderIdList": ["a"]}, -1102),
        ({"orderIdList": [1], "origClientOrderIdList": ["a"]}, -1128),
        ({"origClientOrderIdList": ["a b"]}, -1100),
    ],
)
async def test_lists_are_short_and_one(futures: FuturesClient, lists: dict[str, Any], code: int) -> None:
    """One list, of one to ten ids; nothing is canceled otherwise."""
    await futures.place(newClientOrderId="stays")
    reply = await _cancel(futures, **lists)
    assert (reply.status, reply.error[0]) == (400, code)
    assert await _open(futures) == ["stays"]


async def test_a_countdown_cancels_its_symbol(futures: FuturesClient, clock: FakeClock, path: SteeredPath) -> None:
    """At its end, all open orders of the account on the symbol; before it and elsewhere none."""
    path.prices["ETH-USDT"] = D(3_200)
    await futures.place(newClientOrderId="goes")
    await futures.place(newClientOrderId="stays", symbol="ETHUSDT", price="3000")
    reply = await futures.change("countdownCancelAll", symbol="BTCUSDT", countdownTime="120000")
    assert reply.json == {"symbol": "BTCUSDT", "countdownTime": "120000"}
    clock.advance(119)
    assert await _open(futures) == ["goes", "stays"]
    clock.advance(1)
    assert await _open(futures) == ["stays"]
    await futures.place(newClientOrderId="new")
    clock.advance(1_000)
    assert await _open(futures) == ["stays", "new"]


async def test_a_countdown_is_replaced_or_ended(futures: FuturesClient, clock: FakeClock) -> None:
    """A new one counts from its own start; 0 ends it."""
    await futures.place(newClientOrderId="one")
    await futures.change("countdownCancelAll", symbol="BTCUSDT", countdownTime="60000")
    clock.advance(50)
    await futures.change("countdownCancelAll", symbol="BTCUSDT", countdownTime="60000")
    clock.advance(50)
    assert await _open(futures) == ["one"]
    ended = await futures.change("countdownCancelAll", symbol="BTCUSDT", countdownTime="0")
    assert ended.json["countdownTime"] == "0"
    clock.advance(1_000)
    assert await _open(futures) == ["one"]
    assert (await futures.change("countdownCancelAll", symbol="NOSUCH", countdownTime="1")).error[0] == -1121
    assert (await futures.change("countdownCancelAll", symbol="BTCUSDT")).error[0] == -1102


async def test_a_countdown_outlasts_a_stop_and_a_locked_store(
    futures: FuturesClient,
    both_markets: Sandbox,
    clock: FakeClock,
    futures_exchange: PaperPerpetualExchange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes on when the server is started again, and tries again while the store can't be written."""
    await futures.place(newClientOrderId="goes")
    await futures.change("countdownCancelAll", symbol="BTCUSDT", countdownTime="60000")
    await both_markets.stop()
    clock.advance(50)
    await both_markets.start()
    cancel = futures_exchange.cancel
    tries: list[bool] = []

    def locked_at_first(*arguments: Any, **names: Any) -> Any:
        tries.append(True)
        if len(tries) == 1:
            raise PaperUnavailable("locked")
        return cancel(*arguments, **names)

    monkeypatch.setattr(futures_exchange, "cancel", locked_at_first)
    clock.advance(10)
    await until(lambda: len(tries) == 1)
    assert len(futures_exchange.open_orders("alice")) == 1

    def is_canceled_in_time() -> bool:
        clock.advance(0.1)
        return not futures_exchange.open_orders("alice")

    await until(is_canceled_in_time)
    assert len(tries) == 2


async def test_what_was_filled_meanwhile_keeps_no_other_order_open(
    futures: FuturesClient, futures_exchange: PaperPerpetualExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that is filled between the listing and its cancel is passed over."""
    for name in ("fills", "rests"):
        await futures.place(newClientOrderId=name)
    listed = futures_exchange.open_orders

    def then_one_is_gone(account: str, trading_pair: str) -> Any:
        records = listed(account, trading_pair)
        futures_exchange.cancel(account, client_order_id="fills")
        return records

    monkeypatch.setattr(futures_exchange, "open_orders", then_one_is_gone)
    assert (await futures.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")).json["code"] == 200
    monkeypatch.undo()
    assert await _open(futures) == []

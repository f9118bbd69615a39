"""Amendments at this Binance: by its protocol and by the libraries, and what the gateway makes of them over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest
from binance import AsyncClient
from binance.exceptions import BinanceAPIException

from app.clock import SystemClock
from app.domain.enums import OrderState, OrderType, TradeType
from app.domain.order import AccountKey, Order, OrderKey, OrderRequest
from app.sandbox.server import Sandbox
from app.services.gateway import Gateway
from app.services.reconciling.feed import Feed
from app.services.reconciling.funding import FundingRecorder
from app.services.reconciling.recovery import Recovery
from tests.gateways import opened_gateway
from tests.sandbox.binance.client import API_KEY, RESTING, SECRET, RawClient
from tests.sandbox.binance.futures.client import FuturesClient
from tests.sandbox.binance.libraries import ccxt_exchange, python_binance_client

AMEND = "/api/v3/order/amend/keepPriority"


# -- the protocol ----------------------------------------------------------------------------------------------------


async def test_spot_amends_in_place(client: RawClient) -> None:
    """The answer has both client ids; the order keeps its number and is found under the new id only, also by a cancel."""
    placed = (await client.place(newClientOrderId="one")).json
    answer = (await client.signed("PUT", AMEND, symbol="BTCUSDT", origClientOrderId="one", newQty="0.04")).json
    amended = answer["amendedOrder"]
    assert (amended["orderId"], amended["origClientOrderId"]) == (placed["orderId"], "one")
    assert (amended["qty"], amended["status"]) == ("0.04000000", "NEW")
    name = amended["clientOrderId"]
    assert name != "one"
    by_name = (await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=name)).json
    assert (by_name["clientOrderId"], by_name["origQty"]) == (name, "0.04000000")
    [listed] = (await client.signed("GET", "/api/v3/openOrders")).json
    assert listed["clientOrderId"] == name
    by_old = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="one")
    assert by_old.json["code"] == -2013
    canceled = (await client.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=name)).json
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", name)


async def test_spot_keeps_the_client_id_that_the_caller_keeps(client: RawClient) -> None:
    """By the exchange's number, and with the same id again."""
    placed = (await client.place(newClientOrderId="one")).json
    asked = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newClientOrderId": "one", "newQty": "0.04"}
    assert (await client.signed("PUT", AMEND, **asked)).json["amendedOrder"]["clientOrderId"] == "one"
    found = (await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="one")).json
    assert found["origQty"] == "0.04000000"


async def test_spot_streams_both_ids(client: RawClient) -> None:
    """The amendment names the id before it and the new one; what follows names the new one."""
    async with client.socket("/ws-api/v3") as socket:
        await socket.ask(client.subscription())
        await client.place(newClientOrderId="one")
        await client.signed(
            "PUT", AMEND, symbol="BTCUSDT", origClientOrderId="one", newQty="0.04", newClientOrderId="two"
        )
        await client.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="two")
        reports: list[Any] = []
        while len(reports) < 3:
            event = (await socket.next()).get("event", {})
            if event.get("e") == "executionReport":
                reports.append(event)
    assert [(each["x"], each["X"]) for each in reports] == [
        ("NEW", "NEW"),
        ("REPLACED", "NEW"),
        ("CANCELED", "CANCELED"),
    ]
    assert (reports[1]["c"], reports[1]["C"], reports[1]["q"]) == ("two", "one", "0.04000000")
    assert reports[2]["C"] == "two"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"newQty": "0.2"}, -2038),
        ({"newQty": "0.1"}, -2038),
        ({"newQty": "0"}, -1013),
        ({"newQty": "0.000000001"}, -1111),
        ({"origClientOrderId": "other"}, -2013),
        ({"origClientOrderId": None}, -1102),
        ({"newQty": None}, -1102),
    ],
)
async def test_spot_refuses(client: RawClient, changes: dict[str, Any], code: int) -> None:
    """More, nothing, a part of a step, an unknown order, and no order: and the order stays as it was."""
    await client.place(newClientOrderId="one")
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "one", "newQty": "0.04", **changes}
    reply = await client.signed("PUT", AMEND, **{name: value for name, value in asked.items() if value is not None})
    assert (reply.status, reply.json["code"]) == (400, code)
    [order] = (await client.signed("GET", "/api/v3/openOrders")).json
    assert (order["origQty"], order["clientOrderId"]) == ("0.10000000", "one")


async def test_futures_amend_in_place(futures: FuturesClient) -> None:
    """Quantity and price change, the client id stays, and the stream says AMENDMENT."""
    key = (await futures.listen_key()).json["listenKey"]
    async with futures.socket(f"/ws/{key}") as socket:
        await futures.place(newClientOrderId="one")
        asked = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "one", "quantity": "0.2", "price": "59000"}
        answer = await futures.signed("PUT", "/fapi/v1/order", **asked)
        assert answer.status == 200, answer.text
        shown = {name: answer.json[name] for name in ("clientOrderId", "origQty", "price", "status")}
        assert shown == {"clientOrderId": "one", "origQty": "0.20000000", "price": "59000.00000000", "status": "NEW"}
        events = []
        while len(events) < 2:
            event = await socket.next()
            if event["e"] == "ORDER_TRADE_UPDATE":
                events.append(event["o"])
    assert [(each["x"], each["c"], each["q"], each["p"]) for each in events][1] == (
        "AMENDMENT",
        "one",
        "0.20000000",
        "59000.00000000",
    )
    again = await futures.signed("PUT", "/fapi/v1/order", **asked)
    assert again.json["code"] == -5027


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"origClientOrderId": "other"}, -2013),
        ({"side": "SELL"}, -2013),
        ({"quantity": "0"}, -4003),
        ({"price": "59000.001"}, -4014),
        ({"quantity": "40"}, -2019),
        ({"price": None}, -1102),
    ],
)
async def test_futures_refuse(futures: FuturesClient, changes: dict[str, Any], code: int) -> None:
    """And the order stays as it was."""
    await futures.place(newClientOrderId="one")
    asked = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "origClientOrderId": "one",
        "quantity": "0.2",
        "price": "59000",
        **changes,
    }
    reply = await futures.signed(
        "PUT", "/fapi/v1/order", **{name: value for name, value in asked.items() if value is not None}
    )
    assert (reply.status, reply.json["code"]) == (400, code)
    [order] = await futures.ask("v1/openOrders")
    assert (order["origQty"], order["price"]) == ("0.10000000", "60000.00000000")


# -- the libraries ---------------------------------------------------------------------------------------------------


async def test_python_binance_amends(live_futures: Sandbox) -> None:
    """On futures by its own method, on spot, for which it has none, by its signed request."""
    client = await python_binance_client(AsyncClient, live_futures).create(API_KEY, SECRET)
    try:
        placed = await client.create_order(**RESTING)
        answer = await client._put(
            "order/amend/keepPriority",
            True,
            data={"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.04"},
            version="v3",
        )
        assert D(answer["amendedOrder"]["qty"]) == D("0.04")
        placed = await client.futures_create_order(**RESTING)
        asked = {"symbol": "BTCUSDT", "side": "BUY", "orderId": placed["orderId"], "quantity": "0.2", "price": "59000"}
        changed = await client.futures_modify_order(**asked)
        assert (D(changed["origQty"]), D(changed["price"])) == (D("0.2"), D(59_000))
        with pytest.raises(BinanceAPIException) as refusal:
            await client.futures_modify_order(**asked)
        assert refusal.value.code == -5027
    finally:
        await client.close_connection()


async def test_ccxt_edits_orders(live_futures: Sandbox) -> None:
    """Futures in place. On spot it cancels and places anew, and amends by the request that Binance has for it."""
    usdm = ccxt_exchange(ccxt.pro.binanceusdm, live_futures)
    spot = ccxt_exchange(ccxt.pro.binance, live_futures)
    try:
        order = await usdm.create_order("BTC/USDT:USDT", "limit", "buy", 0.1, 60_000)
        edited = await usdm.edit_order(order["id"], "BTC/USDT:USDT", "limit", "buy", 0.2, 59_000)
        assert (edited["id"], edited["amount"], edited["price"]) == (order["id"], 0.2, 59_000)
        order = await spot.create_order("BTC/USDT", "limit", "buy", 0.1, 60_000)
        asked = {"symbol": "BTCUSDT", "orderId": order["id"], "newQty": "0.04"}
        answer = await spot.request("order/amend/keepPriority", ["private"], "PUT", asked)
        assert answer["amendedOrder"]["qty"] == "0.04000000"
        edited = await spot.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.05, 59_000)
        assert edited["id"] != order["id"]
    finally:
        await usdm.close()
        await spot.close()


# -- the gateway -----------------------------------------------------------------------------------------------------


class Rig:
    """A gateway that trades on one market of the sandbox, and a client of the account's owner beside it."""

    def __init__(self, gateway: Gateway, connector_name: str, owner: RawClient) -> None:
        self.gateway = gateway
        self.account = AccountKey("master_account", connector_name)
        self.owner = owner
        self.recovery = Recovery(
            journal=gateway.journal,
            recorder=gateway.orders._recorder,
            sessions=gateway.sessions,
            settling=gateway.settling,
            exchange_accounts=gateway.settling._exchange_accounts,
            installations=gateway.installations,
            reconciliations=gateway.reconciliations,
            settings=gateway.sessions._settings,
            clock=SystemClock(),
        )

    def feed(self) -> Feed:
        gateway = self.gateway
        return Feed(
            self.account,
            journal=gateway.journal,
            recorder=gateway.orders._recorder,
            recovery=self.recovery,
            settling=gateway.settling,
            sessions=gateway.sessions,
            exchange_accounts=gateway.settling._exchange_accounts,
            funding=FundingRecorder(
                gateway.journal.funding_payments, gateway.sessions, gateway.sessions._settings, SystemClock()
            ),
            clock=SystemClock(),
        )

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """With the account's feed running."""
        task = asyncio.create_task(self.feed().run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def place(self, order_id: str = "one") -> Order:
        return (
            await self.gateway.orders.place(
                OrderRequest(
                    account_name=self.account.account_name,
                    connector_name=self.account.connector_name,
                    trading_pair="BTC-USDT",
                    trade_type=TradeType.BUY,
                    order_type=OrderType.LIMIT,
                    amount=D("0.1"),
                    price=D(60_000),
                    client_order_id=order_id,
                )
            )
        ).order

    async def amend(self, **changes: str) -> None:
        """As the owner may in the exchange's page, which knows the order by its number."""
        number = str(self.order().exchange_order_id)
        if self.account.connector_name == "binance":
            reply = await self.owner.signed("PUT", AMEND, symbol="BTCUSDT", orderId=number, newQty="0.04", **changes)
        else:
            asked = {"symbol": "BTCUSDT", "side": "BUY", "orderId": number, "quantity": "0.04", "price": "59000"}
            reply = await self.owner.signed("PUT", "/fapi/v1/order", **asked)
        assert reply.status == 200, reply.text

    def order(self, order_id: str = "one") -> Order:
        found = self.gateway.journal.find_order(OrderKey(**self.account._asdict(), order_id=order_id))
        assert found is not None
        return found

    def kinds(self, order_id: str = "one") -> list[str]:
        key = OrderKey(**self.account._asdict(), order_id=order_id)
        return [str(entry.event.kind) for entry in self.gateway.journal.history(key) if entry.event is not None]

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110  the journal has no event that a test could wait for
            await asyncio.sleep(0.01)


@pytest.fixture(params=["binance", "binance_perpetual"])
async def rig(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path, live_futures: Sandbox
) -> AsyncIterator[Rig]:
    """A gateway on each market."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    urls = {
        "ORDERGATE_BINANCE_REST_URL": live_futures.rest_url,
        "ORDERGATE_BINANCE_WS_API_URL": live_futures.ws_api_url,
        "ORDERGATE_BINANCE_STREAM_URL": live_futures.ws_api_url,
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": live_futures.futures_rest_url,
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": live_futures.futures_stream_url,
    }
    clock = SystemClock()
    async with (
        opened_gateway(directory, sqlite_template, clock, connector_urls=urls) as gateway,
        RawClient(f"http://{live_futures.url}", clock) as owner,
    ):
        name = request.param
        await gateway.accounts.add_credential(
            AccountKey("master_account", name), {f"{name}_api_key": API_KEY, f"{name}_api_secret": SECRET}
        )
        yield Rig(gateway, name, owner)


async def test_the_gateway_hears_of_an_amendment_and_can_cancel(rig: Rig) -> None:
    """By the stream. On spot the order has another client id from then on; it is canceled all the same."""
    async with rig.following():
        order = await rig.place()
        await rig.amend()
        await rig.until(lambda: "amended" in rig.kinds())
        amended = rig.order()
        assert (amended.amount, amended.state) == (D("0.04"), OrderState.OPEN)
        assert (amended.exchange_client_order_id is None) == (rig.account.connector_name != "binance")
        assert (await rig.gateway.orders.cancel(order.key)).state is OrderState.CANCELED


async def test_the_gateway_finds_an_amendment_that_no_event_told(rig: Rig) -> None:
    """There was no stream. Reconciliation finds the order by its number, and it can be canceled."""
    order = await rig.place()
    await rig.amend()
    for _ in range(2):
        await rig.recovery.reconcile(rig.account)
    assert rig.kinds() == ["intended", "accepted", "amended"]
    assert rig.order().amount == D("0.04")
    assert (await rig.gateway.orders.cancel(order.key)).state is OrderState.CANCELED


async def test_the_end_of_a_renamed_order_is_its_own(rig: Rig) -> None:
    """Amended and canceled by its owner, every event under a client id that is not ours."""
    async with rig.following():
        await rig.place()
        await rig.amend()
        await rig.until(lambda: "amended" in rig.kinds())
        path = "/api/v3/order" if rig.account.connector_name == "binance" else "/fapi/v1/order"
        await rig.owner.signed("DELETE", path, symbol="BTCUSDT", orderId=str(rig.order().exchange_order_id))
        await rig.until(lambda: rig.order().state is OrderState.CANCELED)
    assert rig.kinds() == ["intended", "accepted", "amended", "canceled"]


async def test_an_old_answer_changes_nothing(rig: Rig) -> None:
    """The exchange amends the order before it has answered it; the answer tells the terms before."""
    await rig.owner.faults({"kind": "amend", "seconds": 0.1})
    async with rig.following():
        await asyncio.sleep(0)
        await rig.place()
        await rig.until(lambda: "amended" in rig.kinds())
    await rig.recovery.reconcile(rig.account)
    assert rig.kinds().count("amended") == 1
    assert rig.order().amount == D("0.05")


async def test_an_order_can_be_canceled_before_its_amendment_is_known(rig: Rig) -> None:
    """Nothing has told of it; on spot the exchange has the order under another client id already."""
    order = await rig.place()
    await rig.amend()
    assert (await rig.gateway.orders.cancel(order.key)).state is OrderState.CANCELED
    assert rig.order().amount == D("0.04")

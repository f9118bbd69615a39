"""W1, W2, W7, W8, W11–W14, W17, W18, W32: from the request to the exchange's answer."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.enums import OrderState
from app.domain.order import AccountKey, Order
from app.domain.reports import OrderReport
from app.journal.units.guard import UNGUARDED
from tests.services.world import ACCOUNT, request, until
from tests.weaknesses.conftest import MARKET, PARTIAL, Desk, OpenDesk


async def test_w1_an_answer_is_the_exchange_s_answer(desk: Desk) -> None:
    """201 is said of an order that the exchange has; its refusal is a 400 with its reason, and the search names it."""
    placed = await desk.place()
    assert desk.at_exchange() == {placed["order_id"]: "open"}

    refused = await desk.place(400, amount="100")
    assert (refused["code"], refused["retryable"]) == ("insufficient_balance", False)
    row = await desk.row(refused["order_id"])
    assert (row["status"], row["error_message"]) == ("FAILED", refused["detail"])


async def test_w2_an_order_is_durable_before_it_is_sent(open_desk: OpenDesk) -> None:
    """The journal has the order when the exchange is called; a process that dies there leaves nothing that is not found."""
    async with open_desk() as desk:
        connector = await desk.gateway.sessions.connector(AccountKey(ACCOUNT, "paper"))
        seen: list[OrderState] = []

        class Dying(type(connector)):  # type: ignore[misc]
            async def submit_order(self, order: Order) -> OrderReport:
                seen.append(desk.order(order.order_id).state)
                report: OrderReport = await super().submit_order(order)
                # Nobody learns the answer: to the journal it is as if the process had ended here.
                await asyncio.Event().wait()
                return report

        connector.__class__ = Dying
        dying = asyncio.create_task(desk.gateway.orders._place(request(client_order_id="o1"), UNGUARDED, None))
        await until(lambda: bool(seen) and "o1" in desk.at_exchange())
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert seen == [OrderState.PENDING]

    async with open_desk() as desk:
        desk.clock.advance(60)
        await desk.recovery().reconcile(AccountKey(ACCOUNT, "paper"))
        await until(lambda: desk.order("o1").state is OrderState.OPEN, desk.clock)
        assert desk.at_exchange() == {"o1": "open"}


@pytest.mark.parametrize("fault", ["lost", "reset", "error", "garbage"])
async def test_w7_an_ambiguous_error_is_no_failure(desk: Desk, fault: str) -> None:
    """A time-out, a broken connection, a 5xx: 202, the order is unknown, and asking the exchange finds it."""
    desk.faults.plan("submit", fault)
    placed = await desk.place(202)
    order_id = placed["order_id"]
    assert placed["state"] == "unknown"
    assert (await desk.row(order_id))["status"] == "SUBMITTED"
    await until(lambda: desk.order(order_id).state is OrderState.OPEN, desk.clock)
    assert desk.at_exchange() == {order_id: "open"}


async def test_w8_questions_without_an_answer_lose_no_order(desk: Desk) -> None:
    """However often the exchange can't be asked, the order stays what it was, and nobody cancels it."""
    desk.faults.plan("submit", "lost")
    order_id = (await desk.place(202))["order_id"]
    desk.faults.plan("query", *["unanswered"] * 12)
    desk.faults.plan("ask", *["unanswered"] * 12)
    for _ in range(20):
        desk.clock.advance(30)
        await asyncio.sleep(0.002)
        assert desk.order(order_id).state in (OrderState.UNKNOWN, OrderState.OPEN)
    desk.faults.forget()
    await until(lambda: desk.order(order_id).state is OrderState.OPEN, desk.clock)
    assert desk.at_exchange() == {order_id: "open"}


async def test_w11_one_key_makes_one_order(desk: Desk) -> None:
    """The same request under the same key or id is answered with the first order; with other terms it is a conflict."""
    body = {**MARKET, "amount": "0.02"}
    answers = [await desk.client.post("/trading/orders", json=body, headers={"Idempotency-Key": "k"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert len({answer.json()["order_id"] for answer in answers}) == 1

    assert (await desk.place(client_order_id="mine"))["order_id"] == "mine"
    await desk.place(200, client_order_id="mine")
    assert (await desk.place(409, client_order_id="mine", amount="0.03"))["code"] == "idempotency_conflict"
    assert len(desk.at_exchange()) == 2


async def test_w12_no_price_is_made_up(desk: Desk) -> None:
    """A price of zero is refused, and a market order has none, at the exchange too."""
    refused = await desk.place(422, price=0)
    assert [fault["loc"] for fault in refused["detail"]] == [["body", "price"]]
    assert desk.at_exchange() == {}
    placed = await desk.post("/trading/orders", 201, **MARKET)
    assert placed["price"] is None
    record = desk.exchange.order(ACCOUNT, client_order_id=placed["order_id"])
    assert record is not None
    assert record.order.price is None


async def test_w13_a_price_below_one_tick_leaves_no_order_behind(desk: Desk) -> None:
    """It is refused before anything is written or sent."""
    refused = await desk.place(400, price="0.001", amount="9000")
    assert refused["retryable"] is False
    assert desk.gateway.journal.head() == 0
    assert desk.at_exchange() == {}


@pytest.mark.parametrize("trading_pair", ["ETH-USDT", "SOL-USDT", "ADA-USDT"])
async def test_w14_the_first_order_of_a_new_process_may_be_for_any_pair(desk: Desk, trading_pair: str) -> None:
    """No pair has to be made known first; the rules are there when they are needed."""
    placed = await desk.place(order_type="MARKET", price=None, trading_pair=trading_pair, amount="20")
    assert placed["state"] == "filled"


@pytest.mark.parametrize(
    ("terms", "status", "detail"),
    [
        ({"connector_name": "binanse"}, 404, "Connector 'binanse' not found"),
        ({"connector_name": "binance"}, 404, f"Connector 'binance' not found for account '{ACCOUNT}'"),
        ({"account_name": "nobody"}, 404, "Account 'nobody' not found"),
    ],
)
async def test_w17_a_wrong_name_is_said_to_be_one(desk: Desk, terms: dict[str, str], status: int, detail: str) -> None:
    """404 with the name, and no other server is tried."""
    assert (await desk.place(status, **terms))["detail"] == detail


async def test_w18_a_bad_field_is_a_list_of_faults(desk: Desk) -> None:
    """422 in the form that callers know, where the field's rule is broken as much as where its type is."""
    for amount in (0, -1, "NaN", "x"):
        faults = (await desk.place(422, amount=amount))["detail"]
        assert {"type", "loc", "msg", "input"} <= set(faults[0])
        assert faults[0]["loc"] == ["body", "amount"]
    assert (await desk.post("/portfolio/history", 422, interval="2m"))["detail"][0]["loc"] == ["body", "interval"]


async def test_w32_an_order_can_say_more(desk: Desk) -> None:
    """Time in force, only reducing, spending a sum, an id of the caller's own, and one order with its history."""
    taken = await desk.place(**{**PARTIAL, "time_in_force": "IOC"})
    assert taken["state"] in ("canceled", "expired")
    killed = await desk.place(**{**PARTIAL, "time_in_force": "FOK"})
    assert desk.order(killed["order_id"]).filled_amount == 0
    assert (await desk.place(400, reduce_only=True))["code"] == "unsupported_order"
    spent = await desk.place(**{**MARKET, "amount": None, "quote_amount": "1000", "client_order_id": "spend"})
    assert (spent["order_id"], spent["state"]) == ("spend", "filled")
    order = await desk.get("/trading/orders/spend?wait=1")
    assert order["events"][0]["kind"] == "intended"
    assert order["events"][-1]["state"] == "filled"

"""Where the gateway answers otherwise than hummingbot-api on purpose, as ``docs/trade/coming-from-hummingbot-api.md`` says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.web.contract.body import decode
from tests.services.world import ACCOUNT
from tests.weaknesses.conftest import LIMIT, MARKET, PARTIAL, Desk

CANCEL = f"/trading/{ACCOUNT}/paper/orders/{{}}/cancel"


@pytest.mark.parametrize(
    "path",
    [
        "/bot-orchestration/status", "/controllers/", "/scripts/", "/docker/running", "/archived-bots/",
        "/backtesting/run-backtesting", "/executors/search",
        "/gateway/status", "/gateway/swap/quote", "/accounts/gateway/wallets", "/system/resources",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_plain_404(desk: Desk, path: str) -> None:
    """Callers take it for "this server has no such thing"; reading and writing alike."""
    assert (await desk.get(path, 404))["detail"] == "Not Found"
    assert (await desk.post(path, 404))["detail"] == "Not Found"


@pytest.mark.parametrize(("trade_type", "sent"), [("BUY", "40000.12"), ("SELL", "80000.13")])
async def test_a_price_between_two_ticks_is_never_made_worse(desk: Desk, trade_type: str, sent: str) -> None:
    """A BUY goes down to the tick and a SELL up; the answer says what was sent."""
    asked = {"BUY": "40000.129", "SELL": "80000.121"}[trade_type]
    placed = await desk.place(trade_type=trade_type, price=asked, amount="0.010009")
    assert (placed["price"], placed["amount"]) == (sent, "0.01000")


async def test_an_answer_has_the_nine_keys_the_state_and_the_fills(desk: Desk) -> None:
    """``status`` is the word that callers wait for; ``state`` and the fills are what is true."""
    placed = await desk.place(client_order_id="x")
    assert placed == {
        **placed,
        "order_id": "x",
        "status": "submitted",
        "state": "open",
        "amount": "0.01",
        "price": "40000",
        "filled_amount": "0",
        "average_fill_price": None,
        "fee_paid": None,
        "fee_currency": None,
    }
    added = {"state", "environment", "filled_amount", "average_fill_price", "fee_paid", "fee_currency"}
    assert set(placed) - added == {*LIMIT, "order_id", "status"}


async def test_the_answer_to_a_filled_order_tells_amount_average_price_and_fee(desk: Desk) -> None:
    """What a market order bought stands in its 201, in the 200 to its repetition, and in the order, with the same numbers."""
    headers = {"Idempotency-Key": "once"}
    first = await desk.client.post("/trading/orders", json=MARKET, headers=headers)
    again = await desk.client.post("/trading/orders", json=MARKET, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    placed = decode(first.content)
    assert decode(again.content) == placed
    row = await desk.row(placed["order_id"])
    told = [Decimal(placed[name]) for name in ("filled_amount", "average_fill_price", "fee_paid")]
    assert told == [row["filled_amount"], row["average_fill_price"], row["fee_paid"]]
    assert (placed["state"], placed["filled_amount"], placed["fee_currency"]) == ("filled", "0.01", "BTC")
    assert told[2] > 0


async def test_the_answer_to_a_partly_filled_order_tells_what_is_filled_so_far(desk: Desk) -> None:
    """A limit order that took the best level and rests with what is left."""
    placed = await desk.post("/trading/orders", 201, **PARTIAL)
    assert placed["state"] == "open"
    assert 0 < Decimal(placed["filled_amount"]) < 1


async def test_a_cancel_is_done_when_it_is_answered(desk: Desk) -> None:
    """The old message, and what became of the order; a second cancel, or one of an unknown order, is 404; a lost one is 202."""
    order_id = (await desk.place())["order_id"]
    answer = await desk.post(CANCEL.format(order_id))
    assert answer["message"] == f"Order cancellation initiated for {order_id}"
    assert (answer["status"], desk.at_exchange()) == ("CANCELLED", {order_id: "canceled"})
    for unknown in (order_id, "nothing"):
        refused = await desk.post(CANCEL.format(unknown), 404)
        assert refused["detail"] == f"Order '{unknown}' not found in active orders"
    order_id = (await desk.place())["order_id"]
    desk.faults.plan("cancel", "cancel_lost")
    await desk.post(CANCEL.format(order_id), 202)


async def test_what_the_exchange_would_refuse_later_is_refused_now(desk: Desk) -> None:
    """A 4xx with a reason, where the other server says submitted and lets the order fail in silence."""
    would_take = await desk.place(400, order_type="LIMIT_MAKER", price=90_000)
    assert (would_take["code"], would_take["detail"]) == ("would_take", "The order would trade at once")
    assert "below the best ask to buy" in would_take["hint"]
    assert (await desk.place(400, price=None))["detail"] == "Price is required for LIMIT and LIMIT_MAKER orders"


async def test_only_connectors_that_can_trade_are_listed(desk: Desk) -> None:
    """One that is known and can't is 501, and its fields are shown all the same."""
    names = await desk.get("/connectors/")
    assert set(names) >= {"paper", "paper_perpetual", "binance", "binance_perpetual"}
    assert "dexalot" not in names
    assert "dexalot_api_key" in await desk.get("/connectors/dexalot/config-map")
    assert (await desk.place(501, connector_name="dexalot"))["retryable"] is False


async def test_spellings_of_other_programs_are_understood(desk: Desk) -> None:
    """One L or two, and times in seconds or milliseconds."""
    order_id = (await desk.place())["order_id"]
    await desk.post(CANCEL.format(order_id))
    later = int(desk.clock.now().timestamp()) + 10
    for status in ("CANCELED", "CANCELLED"):
        assert len((await desk.post("/trading/orders/search", status=status))["data"]) == 1
    for start_time in (later, later * 1000):
        assert (await desk.post("/trading/orders/search", start_time=start_time))["data"] == []


async def test_the_root_and_health_are_open(desk: Desk) -> None:
    """A probe finds the server without credentials."""
    del desk.client.headers["Authorization"]
    assert (await desk.get("/"))["status"] == "running"
    assert (await desk.get("/health"))["status"] == "ok"
    assert (await desk.client.get("/redoc", follow_redirects=True)).url.path == "/docs"

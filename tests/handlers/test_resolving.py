"""Ending an order on an operator's word, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.handlers.contract import checked

ORDERS = "/trading/orders"
RESOLVE = "/trading/orders/{order_id}/resolve"
WORD = {"outcome": "canceled", "reason": "the keys are gone", "evidence": "the exchange's order history, 20 November"}
ORDER = {
    "account_name": "second",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": "0.01",
    "price": 100,
    "client_order_id": "o1",
}


async def left_behind(client: httpx.AsyncClient) -> None:
    """An open order of an account whose credentials were deleted by force."""
    await client.post("/accounts/add-account", params={"account_name": "second"})
    await client.post("/accounts/add-credential/second/paper", json={})
    assert (await client.post(ORDERS, json={**ORDER, "amount": 1})).status_code == 201
    deleted = await client.post("/accounts/delete-credential/second/paper", params={"force": "true"})
    assert deleted.status_code == 200


async def test_an_order_is_ended_on_an_operators_word(client: httpx.AsyncClient) -> None:
    """200 with the order as it is now; its history says who said so and why; the same again is the same answer."""
    await left_behind(client)
    for _ in range(2):
        row = checked(await client.post(RESOLVE.format(order_id="o1"), json=WORD), RESOLVE)
        assert (row["state"], row["status"], row["error_code"]) == ("canceled", "CANCELLED", "resolved")

    order = (await client.get("/trading/orders/o1")).json()
    assert [event["source"] for event in order["events"]] == ["caller", "answer", "operator"]
    assert (order["events"][-1]["reason"], order["events"][-1]["evidence"]) == (WORD["reason"], WORD["evidence"])
    other = await client.post(RESOLVE.format(order_id="o1"), json={**WORD, "outcome": "rejected"})
    assert (other.status_code, checked(other, RESOLVE)["code"]) == (409, "order_not_in_doubt")
    assert (await client.post("/accounts/delete-account", params={"account_name": "second"})).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**WORD, "outcome": "open"}, 422),
        ({**WORD, "reason": ""}, 422),
        ({**WORD, "filled_amount": -1}, 422),
        ({"outcome": "canceled", "reason": "no evidence"}, 422),
        ({**WORD, "outcome": "rejected", "filled_amount": "0.5"}, 400),
    ],
)
async def test_what_is_no_word(client: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    """A problem that names the field, and nothing changes."""
    await left_behind(client)
    answer = await client.post(RESOLVE.format(order_id="o1"), json=body)
    assert answer.status_code == status
    checked(answer, RESOLVE)
    assert (await client.get("/trading/orders/o1")).json()["state"] == "open"


async def test_an_order_that_is_not_there(client: httpx.AsyncClient) -> None:
    """404."""
    answer = await client.post(RESOLVE.format(order_id="nothing"), json=WORD)
    assert (answer.status_code, checked(answer, RESOLVE)["code"]) == (404, "order_not_found")

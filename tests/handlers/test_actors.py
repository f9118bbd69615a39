"""Who caused an order's events, as its history tells it."""

from __future__ import annotations

import httpx


async def test_events_name_who_caused_them(client: httpx.AsyncClient) -> None:
    """What a caller asked for has the user, the address and the request; what the exchange did has nobody."""
    asked = {
        "account_name": "master_account",
        "connector_name": "paper",
        "trading_pair": "BTC-USDT",
        "trade_type": "BUY",
        "order_type": "LIMIT",
        "amount": 1,
        "price": 1000,
    }
    placed = await client.post("/trading/orders", json=asked, headers={"X-Request-Id": "first"})
    order_id = placed.json()["order_id"]
    path = f"/trading/master_account/paper/orders/{order_id}/cancel"
    assert (await client.post(path, headers={"X-Request-Id": "second"})).status_code == 200
    events = (await client.get(f"/trading/orders/{order_id}")).json()["events"]
    told = {each["kind"]: each["actor"] for each in events}
    admin = {"name": "admin", "key_id": None, "address": "127.0.0.1"}
    assert told["intended"] == {**admin, "request_id": "first"}
    assert told["cancel_requested"] == {**admin, "request_id": "second"}
    assert told["accepted"] is told["canceled"] is None

"""What a process measured lately, over HTTP."""

from __future__ import annotations

import httpx

from tests.handlers.contract import checked

ORDER = {"account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY"}


async def test_a_process_tells_how_fast_it_is(client: httpx.AsyncClient) -> None:
    """Nothing at first; then the gateway's part apart from the exchange's, outcomes by minute, journal and streams."""
    before = checked(await client.get("/performance"), "/performance")
    assert (before["steps"], before["outcomes"], before["streams"]) == ([], [], 0)
    for terms in ({"order_type": "MARKET"}, {"order_type": "MARKET"}, {"order_type": "LIMIT_MAKER", "price": "90000"}):
        await client.post("/trading/orders", json={**ORDER, "amount": "0.01", **terms})
    resting = await client.post("/trading/orders", json={**ORDER, "amount": "0.01", "price": "50000"})
    await client.post(f"/trading/master_account/paper/orders/{resting.json()['order_id']}/cancel")
    told = checked(await client.get("/performance"), "/performance")
    counts = {(step["part"], step["verb"]): step["count"] for step in told["steps"]}
    assert counts == {("exchange", "cancel"): 1, ("exchange", "place"): 4, ("gateway", "place"): 3}
    assert all(0 <= step["p50_ms"] <= step["p95_ms"] <= step["p99_ms"] for step in told["steps"])
    outcomes = {(row["verb"], row["outcome"]): row["count"] for row in told["outcomes"]}
    assert outcomes == {("place", "accepted"): 3, ("place", "refused"): 1, ("cancel", "accepted"): 1}
    assert told["journal"]["commits"]["count"] >= 8
    assert (told["journal"]["unsettled_orders"], told["journal"]["oldest_unsettled_seconds"]) == (0, None)

"""Halts and limits over HTTP: what is answered, what is refused, and who may see and change what."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ORDER = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": "0.001",
    "price": "40000",
}
ACCOUNT = {"account_name": "master_account"}


async def test_a_halt_is_set_shown_and_ended(client: httpx.AsyncClient) -> None:
    """Placing is 409 with a code and may be tried again; the same key is placed after the resume."""
    placed = await client.post("/trading/orders", json=ORDER)
    assert placed.status_code == 201
    halt = (await client.post("/safety/halt", json={"scope": ACCOUNT, "cancel": "all", "reason": "a test"})).json()
    assert (halt["mode"], halt["quiet"], halt["still_open"], halt["unknown"]) == ("halt", True, 0, [])
    again = (await client.post("/safety/halt", json={"scope": ACCOUNT, "reason": "again"})).json()
    assert again["halted_at_seq"] == halt["halted_at_seq"]
    refused = await client.post("/trading/orders", json=ORDER, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (409, "halted", True)
    shown = (await client.get("/safety")).json()
    assert [each["halted_at_seq"] for each in shown["halts"]] == [halt["halted_at_seq"]]
    assert 'ordergate_halts{mode="halt"} 1.0' in (await client.get("/metrics")).text
    missing = await client.post("/safety/resume", json={"scope": ACCOUNT})
    assert missing.status_code == 422
    assert (await client.post("/safety/resume", json={"scope": {}, "reason": "x"})).json()["resumed"] is False
    resumed = (await client.post("/safety/resume", json={"scope": ACCOUNT, "reason": "over"})).json()
    assert resumed == {"scope": ACCOUNT, "resumed": True, "halts": []}
    assert (await client.post("/trading/orders", json=ORDER, headers={"Idempotency-Key": "k"})).status_code == 201


async def test_limits_are_set_shown_lifted_and_told(client: httpx.AsyncClient) -> None:
    """With an ETag that keeps two people from overwriting each other, and with what is used."""
    first = await client.get("/safety/limits")
    assert (first.json()["limits"], first.headers["etag"]) == ([], '"0"')
    change = {"scope": ACCOUNT, "limits": {"max_open_orders": 1, "max_order_notional": "30"}}
    made = await client.put("/safety/limits", json=change, headers={"If-Match": '"0"'})
    [entry] = made.json()["limits"]
    assert (entry["limits"], entry["used"]) == (
        {"max_order_notional": 30, "max_open_orders": 1},
        {"max_open_orders": "0"},
    )
    stale = await client.put("/safety/limits", json=change, headers={"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (409, "change_conflict")
    refused = (await client.post("/trading/orders", json=ORDER)).json()
    assert (refused["status"], refused["code"], refused["retryable"]) == (400, "limit_exceeded", False)
    assert refused["violations"] == [
        {"limit": "max_order_notional", "scope": ACCOUNT, "value": "40", "maximum": "30", "would_be": "40"}
    ]
    lifted = await client.put("/safety/limits", json={"scope": ACCOUNT, "limits": {"max_order_notional": None}})
    assert lifted.json()["limits"][0]["limits"] == {"max_open_orders": 1}
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    assert (await client.post("/trading/orders", json=ORDER)).json()["violations"][0]["would_be"] == "2"
    assert 'ordergate_limit_headroom_ratio{limit="max_open_orders"} 0.0' in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("path", "method", "body", "said"),
    [
        ("/safety/halt", "POST", {"scope": {"acount_name": "x"}, "reason": "x"}, "acount_name"),
        ("/safety/limits", "PUT", {"limits": {"max_opn_orders": 2}}, "max_opn_orders"),
        ("/safety/limits", "PUT", {"limits": {"price_collar": {"reference": "mid"}}}, "max_deviation_bps or max_ticks"),
        ("/safety/limits", "PUT", {"limits": {"anomaly_brake": {"window_seconds": 9}}}, "needs refusals"),
        ("/safety/limits", "PUT", {"unlimited": True}, "reason"),
        ("/safety/limits", "PUT", {"unlimited": True, "reason": "x", "limits": {"max_position": 1}}, "unlimited"),
        ("/safety/limits", "PUT", {"scope": ACCOUNT}, "Nothing is to be changed"),
        ("/safety/limits", "PUT", {"limits": {"max_position": -1}}, ""),
    ],
)
async def test_what_is_not_meant_is_refused(
    client: httpx.AsyncClient, path: str, method: str, body: dict[str, Any], said: str
) -> None:
    """A slip of the pen must not halt, or limit, something else; nothing is changed."""
    answer = await client.request(method, path, json=body)
    assert answer.status_code in (400, 422)
    assert said in str(answer.json()["detail"])
    assert (await client.get("/safety/limits")).headers["etag"] == '"0"'
    assert (await client.get("/safety")).json()["halts"] == []


async def test_every_limit_can_be_set_and_is_shown_as_it_was(client: httpx.AsyncClient) -> None:
    """And lifted by null."""
    limits = {
        **dict.fromkeys(("max_order_amount", "max_order_notional", "max_open_notional", "max_position"), 5),
        **dict.fromkeys(("max_gross_notional", "max_daily_loss", "max_open_orders", "max_leverage"), 6),
        **dict.fromkeys(("orders_per_second", "orders_per_minute", "cancels_per_minute", "duplicate_window"), 7),
        "allowed_pairs": ["BTC-USDT"],
        "allowed_order_types": ["LIMIT"],
        "prevent_self_cross": True,
        "anomaly_brake": {"window_seconds": 60, "refusals": 3, "unknowns": None, "fills": None},
        "price_collar": {
            "reference": "last", "max_age_seconds": 5, "max_deviation_bps": 10, "max_ticks": 3, "both_sides": False,
            "reducing_deviation_bps": 20, "reducing_ticks": None,
        },
    }  # fmt: skip
    made = await client.put("/safety/limits", json={"limits": limits})
    assert made.json()["limits"][0]["limits"] == limits
    lifted = await client.put("/safety/limits", json={"limits": dict.fromkeys(limits)})
    assert lifted.json()["limits"] == []

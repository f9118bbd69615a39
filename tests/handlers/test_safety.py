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
    ending = 'POST /safety/resume with {"scope": {"account_name":"master_account"}, "reason": "..."} ends this halt'
    assert refused.json()["hint"].startswith(ending)
    shown = (await client.get("/safety")).json()
    assert [each["halted_at_seq"] for each in shown["halts"]] == [halt["halted_at_seq"]]
    assert 'ordergate_halts{mode="halt"} 1.0' in (await client.get("/metrics")).text
    missing = await client.post("/safety/resume", json={"scope": ACCOUNT})
    assert missing.status_code == 422
    nothing = (await client.post("/safety/resume", json={"scope": {}, "reason": "x"})).json()
    assert (nothing["resumed"], [each["scope"] for each in nothing["halts"]]) == (False, [ACCOUNT])
    assert nothing["hint"].startswith("There is no halt of exactly this scope")
    resumed = (await client.post("/safety/resume", json={"scope": ACCOUNT, "reason": "over"})).json()
    assert resumed == {"scope": ACCOUNT, "resumed": True, "halts": [], "hint": None}
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
    assert 'If-Match is "0"' in stale.json()["detail"]
    assert stale.json()["hint"].startswith("GET /safety/limits answers with the version that holds in its ETag")
    refused = (await client.post("/trading/orders", json=ORDER)).json()
    assert (refused["status"], refused["code"], refused["retryable"]) == (400, "limit_exceeded", False)
    assert refused["violations"] == [
        {"limit": "max_order_notional", "scope": ACCOUNT, "value": "40", "maximum": "30", "would_be": "40"}
    ]
    lifted = await client.put("/safety/limits", json={"scope": ACCOUNT, "limits": {"max_order_notional": None}})
    assert lifted.json()["limits"][0]["limits"] == {"max_open_orders": 1}
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    second = (await client.post("/trading/orders", json=ORDER)).json()
    assert second["violations"][0]["would_be"] == "2"
    assert second["detail"] == (
        "max_open_orders is 1 for account 'master_account'; 1 is used, and this order would make it 2. Cancel an order or raise"
        " the limit with PUT /safety/limits"
    )
    assert 'ordergate_limit_headroom_ratio{limit="max_open_orders"} 0.0' in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("path", "method", "body", "said"),
    [
        ("/safety/halt", "POST", {"scope": {"acount_name": "x"}, "reason": "x"}, "acount_name"),
        ("/safety/limits", "PUT", {"scope": {}, "limits": {"max_opn_orders": 2}}, "max_opn_orders"),
        (
            "/safety/limits",
            "PUT",
            {"scope": {}, "limits": {"price_collar": {"reference": "mid"}}},
            "max_deviation_bps or max_ticks",
        ),
        ("/safety/limits", "PUT", {"scope": {}, "limits": {"anomaly_brake": {"window_seconds": 9}}}, "needs refusals"),
        ("/safety/limits", "PUT", {"scope": {}, "unlimited": True}, "reason"),
        (
            "/safety/limits",
            "PUT",
            {"scope": {}, "unlimited": True, "reason": "x", "limits": {"max_position": 1}},
            "unlimited",
        ),
        ("/safety/limits", "PUT", {"scope": ACCOUNT}, "Nothing is to be changed"),
        ("/safety/limits", "PUT", {"scope": {}, "limits": {"max_position": -1}}, ""),
        ("/safety/limits", "PUT", {"limits": {"max_open_orders": 1}}, "'scope'"),
        ("/safety/limits", "PUT", {"unlimited": True, "reason": "x"}, "'scope'"),
        ("/safety/limits", "PUT", {}, "'scope'"),
        ("/safety/limits", "PUT", {"scope": {}}, "Nothing is to be changed"),
        ("/safety/limits", "PUT", {"scope": {}, "limits": {}}, "Nothing is to be changed"),
        ("/safety/resume", "POST", {"reason": "x"}, "'scope'"),
        ("/safety/limits", "PUT", {"scope": {}, "limits": {"allowed_pairs": ["BTC-USDT", "btcusdt"]}}, "BTC-USDT?"),
        (
            "/safety/limits",
            "PUT",
            {"scope": {"connector_name": "paper"}, "limits": {"allowed_pairs": ["BTC-USD"]}},
            "BTC-USDT?",
        ),
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
    made = await client.put("/safety/limits", json={"scope": {}, "limits": limits})
    assert made.json()["limits"][0]["limits"] == limits
    lifted = await client.put("/safety/limits", json={"scope": {}, "limits": dict.fromkeys(limits)})
    assert lifted.json()["limits"] == []


UNKNOWN = [
    ({"account_name": "mastr_account"}, 404, "unknown_account", "Did you mean master_account?"),
    ({"account_name": "nobody"}, 404, "unknown_account", "Account 'nobody' not found"),
    ({"connector_name": "papr"}, 404, "unknown_connector", "Did you mean paper?"),
    ({"account_name": "master_account", "connector_name": "nyse"}, 404, "unknown_connector", "'nyse' not found"),
    ({"key_id": "k3wq7n2bpx5m"}, 404, "unknown_key", "GET /api-keys"),
    ({"trading_pair": "btcusdt"}, 400, "unsupported_pair", "Did you mean BTC-USDT"),
    ({"trading_pair": "btc-usdt"}, 400, "unsupported_pair", "Did you mean BTC-USDT"),
    ({"trading_pair": "what is this"}, 400, "unsupported_pair", "BASE-QUOTE"),
    ({"connector_name": "paper", "trading_pair": "BTC-UDST"}, 400, "unsupported_pair", "paper"),
]


@pytest.mark.parametrize(("scope", "status", "code", "said"), UNKNOWN, ids=str)
async def test_a_scope_of_what_does_not_exist_is_refused(
    client: httpx.AsyncClient, scope: dict[str, str], status: int, code: str, said: str
) -> None:
    """By every verb, as an order would be, and nothing is changed: a halt of nothing would tell that all is quiet."""
    for method, path, more in (
        ("POST", "/safety/halt", {"reason": "x"}),
        ("POST", "/safety/resume", {"reason": "x"}),
        ("PUT", "/safety/limits", {"limits": {"max_open_orders": 0}}),
        ("PUT", "/safety/limits", {"unlimited": True, "reason": "x"}),
    ):
        answer = await client.request(method, path, json={"scope": scope, **more})
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert said in answer.json()["detail"] + answer.json().get("hint", "")
    assert (await client.get("/safety/limits")).headers["etag"] == '"0"'
    assert (await client.get("/safety")).json()["halts"] == []


async def test_a_scope_of_what_exists_is_taken_and_can_be_ended_when_it_is_gone(client: httpx.AsyncClient) -> None:
    """Also where nothing was ever placed, and a pair that no connector need have; a deleted account's halt can be resumed."""
    made = await client.post("/api-keys", json={"name": "bot", "environment": "paper", "role": "trader"})
    await client.post("/accounts/add-account", params={"account_name": "idle"})
    scopes = [
        {"account_name": "idle"},
        {"account_name": "idle", "connector_name": "binance"},
        {"trading_pair": "NEW-COIN"},
        {"connector_name": "paper", "trading_pair": "ETH-USDT"},
        {"key_id": made.json()["id"]},
        {},
    ]
    for scope in scopes:
        halted = await client.post("/safety/halt", json={"scope": scope, "reason": "x"})
        assert (halted.status_code, halted.json().get("quiet")) == (200, True), scope
        limited = await client.put("/safety/limits", json={"scope": scope, "limits": {"max_open_orders": 1}})
        assert limited.status_code == 200, scope
    await client.post("/accounts/delete-account", params={"account_name": "idle"})
    await client.delete(f"/api-keys/{made.json()['id']}")
    for scope in scopes:
        lifted = await client.put("/safety/limits", json={"scope": scope, "limits": {"max_open_orders": None}})
        assert lifted.status_code == 200, scope
        resumed = await client.post("/safety/resume", json={"scope": scope, "reason": "x"})
        assert (resumed.status_code, resumed.json().get("resumed")) == (200, True), scope
    # Its orders stay, and may have to be cancelled.
    deleted = await client.post("/safety/halt", json={"scope": scopes[4], "reason": "x"})
    assert deleted.status_code == 200


async def test_a_choice_that_a_limit_does_not_allow_is_told_plainly(client: httpx.AsyncClient) -> None:
    """What was chosen, and what may be."""
    allowed = {"allowed_pairs": ["ETH-USDT"], "allowed_order_types": ["MARKET"]}
    await client.put("/safety/limits", json={"scope": ACCOUNT, "limits": allowed})
    refused = (await client.post("/trading/orders", json=ORDER)).json()
    assert refused["detail"] == (
        "allowed_pairs is ETH-USDT for account 'master_account'; this order has BTC-USDT, which is not among them. Choose another"
        " one or change the list with PUT /safety/limits. allowed_order_types is MARKET for account 'master_account'; this order"
        " has LIMIT, which is not among them. Choose another one or change the list with PUT /safety/limits"
    )

"""The limits of a key's own over HTTP: made with it, shown, kept at a rotation, and gone with it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from app.cli import main
from app.domain.errors import OrdergateError, SchemaViolation
from app.handlers.api_keys import wanted_key
from app.web.contract.components import Component, value_of
from tests.handlers.test_callers import bearing, made
from tests.handlers.test_safety import ORDER


async def test_a_keys_limits_are_made_with_it_and_hold_for_its_orders(
    application: Any, client: httpx.AsyncClient
) -> None:
    """As reservations over all of its orders, and for no one else's; a rotation keeps them, the deletion lifts them."""
    limits = {"max_open_orders": 1, "max_order_notional": 50, "allowed_pairs": ["BTC-USDT"]}
    key = await made(client, limits=limits)
    other = await made(client)
    assert (key["limits"], other["limits"]) == (limits, {})
    listed = {each["id"]: each["limits"] for each in (await client.get("/api-keys")).json()["data"]}
    assert listed == {key["id"]: limits, other["id"]: {}}
    scope = {"key_id": key["id"]}
    [stored] = (await client.get("/safety/limits")).json()["limits"]
    assert (stored["scope"], stored["limits"], stored["used"]) == (scope, limits, {"max_open_orders": "0"})
    path = f"/api-keys/{key['id']}"
    async with bearing(application, key) as caller, bearing(application, other) as another:
        dear = await caller.post("/trading/orders", json={**ORDER, "amount": "0.002"})
        assert [(each["limit"], each["scope"]) for each in dear.json()["violations"]] == [("max_order_notional", scope)]
        assert (await caller.post("/trading/orders", json=ORDER)).status_code == 201
        assert (await caller.post("/trading/orders", json=ORDER)).json()["violations"][0]["would_be"] == "2"
        assert (await another.post("/trading/orders", json=ORDER)).status_code == 201
    rotated = (await client.post(f"{path}/rotate")).json()
    assert rotated["limits"] == limits
    async with bearing(application, rotated) as caller:
        assert (await caller.post("/trading/orders", json=ORDER)).json()["code"] == "limit_exceeded"
    changed = await client.put("/safety/limits", json={"scope": scope, "limits": {"max_open_orders": 2}})
    assert changed.status_code == 200
    assert (await client.post(f"{path}/disable")).json()["limits"]["max_open_orders"] == 2
    assert (await client.delete(path)).status_code == 200
    assert (await client.get("/safety/limits")).json()["limits"] == []


async def test_every_limit_is_shown_as_the_safety_limits_show_it(client: httpx.AsyncClient) -> None:
    """Also words and objects, when the key is made and when keys are listed."""
    limits = {
        "max_leverage": 3,
        "prevent_self_cross": True,
        "allowed_order_types": ["LIMIT", "LIMIT_MAKER"],
        "price_collar": {"reference": "mid", "max_age_seconds": 5, "max_deviation_bps": 50},
        "anomaly_brake": {"window_seconds": 60, "refusals": 5},
    }
    key = await made(client, limits=limits)
    [listed] = (await client.get("/api-keys")).json()["data"]
    [stored] = (await client.get("/safety/limits")).json()["limits"]
    assert key["limits"] == listed["limits"] == stored["limits"]
    assert stored["limits"]["allowed_order_types"] == limits["allowed_order_types"]


async def test_a_slip_of_the_pen_makes_no_key(client: httpx.AsyncClient) -> None:
    """Limits that nobody knows, that bound nothing, of pairs that nobody has: each is told, as by PUT /safety/limits."""
    for limits, said in (
        ({"max_opn_orders": 1}, "max_opn_orders"),
        ({"price_collar": {"refrence": "mid"}}, "refrence"),
        ({"price_collar": {"reference": "mid"}}, "max_deviation_bps or max_ticks"),
        ({"max_position": -1}, "max_position"),
        ({"allowed_pairs": ["btcusdt"]}, "BTC-USDT?"),
    ):
        asked = {"name": "bot", "environment": "paper", "role": "trader", "limits": limits}
        answer = await client.post("/api-keys", json=asked)
        assert (answer.status_code in (400, 422), said in answer.text) == (True, True), answer.text
    assert (await client.get("/api-keys")).json()["data"] == []
    assert (await client.get("/safety/limits")).headers["etag"] == '"0"'


#: What is wrong, by what it is wrong in.
WRONG: tuple[dict[str, Any], ...] = (
    {"max_opn_orders": 1},
    {"max_open_orders": -1},
    {"max_open_orders": 10**10},
    {"max_open_orders": 1.5},
    {"max_open_orders": "many"},
    {"max_position": -1},
    {"max_leverage": 0},
    {"duplicate_window": 3601},
    {"allowed_order_types": ["LIMITT"]},
    {"price_collar": {"reference": "middle", "max_ticks": 1}},
    {"price_collar": {"refrence": "mid"}},
    {"price_collar": {"reference": "mid"}},
    {"anomaly_brake": {"window_seconds": 60}},
    {"prevent_self_cross": "yes"},
)


async def test_the_command_refuses_what_the_request_refuses(
    client: httpx.AsyncClient, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same words: both hold a key to the contract's one schema. The command itself is run for two, each takes a second."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'of the command.db')}")
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path))
    component = Component("ApiKeyRequest")
    for limits in WRONG:
        asked = {"name": "bot", "environment": "paper", "role": "trader", "limits": limits}
        detail = (await client.post("/api-keys", json=asked)).json()["detail"]
        with pytest.raises(OrdergateError) as refused:
            wanted_key(component.check(value_of(json.dumps(asked))))
        assert detail == (refused.value.faults if isinstance(refused.value, SchemaViolation) else refused.value.detail)
        if limits in (WRONG[1], WRONG[11]):
            given = [f"--limit={name}={json.dumps(value)}" for name, value in limits.items()]
            command = ["key", "create", "bot", "--environment", "paper", "--role", "trader", *given]
            result = await asyncio.to_thread(CliRunner().invoke, main, command)
            said = [fault["msg"] for fault in detail] if isinstance(detail, list) else [detail]
            assert (result.exit_code, [each in result.output for each in said]) == (1, [True] * len(said))
    listed = await asyncio.to_thread(CliRunner().invoke, main, ["key", "list"])
    assert (listed.exit_code, listed.output) == (0, "")


async def test_a_key_does_not_change_the_limits_of_its_own(application: Any, client: httpx.AsyncClient) -> None:
    """Whatever scopes it has; nor does it make keys that they don't hold for."""
    key = await made(client, role="admin", limits={"max_open_orders": 1})
    async with bearing(application, key) as caller:
        body = {"scope": {"key_id": key["id"]}, "limits": {"max_open_orders": None}}
        assert (await caller.put("/safety/limits", json=body)).status_code == 403
        asked = {"name": "bot", "environment": "paper", "role": "trader"}
        assert (await caller.post("/api-keys", json=asked)).status_code == 400


@pytest.mark.parametrize("somewhere", [{}, {"account_name": "master_account"}])
@pytest.mark.parametrize("way", ["limits", "halt"])
async def test_a_key_that_is_held_back_opens_no_other(
    application: Any, client: httpx.AsyncClient, way: str, somewhere: dict[str, str]
) -> None:
    """Neither a new one, nor an old one by its next secret or by enabling it: these would not be held back. Its own it rotates."""
    key, other = await made(client, role="admin"), await made(client)
    scope = {"key_id": key["id"], **somewhere}
    if way == "limits":
        held = await client.put("/safety/limits", json={"scope": scope, "limits": {"max_open_orders": 1}})
    else:
        held = await client.post("/safety/halt", json={"scope": scope, "mode": "halt", "reason": "it ran wild"})
    assert held.status_code == 200, held.text
    async with bearing(application, key) as caller:
        asked = {"name": "bot", "environment": "paper", "role": "trader"}
        assert (await caller.post("/api-keys", json=asked)).status_code == 400
        assert (await caller.post(f"/api-keys/{other['id']}/rotate")).status_code == 400
        assert (await caller.post(f"/api-keys/{other['id']}/disable")).status_code == 200
        assert (await caller.post(f"/api-keys/{other['id']}/enable")).status_code == 400
        assert (await caller.post(f"/api-keys/{key['id']}/rotate")).status_code == 200
    assert (await client.post(f"/api-keys/{other['id']}/enable")).status_code == 200

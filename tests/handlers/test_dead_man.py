"""Dead-man's switches over HTTP: what is answered, what is refused, who may set them, and what the logs and metrics tell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.caller import Actor
from app.domain.enums import DeadManThen
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DeadManTerms
from app.domain.safety.events import SafetyKind, dead_man_event
from app.handlers.events import message
from app.journal.records import JournalEntry
from tests.clock import START, FakeClock
from tests.handlers.test_callers import bearing, made

ACCOUNT = {"account_name": "master_account", "connector_name": "paper"}
ORDER = {
    **ACCOUNT,
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "order_type": "LIMIT",
    "amount": "0.001",
    "price": "40000",
}


async def test_a_switch_is_armed_renewed_shown_and_disarmed(client: httpx.AsyncClient, clock: FakeClock) -> None:
    """Each answer says until when, by whom, and what goes."""
    assert (await client.get("/safety/dead-man")).json() == {"switches": []}
    armed = (await client.put("/safety/dead-man", json={**ACCOUNT, "timeout_seconds": 600, "then": "halt"})).json()
    until, before = (datetime.fromisoformat(armed[name]) for name in ("armed_until", "renew_before"))
    assert until - before == timedelta(seconds=300)
    assert {name: armed[name] for name in armed if name not in ("armed_until", "renew_before")} == {
        **ACCOUNT,
        "timeout_seconds": 600,
        "keep": "none",
        "then": "halt",
        "require": "any",
        "held_by": "gateway",
        "covers": {"exchange": [], "gateway": "all"},
        "renewed_by": "admin",
        "fired_at": None,
        "fired_at_seq": None,
        "quiet": True,
        "still_counting": [],
    }
    clock.advance(1)
    renewed = (await client.put("/safety/dead-man", json={**ACCOUNT, "timeout_seconds": 600, "then": "halt"})).json()
    assert datetime.fromisoformat(renewed["armed_until"]) > until
    assert (await client.get("/safety/dead-man")).json() == {"switches": [renewed]}
    assert (await client.get("/safety")).json()["dead_man"] == [renewed]
    assert 'ordergate_dead_man_seconds_left{account="master_account",connector="paper"} 600.0' in (
        (await client.get("/metrics")).text
    )
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    for disarmed in (True, False):
        answer = await client.delete("/safety/dead-man", params=ACCOUNT)
        assert answer.json() == {**ACCOUNT, "disarmed": disarmed, "still_counting": []}
    assert (await client.get("/safety/dead-man")).json() == {"switches": []}
    assert "ordergate_dead_man_seconds_left{" not in (await client.get("/metrics")).text
    log = (await client.get("/audit", params={"limit": 100})).json()
    noted = [row["operation"] for row in log["data"] if "dead_man" in row["operation"]]
    assert sorted(noted) == ["safety.arm_dead_man"] * 2 + ["safety.disarm_dead_man"] * 2


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"timeout_seconds": 4}, 422, "timeout_seconds"),
        ({"timeout_seconds": 86401}, 422, "timeout_seconds"),
        ({"timeout_seconds": 5.5}, 422, "timeout_seconds"),
        ({"timeout_seconds": None}, 422, "timeout_seconds"),
        ({"keep": "all"}, 422, "keep"),
        ({"then": "sell"}, 422, "then"),
        ({"require": "gateway"}, 422, "require"),
        ({"timout_seconds": 9}, 422, "timout_seconds"),
        ({"scope": {}}, 400, "scope"),
        ({"account_name": "nobody"}, 404, "nobody"),
        ({"connector_name": "paperr"}, 404, "paper"),
        ({"connector_name": "binance_perpetual"}, 404, "binance_perpetual"),
        ({"require": "exchange"}, 409, "countdown"),
    ],
)
async def test_what_is_not_meant_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, said: str
) -> None:
    """And nothing is armed."""
    answer = await client.put("/safety/dead-man", json={**ACCOUNT, "timeout_seconds": 60, **change})
    assert (answer.status_code, said in str(answer.json()["detail"])) == (status, True), answer.text
    assert (await client.get("/safety/dead-man")).json() == {"switches": []}


async def test_a_disarmed_account_must_exist(client: httpx.AsyncClient) -> None:
    """A slip of the pen would leave the switch armed and look as if it were not."""
    for wrong, status in (({"account_name": "x"}, 404), ({"connector_name": "x"}, 404), ({"account_name": ""}, 422)):
        answer = await client.delete("/safety/dead-man", params={**ACCOUNT, **wrong})
        assert answer.status_code == status
    assert (await client.delete("/safety/dead-man")).status_code == 422


async def test_a_traders_key_may_set_it_within_its_bounds(application: Any, client: httpx.AsyncClient) -> None:
    """One that is bounded to pairs may not, since a switch is about all of them; nor may who only reads."""
    wanted = {**ACCOUNT, "timeout_seconds": 600}
    async with bearing(application, await made(client, role="trader", connectors=["paper"])) as trader:
        assert (await trader.put("/safety/dead-man", json=wanted)).status_code == 200
        assert len((await trader.get("/safety/dead-man")).json()["switches"]) == 1
        assert (await trader.delete("/safety/dead-man", params=ACCOUNT)).json()["disarmed"] is True
        await trader.put("/safety/dead-man", json=wanted)
    async with bearing(application, await made(client, role="trader", pairs=["BTC-USDT"])) as narrow:
        refused = await narrow.put("/safety/dead-man", json=wanted)
        assert (refused.status_code, refused.json()["code"]) == (403, "out_of_bounds")
        assert (await narrow.get("/safety/dead-man")).json() == {"switches": []}
        assert (await narrow.delete("/safety/dead-man", params=ACCOUNT)).status_code == 403
    async with bearing(application, await made(client, role="viewer")) as viewer:
        assert (await viewer.put("/safety/dead-man", json=wanted)).json()["code"] == "missing_scope"
        assert (await viewer.get("/safety/dead-man")).status_code == 200


def test_what_the_stream_tells() -> None:
    """The terms of a switch stand in its events."""
    terms = DeadManTerms(account=AccountKey("main", "paper"), timeout_seconds=30, then=DeadManThen.HALT)
    event = dead_man_event(SafetyKind.DEAD_MAN_ARMED, terms, START, actor=Actor(name="bot"))
    entry = JournalEntry(seq=7, at=START, account_name="main", connector_name="paper", safety=event)
    told = json.loads(message(entry))
    assert {name: told[name] for name in ("type", "kind", "timeout_seconds", "then", "cancel", "by")} == {
        "type": "safety",
        "kind": "dead_man_armed",
        "timeout_seconds": 30,
        "then": "halt",
        "cancel": "all",
        "by": "bot",
    }

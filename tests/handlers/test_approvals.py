"""Orders that need an approval, over HTTP: who asks, who decides, what is checked anew, and what each is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.errors import RateLimited
from app.domain.order import AccountKey
from app.services.gateway import Gateway
from tests.clock import FakeClock
from tests.handlers.contract import checked
from tests.handlers.test_callers import bearing, made
from tests.handlers.test_safety import ORDER

#: Above this an order needs an approval; ``DEAR`` is.
LIMITS = {"approval_above_notional": 100}
DEAR = {**ORDER, "amount": "0.005"}
PATH = "/trading/orders"


def keyed(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


async def asked(caller: httpx.AsyncClient, name: str = "k1", **terms: Any) -> str:
    """An approval that waits."""
    answer = await caller.post(PATH, json={**DEAR, **terms}, headers=keyed(name))
    assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_approval"), answer.text
    approval_id: str = answer.json()["approval_id"]
    return approval_id


async def decided(caller: httpx.AsyncClient, approval_id: str, decision: str = "approve") -> httpx.Response:
    body = {"decision": decision, **({} if decision == "approve" else {"reason": "too large"})}
    return await caller.post(f"/approvals/{approval_id}", json=body)


@pytest.fixture
async def bot(application: Any, client: httpx.AsyncClient) -> Any:
    """A client with a key whose large orders need an approval."""
    async with bearing(application, await made(client, limits=LIMITS)) as caller:
        yield caller


async def test_a_large_order_waits_and_is_placed_once_it_is_approved(
    client: httpx.AsyncClient, bot: httpx.AsyncClient
) -> None:
    """Its key is held meanwhile; afterwards it answers with the order. Events and the audit log tell who did what."""
    assert (await bot.post(PATH, json=ORDER)).status_code == 201
    first = await bot.post(PATH, json=DEAR, headers=keyed("k1"))
    again = await bot.post(PATH, json=DEAR, headers=keyed("k1"))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (first.json()["environment"], again.headers["idempotent-replayed"]) == ("paper", "true")
    other = await bot.post(PATH, json={**DEAR, "amount": "0.006"}, headers=keyed("k1"))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    approval_id = first.json()["approval_id"]
    [waiting] = (await client.get("/approvals", params={"state": "awaiting"})).json()["data"]
    shown = {name: waiting[name] for name in ("id", "state", "amount", "price", "notional", "above", "asked_by")}
    assert shown == {
        "id": approval_id, "state": "awaiting", "amount": "0.005", "price": "40000", "notional": "200", "above": "100",
        "asked_by": "bot",
    }  # fmt: skip
    assert "ordergate_approvals_waiting 1.0" in (await client.get("/metrics")).text
    assert (await client.post("/trading/orders/active", json={})).json()["pagination"]["total_count"] == 1
    answer = checked(await decided(client, approval_id), "/approvals/{approval_id}")
    checked(await client.get(f"/approvals/{approval_id}"), "/approvals/{approval_id}")
    checked(await client.get("/approvals"), "/approvals")
    order = answer["order"]
    assert (answer["approval"]["state"], answer["approval"]["decided_by"]) == ("approved", "admin")
    assert (order["order_id"], order["state"]) == (answer["approval"]["order_id"], "open")
    placed = await bot.post(PATH, json=DEAR, headers=keyed("k1"))
    assert (placed.status_code, placed.json()["order_id"]) == (200, order["order_id"])
    told = (await bot.get(f"/approvals/{approval_id}")).json()
    assert (told["order"]["order_id"], told["approval"]["seq"]) == (order["order_id"], answer["approval"]["seq"])
    events = (await client.get(f"/trading/orders/{order['order_id']}")).json()["events"]
    assert (events[0]["kind"], events[0]["actor"]["name"]) == ("intended", "bot")
    assert "ordergate_approvals_waiting 0.0" in (await client.get("/metrics")).text
    rows = (await client.get("/audit")).json()["data"]
    done = [(row["actor"], row["operation"], row["outcome"]) for row in rows]
    assert done[:4] == [
        ("bot", "trading.place_order", "done"),
        ("admin", "approvals.decide", "done"),
        ("bot", "trading.place_order", "done"),
        ("bot", "trading.place_order", "idempotency_conflict"),
    ]
    assert ("bot", "trading.place_order", "awaiting_approval") in done


async def test_a_refused_approval_and_one_that_nobody_gave_are_the_keys_answer(
    client: httpx.AsyncClient, bot: httpx.AsyncClient, clock: FakeClock
) -> None:
    """For ever, with nothing sent; a new key asks anew. What is decided or over can't be decided otherwise."""
    refused, late = await asked(bot, "k1"), await asked(bot, "k2")
    assert (await decided(client, refused, "refuse")).json()["order"] is None
    assert (await decided(client, refused, "refuse")).status_code == 200
    assert (await decided(client, refused)).json()["code"] == "approval_decided"
    clock.advance(61)
    for name, code in (("k1", "approval_refused"), ("k2", "approval_expired")):
        answer = await bot.post(PATH, json=DEAR, headers=keyed(name))
        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (409, code, False)
        assert "new Idempotency-Key" in answer.text, answer.text
    for decision in ("approve", "refuse"):
        assert (await decided(client, late, decision)).json()["code"] == "approval_expired"
    assert [each["state"] for each in (await client.get("/approvals")).json()["data"]] == ["expired", "refused"]
    assert (await client.post("/trading/orders/search", json={})).json()["pagination"]["total_count"] == 0
    await asked(bot, "k3")


async def test_a_key_that_waits_is_not_told_that_nothing_was_placed(
    client: httpx.AsyncClient, bot: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no order can be placed at this moment: a person may approve it at the next. Other terms and other keys are refused."""
    own_id = {**DEAR, "client_order_id": "mine-1"}
    waiting = [await asked(bot), (await bot.post(PATH, json=own_id)).json()["approval_id"]]
    connector = await gateway.sessions.connector(AccountKey("master_account", "paper"))

    def refuse() -> None:
        raise RateLimited("Too many orders", retry_after=timedelta(seconds=1))

    with monkeypatch.context() as patch:
        patch.setattr(connector, "check_available", refuse)
        again = [await bot.post(PATH, json=DEAR, headers=keyed("k1")), await bot.post(PATH, json=own_id)]
        others = [
            await bot.post(PATH, json={**DEAR, "amount": "0.006"}, headers=keyed("k1")),
            await bot.post(PATH, json=DEAR, headers=keyed("k2")),
            await bot.post(PATH, json=DEAR),
        ]
    assert [(each.status_code, each.json()["approval_id"]) for each in again] == [(202, each) for each in waiting]
    assert {each.headers["idempotent-replayed"] for each in again} == {"true"}
    assert [each.json()["code"] for each in others] == ["rate_limited"] * 3
    for each in waiting:
        assert (await decided(client, each)).status_code == 200


async def test_what_is_placed_while_a_repeated_call_is_refused_is_its_answer(
    client: httpx.AsyncClient, bot: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approval was given after the key was looked up, and before the check that refuses."""
    approval_id = await asked(bot)
    preparing = gateway.orders._preparing
    check = preparing.checked

    async def refuse_later(*given: Any) -> Any:
        monkeypatch.setattr(preparing, "checked", check)
        assert (await decided(client, approval_id)).status_code == 200
        raise RateLimited("Too many orders", retry_after=timedelta(seconds=1))

    monkeypatch.setattr(preparing, "checked", refuse_later)
    answer = await bot.post(PATH, json=DEAR, headers=keyed("k1"))
    assert (answer.status_code, answer.json()["state"]) == (200, "open")


async def test_another_person_decides(application: Any, client: httpx.AsyncClient, bot: httpx.AsyncClient) -> None:
    """Not who asked, nor a key of theirs, nor one without the scope, nor one out of bounds; a refusal needs a reason."""
    await client.put("/safety/limits", json={"scope": {}, "limits": LIMITS})
    approval_id, own = await asked(bot), await asked(client, "k2")
    assert (await decided(bot, approval_id)).json()["code"] == "missing_scope"
    assert (await decided(client, own)).json()["code"] == "own_approval"
    async with bearing(application, await made(client, role="risk")) as hers:
        assert (await decided(hers, own)).json()["code"] == "own_approval"
        assert (await decided(hers, approval_id, "refuse")).status_code == 200
    admin = await made(client, role="admin", limits=LIMITS)
    async with bearing(application, admin) as caller:
        assert (await decided(caller, await asked(caller, "k3"))).json()["code"] == "own_approval"
    maker = bearing(application, await made(client, role="admin", name="maker"))
    async with maker, bearing(application, await made(maker, limits=LIMITS)) as its_own:
        assert (await decided(maker, await asked(its_own, "k4"))).json()["code"] == "own_approval"
    narrow = await made(client, role="risk", pairs=["ETH-USDT"])
    async with bearing(application, narrow) as caller:
        assert (await decided(caller, own)).json()["code"] == "approval_not_found"
        assert (await caller.get("/approvals")).json()["data"] == []
    assert (await client.post(f"/approvals/{own}", json={"decision": "refuse"})).status_code == 400
    for unknown in ("a99999", "x", "a", "a1" + "0" * 30):
        assert (await decided(client, unknown)).json()["code"] == "approval_not_found"


async def test_every_check_is_made_anew_at_the_approval(client: httpx.AsyncClient, bot: httpx.AsyncClient) -> None:
    """A halt, a limit and a collar of meanwhile keep the order back, and it goes on waiting; a revoked key keeps it for good."""
    approval_id = await asked(bot)
    await client.post("/safety/halt", json={"scope": {}, "reason": "x"})
    assert (await decided(client, approval_id)).json()["code"] == "halted"
    await client.post("/safety/resume", json={"scope": {}, "reason": "x"})
    for limits, code in (
        ({"max_open_orders": 0}, "limit_exceeded"),
        ({"price_collar": {"reference": "mid", "max_deviation_bps": 1, "both_sides": True}}, "price_outside_collar"),
    ):
        await client.put("/safety/limits", json={"scope": {}, "limits": limits})
        assert (await decided(client, approval_id)).json()["code"] == code
        await client.put("/safety/limits", json={"scope": {}, "limits": dict.fromkeys(limits)})
    [key] = (await client.get("/api-keys")).json()["data"]
    await client.post(f"/api-keys/{key['id']}/disable")
    assert (await decided(client, approval_id)).json()["code"] == "approval_void"
    await client.post(f"/api-keys/{key['id']}/enable")
    assert (await decided(client, approval_id)).json()["order"]["state"] == "open"


async def test_what_reduces_and_what_ends_needs_no_approval(client: httpx.AsyncClient, bot: httpx.AsyncClient) -> None:
    """The sale of what the account holds, a cancel and a halt; a market order is counted by the book."""
    market = {name: value for name, value in DEAR.items() if name != "price"} | {"order_type": "MARKET"}
    assert (await bot.post(PATH, json={**market, "amount": "0.001"})).json()["state"] == "filled"
    sale = {**DEAR, "trade_type": "SELL", "amount": "0.0009", "price": "200000"}
    placed = await bot.post(PATH, json=sale)
    assert placed.status_code == 201, placed.text
    order_id = placed.json()["order_id"]
    cancel = await bot.post(f"/trading/master_account/paper/orders/{order_id}/cancel")
    assert cancel.status_code == 200
    halt = {"scope": {"connector_name": "paper"}, "reason": "x"}
    assert (await bot.post("/safety/halt", json=halt)).status_code == 200
    assert (await client.post("/safety/resume", json=halt)).status_code == 200
    answer = await bot.post(PATH, json=market)
    assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_approval")


async def test_a_preview_tells_that_an_approval_is_needed(bot: httpx.AsyncClient) -> None:
    """And nothing is asked for by it."""
    for order, needed in ((ORDER, False), (DEAR, True)):
        preview = (await bot.post("/trading/orders/preview", json=order)).json()
        assert (preview["would_place"], preview["needs_approval"]) == (True, needed)
    assert (await bot.get("/approvals")).json()["data"] == []


async def test_so_many_wait_and_no_more(bot: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    """Of one key; nothing is asked for by the one too many."""
    for number in range(100):
        await asked(bot, f"k{number}")
    answer = await bot.post(PATH, json=DEAR, headers=keyed("more"))
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (429, "too_many_approvals", True)
    page = (await client.get("/approvals", params={"limit": 60})).json()
    rest = await client.get("/approvals", params={"limit": 60, "cursor": page["pagination"]["next_cursor"]})
    assert (len(page["data"]), len(rest.json()["data"])) == (60, 40)
    assert (await client.get("/approvals", params={"cursor": "x"})).json()["code"] == "invalid_cursor"


async def test_who_watches_hears_of_it(gateway: Gateway, bot: httpx.AsyncClient) -> None:
    """An approval is asked for by an event of the journal, which has the account, connector and pair."""
    approval_id = await asked(bot, client_order_id="mine-1")
    entries = gateway.journal.tail(0, limit=100)
    entry = [each for each in entries if each.safety and each.safety.approval][-1]
    assert (entry.account_name, entry.connector_name, entry.trading_pair) == ("master_account", "paper", "BTC-USDT")
    assert entry.safety is not None
    assert entry.safety.approval is not None
    assert (entry.safety.kind, entry.safety.approval.approval_id) == ("approval_asked", approval_id)
    # The id waits with it: another order can't have it meanwhile.
    taken = await bot.post(PATH, json={**DEAR, "client_order_id": "mine-1"}, headers=keyed("k9"))
    assert taken.json()["code"] == "idempotency_conflict"

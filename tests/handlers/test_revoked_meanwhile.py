"""Callers who are revoked between the edge's look and the write: whatever they ask for, nothing is done.

The edge knows users and keys from memory, which is read anew within half a second. Here nobody does so: each request passes the
edge, and only the transaction of the write can see what was changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from app.domain.acting import Acting
from app.domain.audit import AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.enums import Environment, HaltCancel, HaltMode, Role
from app.domain.errors import CallerChanged, KeyRevoked, OrdergateError
from app.domain.safety.scope import Scope
from app.journal.units.keys import DeleteKey, RotateKey, SetKeyDisabled
from app.services.gateway import Gateway
from app.storage.tables import API_KEYS, AUDIT, METADATA, SEQUENCE, USERS
from tests.clock import START, FakeClock
from tests.handlers.test_approvals import asked
from tests.handlers.test_callers import OPERATIONS, bearing, made
from tests.handlers.test_resolving import WORD, left_behind
from tests.handlers.test_safety import ORDER
from tests.services.world import request

HOST = Actor(name="root (command line)")
PERPETUAL = "/trading/master_account/paper_perpetual"
PLACE = {"account_name": "other", "connector_name": "paper"}
SECOND_PLACE = {"account_name": "master_account", "connector_name": "paper_perpetual"}

#: What writes nothing of ours: it reads, tries, or is about a stream of this process.
READS = {"read", "safety:read", "audit:read", "public"}
WITHOUT_A_WRITE = {"accounts.test_credential", "market_data.restart_order_books", "api_keys.list_keys"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of an operation; words in braces stand for what was made before."""

    operation: str
    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


#: A request of every operation that changes something, in an order in which each can be done.
CALLS = [
    Call(operation="trading.place_order", method="POST", path="/trading/orders", body=ORDER),
    Call(
        operation="trading.cancel_order",
        method="POST",
        path="/trading/master_account/paper/orders/{order}/cancel",
    ),
    Call(operation="trading.resolve_order", method="POST", path="/trading/orders/o1/resolve", body=WORD),
    Call(
        operation="positions.set_position_mode",
        method="POST",
        path=f"{PERPETUAL}/position-mode",
        body={"position_mode": "HEDGE"},
    ),
    Call(
        operation="positions.set_leverage",
        method="POST",
        path=f"{PERPETUAL}/leverage",
        body={"trading_pair": "BTC-USDT", "leverage": 7},
    ),
    Call(operation="accounts.add_account", method="POST", path="/accounts/add-account?account_name=new"),
    Call(
        operation="accounts.add_credential",
        method="POST",
        path="/accounts/add-credential/third/paper",
        body={},
    ),
    Call(operation="accounts.delete_credential", method="POST", path="/accounts/delete-credential/third/paper"),
    Call(operation="accounts.delete_account", method="POST", path="/accounts/delete-account?account_name=third"),
    Call(
        operation="api_keys.create_key",
        method="POST",
        path="/api-keys",
        body={"name": "heir", "environment": "paper", "role": "admin"},
    ),
    Call(operation="api_keys.rotate_key", method="POST", path="/api-keys/{key}/rotate"),
    Call(operation="api_keys.disable_key", method="POST", path="/api-keys/{key}/disable"),
    Call(operation="api_keys.enable_key", method="POST", path="/api-keys/{disabled}/enable"),
    Call(operation="api_keys.delete_key", method="DELETE", path="/api-keys/{key}"),
    Call(
        operation="approvals.decide",
        method="POST",
        path="/approvals/{first}",
        body={"decision": "refuse", "reason": "too large"},
    ),
    Call(operation="approvals.decide", method="POST", path="/approvals/{second}", body={"decision": "approve"}),
    Call(
        operation="rate_oracle.change_config",
        method="PUT",
        path="/rate-oracle/config",
        body={"global_token": {"global_token_name": "BTC"}},
    ),
    Call(operation="safety.halt", method="POST", path="/safety/halt", body={"scope": SECOND_PLACE, "reason": "x"}),
    Call(operation="safety.resume", method="POST", path="/safety/resume", body={"scope": PLACE, "reason": "x"}),
    Call(
        operation="safety.set_limits",
        method="PUT",
        path="/safety/limits",
        body={"scope": PLACE, "limits": {"max_open_orders": None}},
    ),
    Call(operation="safety.arm_dead_man", method="PUT", path="/safety/dead-man", body={**PLACE, "timeout_seconds": 99}),
    Call(
        operation="safety.disarm_dead_man",
        method="DELETE",
        path="/safety/dead-man?account_name=other&connector_name=paper",
    ),
]


def test_every_operation_that_changes_something_is_tried() -> None:
    """A new one must be called below while its caller is revoked, or be named as one that writes nothing of ours."""
    changing = {node["operationId"] for _, _, node in OPERATIONS if node["x-scope"] not in READS}
    assert {call.operation for call in CALLS} == changing - WITHOUT_A_WRITE


@pytest.fixture
async def things(application: Any, client: httpx.AsyncClient) -> dict[str, str]:
    """What the calls are about, by the words that stand for it."""
    for account in ("other", "third"):
        assert (await client.post("/accounts/add-account", params={"account_name": account})).status_code == 201
        credentials = {"starting_balances": "USDT:100000"}
        assert (await client.post(f"/accounts/add-credential/{account}/paper", json=credentials)).status_code == 201
    assert (await client.post("/accounts/add-credential/master_account/paper_perpetual", json={})).status_code == 201
    await left_behind(client)
    order = (await client.post("/trading/orders", json=ORDER)).json()["order_id"]
    key, disabled = (await made(client))["id"], (await made(client))["id"]
    await client.post(f"/api-keys/{disabled}/disable")
    async with bearing(application, await made(client, limits={"approval_above_notional": 100})) as bot:
        first, second = await asked(bot, "k1"), await asked(bot, "k2")
    assert (await client.post("/safety/halt", json={"scope": PLACE, "reason": "x"})).status_code == 200
    limits = {"scope": PLACE, "limits": {"max_open_orders": 1}}
    assert (await client.put("/safety/limits", json=limits)).status_code == 200
    assert (await client.put("/safety/dead-man", json={**PLACE, "timeout_seconds": 60})).status_code == 200
    return {"order": order, "key": key, "disabled": disabled, "first": first, "second": second}


def stored(gateway: Gateway) -> dict[str, list[Any]]:
    """Everything in the database but the audit log, which tells of refusals, and the name that a gateway gives itself."""
    left_out = {AUDIT.name, SEQUENCE.name}
    return {
        table.name: sorted(
            repr(row) for row in gateway.journal.database.rows(select(*table.c)) if row[0] != "installation"
        )
        for table in METADATA.sorted_tables
        if table.name not in left_out
    }


async def answer_to(caller: httpx.AsyncClient, call: Call, things: Mapping[str, str]) -> httpx.Response:
    return await caller.request(call.method, call.path.format(**things), json=call.body, headers=call.headers)


async def test_nothing_is_done_for_a_key_that_is_revoked_meanwhile(
    application: Any, gateway: Gateway, client: httpx.AsyncClient, things: dict[str, str]
) -> None:
    """By any operation; each is done by the same key once it is enabled again, so it was its end that kept it from being done."""
    key = await made(client, role="admin")
    await gateway.journal.decide(
        SetKeyDisabled(key_id=key["id"], disabled_at=gateway.clock.now(), record=_record("disable"))
    )
    before, mode = stored(gateway), await client.get(f"{PERPETUAL}/position-mode")
    async with bearing(application, key) as caller:
        done = []
        for call in CALLS:
            answer = await answer_to(caller, call, things)
            if (answer.status_code, answer.json().get("code")) != (401, "key_revoked"):
                done.append((call.operation, answer.status_code, answer.text))
        assert done == []
        assert stored(gateway) == before
        assert (await client.get(f"{PERPETUAL}/position-mode")).json() == mode.json()
        refused = (await client.get("/audit", params={"outcome": "key_revoked", "limit": 100})).json()["data"]
        assert {row["operation"] for row in refused} == {call.operation for call in CALLS}
        await gateway.journal.decide(SetKeyDisabled(key_id=key["id"], disabled_at=None, record=_record("enable")))
        await gateway.directory.refresh()
        for call in CALLS:
            answer = await answer_to(caller, call, things)
            assert answer.status_code < 300, (call.operation, answer.text)


#: What may happen to who asks, and what is told.
WAYS: dict[str, type[OrdergateError]] = {
    "disabled": KeyRevoked,
    "deleted": KeyRevoked,
    "expired": KeyRevoked,
    "rotated": KeyRevoked,
    "overlap": KeyRevoked,
    "user disabled": KeyRevoked,
    "user's role": CallerChanged,
    "session": KeyRevoked,
}


async def asking(gateway: Gateway, way: str) -> Caller:
    """Who asks, as the edge made it of the credentials."""
    if way == "session":
        return Caller(name="admin", expires_at=gateway.clock.now() + timedelta(seconds=60))
    if way.startswith("user"):
        gateway.journal.accounts.put_password_hash("admin", "a hash")
        await asyncio.to_thread(gateway.journal.callers.add_user, "alice", "hash", Role.ADMIN, _record("add"))
        found = await gateway.directory.caller_of("alice")
        assert found is not None
        return found
    _, secret = await gateway.keys.create(
        Caller(name="admin"),
        lambda _: _record("make"),
        name="bot",
        environment=Environment.PAPER,
        scopes=set(Caller(name="admin").scopes),
        expires_at=gateway.clock.now() + timedelta(seconds=60),
    )
    return await gateway.keys.caller(secret, "127.0.0.1")


async def end(gateway: Gateway, clock: FakeClock, caller: Caller, way: str) -> None:
    """What happens meanwhile."""
    key_id, now, decide = caller.key_id or "", clock.now(), gateway.journal.decide
    if way == "disabled":
        await decide(SetKeyDisabled(key_id=key_id, disabled_at=now, record=_record("disable")))
    elif way == "deleted":
        await decide(DeleteKey(key_id=key_id, at=now, record=_record("delete")))
    elif way in ("rotated", "overlap"):
        until = now + timedelta(seconds=0 if way == "rotated" else 30)
        rotate = RotateKey(key_id=key_id, secret_hash=bytes(32), previous_until=until, record=_record("rotate"))
        await decide(rotate)
        clock.advance(30 if way == "overlap" else 0)
    elif way in ("expired", "session"):
        clock.advance(60)
    elif way == "user disabled":
        await asyncio.to_thread(
            gateway.journal.callers.change_user, "alice", _record("x"), owner="admin", disabled_at=now
        )
    else:
        await asyncio.to_thread(
            gateway.journal.callers.change_user, "alice", _record("x"), owner="admin", role="viewer"
        )


@pytest.mark.parametrize("way", WAYS)
async def test_whatever_ends_a_caller_ends_what_it_asks_for(gateway: Gateway, clock: FakeClock, way: str) -> None:
    """By each way of writing: the journal's units, an order's guard, changes of accounts and of preferences."""
    caller = await asking(gateway, way)
    acting = gateway.acting_as(Acting(caller, Actor(name=caller.name, key_id=caller.key_id)))
    verbs = {
        "unit": lambda: acting.safety.halt(
            Scope(account_name="master_account", connector_name="paper"),
            mode=HaltMode.HALT,
            cancel=HaltCancel.NONE,
            reason="x",
        ),
        "order": lambda: acting.orders.place(request()),
        "account": lambda: asyncio.to_thread(acting.accounts.add_account, "new"),
        "preference": lambda: acting.rates.configure(quote="BTC"),
    }
    await end(gateway, clock, caller, way)
    before = stored(gateway)
    for verb in verbs.values():
        with pytest.raises(WAYS[way]):
            await verb()
    assert stored(gateway) == before
    # By the secret that it has now, it may.
    if way in ("rotated", "overlap"):
        renewed = replace(caller, secret_hash=bytes(32))
        await gateway.acting_as(Acting(renewed, acting.acting.actor)).rates.configure(quote="BTC")
        assert stored(gateway) != before


async def test_a_stream_ends_with_the_secret_that_opened_it(gateway: Gateway, clock: FakeClock) -> None:
    """A rotation without an overlap is the end of the earlier secret, also where it is being used; the next one goes on."""
    earlier = await asking(gateway, "rotated")
    assert earlier.key_id is not None
    ended = asyncio.create_task(gateway.directory.ended(earlier))
    _, secret = await gateway.keys.rotate(earlier.key_id, _record("rotate"), timedelta(seconds=30))
    later = await gateway.keys.caller(secret, "127.0.0.1")
    goes_on = asyncio.create_task(gateway.directory.ended(later))
    await asyncio.sleep(0)
    assert not ended.done()
    clock.advance(30)
    # Anything that changes makes streams look whether they may go on.
    await gateway.keys.create(
        Caller(name="admin"),
        lambda _: _record("make"),
        name="another",
        environment=Environment.PAPER,
        scopes=earlier.scopes,
    )
    await asyncio.wait_for(ended, 60)
    assert not goes_on.done()
    await gateway.keys.rotate(earlier.key_id, _record("rotate"), timedelta(0))
    await asyncio.wait_for(goes_on, 60)


async def test_tables_that_are_compared_are_those_of_callers_too(gateway: Gateway) -> None:
    """What a test that compares everything would miss."""
    assert {API_KEYS.name, USERS.name, "halts", "limits", "orders", "events", "settings"} <= stored(gateway).keys()


def _record(operation: str) -> AuditRecord:
    return AuditRecord(at=START, actor=HOST, operation=operation)

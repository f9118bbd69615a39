"""What holds a key back is ended, loosened and decided about by others: over HTTP, with keys of several kinds and generations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.handlers.test_approvals import LIMITS, asked, decided
from tests.handlers.test_callers import bearing, made
from tests.handlers.test_resolving import WORD, left_behind
from tests.handlers.test_safety import ORDER

PLACE = {"account_name": "master_account", "connector_name": "paper"}
#: May place, halt, resume and make keys; no admin.
BOT = ["read", "orders:place", "orders:approve", "safety:read", "safety:halt", "safety:write", "keys:write"]
#: May do all of that but place.
WATCHER = [scope for scope in BOT if scope != "orders:place"]

Caller = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def caller(application: Any, client: httpx.AsyncClient) -> Any:
    """Makes a key, by the admin or ``by`` another client, and a client that calls with it. Its id is ``client.key_id``."""
    async with AsyncExitStack() as stack:

        async def make(by: httpx.AsyncClient | None = None, **wanted: Any) -> httpx.AsyncClient:
            key = await made(by or client, **wanted)
            its_client = await stack.enter_async_context(bearing(application, key))
            its_client.key_id = key["id"]  # type: ignore[attr-defined]
            return its_client

        yield make


async def halt(by: httpx.AsyncClient, scope: dict[str, Any], **terms: Any) -> None:
    answer = await by.post("/safety/halt", json={"scope": scope, "reason": "x", **terms})
    assert answer.status_code == 200, answer.text


async def resumed(by: httpx.AsyncClient, scope: dict[str, Any]) -> str:
    """``ended``, or the code of the refusal."""
    answer = await by.post("/safety/resume", json={"scope": scope, "reason": "x"})
    return "ended" if answer.status_code == 200 and answer.json()["resumed"] else answer.json().get("code", "nothing")


async def limited(by: httpx.AsyncClient, scope: dict[str, Any], **limits: Any) -> str:
    """``set``, or the code of the refusal."""
    answer = await by.put("/safety/limits", json={"scope": scope, "limits": limits})
    return "set" if answer.status_code == 200 else answer.json()["code"]


async def test_a_key_ends_no_halt_that_holds_it_back(client: httpx.AsyncClient, caller: Caller) -> None:
    """One that a person has set, another key, or that names the key: others do. Its own it ends."""
    bot, other, watcher, admin = (
        await caller(scopes=BOT),
        await caller(scopes=BOT),
        await caller(role="risk"),
        await caller(role="admin"),
    )
    for setter in (client, other, watcher):
        await halt(setter, PLACE)
        assert await resumed(bot, PLACE) == "own_hold"
        assert (await client.get("/safety")).json()["halts"] != []
        assert await resumed(watcher, PLACE) == "ended"
    await halt(bot, PLACE)
    assert await resumed(bot, PLACE) == "ended"
    await halt(client, PLACE)
    assert await resumed(admin, PLACE) == "ended"
    for held in (bot, admin):
        named = {**PLACE, "key_id": held.key_id}  # type: ignore[attr-defined]
        await halt(client, named)
        assert await resumed(held, named) == "own_hold"
        assert await resumed(watcher, named) == "ended"
    rows = (await client.get("/audit", params={"outcome": "own_hold", "limit": 100})).json()["data"]
    assert [row["operation"] for row in rows] == ["safety.resume"] * 5


async def test_a_halt_is_not_loosened_by_another_one(client: httpx.AsyncClient, caller: Caller) -> None:
    """The stricter of both holds, whoever comes second; and nobody ends what others have added to."""
    bot = await caller(scopes=BOT)
    await halt(client, PLACE, mode="halt", cancel="none")
    await halt(bot, PLACE, mode="reduce_only", cancel="all")
    [held] = (await client.get("/safety")).json()["halts"]
    assert (held["mode"], held["cancel"], held["halted_by"]) == ("halt", "all", "bot")
    assert (await client.post("/trading/orders", json=ORDER)).json()["code"] == "halted"
    assert await resumed(bot, PLACE) == "own_hold"
    assert await resumed(client, PLACE) == "ended"
    await halt(bot, PLACE, mode="reduce_only")
    await halt(client, PLACE, mode="halt")
    assert await resumed(bot, PLACE) == "own_hold"
    assert await resumed(client, PLACE) == "ended"
    await halt(bot, PLACE, mode="reduce_only")
    await halt(bot, PLACE, mode="halt")
    assert await resumed(bot, PLACE) == "ended"


async def test_a_key_changes_no_limits_that_hold_for_it(client: httpx.AsyncClient, caller: Caller) -> None:
    """Neither lifts them, nor says that there are none on purpose; a key that places nothing may, and an admin's."""
    bot, watcher, admin = await caller(scopes=BOT), await caller(role="risk"), await caller(role="admin")
    assert await limited(client, PLACE, max_open_orders=1) == "set"
    for limits in ({"max_open_orders": None}, {"max_open_orders": 2}, {"max_position": 5}):
        assert await limited(bot, PLACE, **limits) == "own_hold"
    unlimited = {"scope": PLACE, "unlimited": True, "reason": "x"}
    assert (await bot.put("/safety/limits", json=unlimited)).json()["code"] == "own_hold"
    assert await limited(watcher, PLACE, max_open_orders=2) == "set"
    assert await limited(admin, PLACE, max_open_orders=3) == "set"
    for held in (bot, watcher, admin):
        assert await limited(held, {**PLACE, "key_id": held.key_id}, max_open_orders=9) == "own_hold"  # type: ignore[attr-defined]
    [shown] = (await client.get("/safety/limits")).json()["limits"]
    assert shown["limits"] == {"max_open_orders": 3}


async def test_a_key_that_places_does_not_say_how_orders_ended(client: httpx.AsyncClient, caller: Caller) -> None:
    """It would free what they reserve. One that places nothing may."""
    await left_behind(client)
    bot, watcher = await caller(scopes=BOT), await caller(role="risk")
    path = "/trading/orders/o1/resolve"
    assert (await bot.post(path, json=WORD)).json()["code"] == "own_hold"
    assert (await client.get("/trading/orders/o1")).json()["state"] == "open"
    assert (await watcher.post(path, json=WORD)).json()["state"] == "canceled"


async def test_a_key_of_a_key_is_held_as_that_one_is(client: httpx.AsyncClient, caller: Caller) -> None:
    """However many keys ago, by making or by another secret; also where the keys between are deleted."""
    bot = await caller(scopes=BOT)
    child = await caller(bot, scopes=WATCHER)
    grandchild = await caller(child, scopes=WATCHER)
    foreign = await made(client, scopes=WATCHER)
    await halt(client, PLACE)
    assert await limited(client, PLACE, max_open_orders=1) == "set"
    assert (await client.delete(f"/api-keys/{child.key_id}")).status_code == 200  # type: ignore[attr-defined]
    assert await resumed(grandchild, PLACE) == "own_hold"
    assert await limited(grandchild, PLACE, max_open_orders=9) == "own_hold"
    told = await bot.post(f"/api-keys/{foreign['id']}/rotate")
    assert told.status_code == 200
    async with bearing(client._transport.app, told.json()) as stolen:  # type: ignore[attr-defined]
        assert await resumed(stolen, PLACE) == "own_hold"


async def test_nobody_approves_by_a_key_of_a_key(client: httpx.AsyncClient, caller: Caller) -> None:
    """Makers are followed up to the person: neither the first approves for the last, nor the last for the first, nor do siblings.

    A person's key does not approve the person's own orders, nor does one that it made; another person's key does.
    """
    await client.put("/safety/limits", json={"scope": {}, "limits": LIMITS})
    first = await caller(role="admin", name="first")
    second = await caller(first, role="admin", name="second")
    third = await caller(second, role="admin", name="third")
    sibling = await caller(first, role="admin", name="sibling")
    stranger = await caller(role="risk", name="third")
    line = (first, second, third, sibling)
    for number, asker in enumerate(line):
        approval_id = await asked(asker, f"k{number}")
        for other in line:
            for decision in ("approve", "refuse"):
                answer = await decided(other, approval_id, decision)
                assert (answer.status_code, answer.json()["code"]) == (403, "own_approval"), (number, decision)
        assert (await decided(stranger, approval_id)).status_code == 200
    own = await asked(client, "own")
    for other in (*line, stranger):
        assert (await decided(other, own)).json()["code"] == "own_approval"
    theirs = await asked(third, "theirs")
    assert (await decided(client, theirs)).status_code == 200


async def test_a_secret_that_was_told_is_as_good_as_a_key_that_was_made(
    client: httpx.AsyncClient, caller: Caller
) -> None:
    """Who has given a key another secret may use it, and does not decide by it about an order of its own."""
    bot = await caller(role="admin", limits=LIMITS)
    await client.put("/safety/limits", json={"scope": {}, "limits": LIMITS})
    risk = await made(client, role="risk")
    free = await caller(role="admin")
    told = (await free.post(f"/api-keys/{risk['id']}/rotate")).json()
    async with bearing(client._transport.app, told) as risk_key:  # type: ignore[attr-defined]
        approval_id = await asked(free, "k1")
        assert (await decided(risk_key, approval_id)).json()["code"] == "own_approval"
        assert (await decided(risk_key, await asked(bot, "k2"))).status_code == 200


async def test_a_key_that_is_made_at_the_same_moment_decides_nothing(client: httpx.AsyncClient, caller: Caller) -> None:
    """Who made it is looked at in the transaction, not in what this process remembers."""
    first = await caller(role="admin", name="first")
    await client.put("/safety/limits", json={"scope": {}, "limits": LIMITS})
    approval_id = await asked(first, "k1")
    second = await caller(first, role="admin", name="second")
    assert (await decided(second, approval_id)).json()["code"] == "own_approval"


async def test_a_lifted_limit_makes_no_second_order(client: httpx.AsyncClient, caller: Caller) -> None:
    """An approval's key places the order once the limit is lifted; then the approval is refused, in whichever order they come."""
    bot = await caller(role="trader")
    scope = {"key_id": bot.key_id}  # type: ignore[attr-defined]
    order = {**ORDER, "amount": "0.005"}
    for number, is_first in enumerate((True, False)):
        name = f"k{number}"
        assert await limited(client, scope, **LIMITS) == "set"
        approval_id = await asked(bot, name)
        assert await limited(client, scope, approval_above_notional=None) == "set"
        placing = lambda key: bot.post("/trading/orders", json=order, headers={"Idempotency-Key": key})  # noqa: E731
        if is_first:
            placed = await placing(name)
            assert placed.status_code == 201
            refused = await decided(client, approval_id)
            assert (refused.status_code, refused.json()["code"]) == (409, "approval_used")
        else:
            given = await decided(client, approval_id)
            assert given.status_code == 200
            placed = await placing(name)
            assert (placed.status_code, placed.json()["order_id"]) == (200, given.json()["order"]["order_id"])
    found = (await client.post("/trading/orders/search", json={})).json()
    assert found["pagination"]["total_count"] == 2


async def test_a_key_disarms_only_what_it_has_armed(client: httpx.AsyncClient, caller: Caller) -> None:
    """And renews another's under the same terms alone: a longer time, or no halt, would be as good as none."""
    bot, other, watcher = await caller(scopes=BOT), await caller(scopes=BOT), await caller(role="risk")
    wanted = {**PLACE, "timeout_seconds": 60, "then": "halt"}
    path = "/safety/dead-man"
    for setter in (client, other):
        assert (await setter.put(path, json=wanted)).status_code == 200
        assert (await bot.put(path, json=wanted)).status_code == 200
        for changes in ({"timeout_seconds": 86400}, {"then": "nothing"}):
            assert (await bot.put(path, json={**wanted, **changes})).json()["code"] == "own_hold"
        assert (await bot.delete(path, params=PLACE)).json()["code"] == "own_hold"
        [shown] = (await client.get(path)).json()["switches"]
        assert (shown["timeout_seconds"], shown["then"]) == (60, "halt")
        assert (await setter.delete(path, params=PLACE)).json()["disarmed"] is True
    assert (await bot.put(path, json=wanted)).status_code == 200
    assert (await bot.put(path, json={**wanted, "timeout_seconds": 90})).status_code == 200
    assert (await watcher.delete(path, params=PLACE)).json()["disarmed"] is True
    assert (await bot.put(path, json=wanted)).status_code == 200
    assert (await bot.delete(path, params=PLACE)).json()["disarmed"] is True

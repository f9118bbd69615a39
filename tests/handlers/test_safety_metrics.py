"""What the metrics tell of safety: each is read after what it tells of has been made, and after it is over."""

from __future__ import annotations

import re

import httpx

from app.domain.enums import EventKind
from app.services.gateway import Gateway
from app.storage.tables import AUDIT
from tests.clock import FakeClock
from tests.handlers.test_safety import ACCOUNT, ORDER
from tests.journal.orders import happened, order_of_ours
from tests.storage.test_audit import unguarded

PLACE = {"account_name": "master_account", "connector_name": "paper"}
LABELS = 'account="master_account",connector="paper"'


async def told(client: httpx.AsyncClient, name: str) -> dict[str, float]:
    """The values of a metric, by its labels as they are written."""
    text = (await client.get("/metrics")).text
    found = re.findall(rf"^ordergate_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


async def test_halts_are_counted_by_mode(client: httpx.AsyncClient) -> None:
    """Each scope's, until its resume."""
    assert await told(client, "halts") == {'mode="halt"': 0, 'mode="reduce_only"': 0}
    for scope, mode in (({}, "reduce_only"), (ACCOUNT, "halt"), (PLACE, "halt")):
        await client.post("/safety/halt", json={"scope": scope, "mode": mode, "reason": "x"})
    assert await told(client, "halts") == {'mode="halt"': 2, 'mode="reduce_only"': 1}
    await client.post("/safety/resume", json={"scope": PLACE, "reason": "x"})
    assert await told(client, "halts") == {'mode="halt"': 1, 'mode="reduce_only"': 1}


async def test_the_least_head_room_of_each_limit_is_told(client: httpx.AsyncClient) -> None:
    """Of several scopes that of the one where the least is left; none where no limit is set."""
    assert await told(client, "limit_headroom_ratio") == {}
    for scope, most in ((ACCOUNT, 4), (PLACE, 2)):
        limits = {"max_open_orders": most, "max_open_notional": 400}
        await client.put("/safety/limits", json={"scope": scope, "limits": limits})
    placed = (await client.post("/trading/orders", json=ORDER)).json()["order_id"]
    ratios = await told(client, "limit_headroom_ratio")
    assert ratios == {'limit="max_open_orders"': 0.5, 'limit="max_open_notional"': 0.9}
    await client.post(f"/trading/master_account/paper/orders/{placed}/cancel")
    assert set((await told(client, "limit_headroom_ratio")).values()) == {1.0}


async def test_the_seconds_of_a_dead_mans_switch_run_down(client: httpx.AsyncClient, clock: FakeClock) -> None:
    """Below zero where nobody has fired it yet; once it has fired they are gone, and those since then rise until it is quiet."""
    await client.put("/safety/dead-man", json={**PLACE, "timeout_seconds": 60})
    for passed, left in ((0, 60), (45, 15), (25, -10)):
        clock.advance(passed)
        assert await told(client, "dead_man_seconds_left") == {LABELS: left}
        assert await told(client, "dead_man_clearing_seconds") == {}
    assert (await client.post("/trading/orders", json=ORDER)).json()["code"] == "dead_man_due"
    clock.advance(5)
    # Nothing runs in the background here, so nothing clears it.
    assert await told(client, "dead_man_seconds_left") == {}
    assert await told(client, "dead_man_clearing_seconds") == {LABELS: 5}


async def test_unknown_orders_are_told_by_their_age(
    gateway: Gateway, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    """How many are as old or older, until their outcome is known."""
    ages = [f'seconds="{age}"' for age in (1, 10, 60, 600)]
    assert await told(client, "unsettled_orders_by_age") == dict.fromkeys(ages, 0)
    for number, pause in enumerate((50, 15)):
        order = order_of_ours(f"o{number}", at=clock.now())
        await gateway.journal.open_order(order, happened(EventKind.INTENDED, at=clock.now()))
        clock.advance(pause)
    assert await told(client, "unsettled_orders_by_age") == dict(zip(ages, (2, 2, 1, 0), strict=True))


async def test_the_audit_chain_is_told_to_be_whole_until_it_is_not(gateway: Gateway, client: httpx.AsyncClient) -> None:
    """By the look at what is new."""
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    await gateway.checkpoints.look()
    assert await told(client, "audit_chain_ok") == {"": 1}
    assert (await client.post("/trading/orders", json=ORDER)).status_code == 201
    url = str(gateway.settings.database_url)
    unguarded(url, f"UPDATE {AUDIT.name} SET actor = 'mallory' WHERE number = (SELECT max(number) FROM {AUDIT.name})")
    await gateway.checkpoints.look()
    assert await told(client, "audit_chain_ok") == {"": 0}

"""Storing other credentials while orders are under way: another key of the same account at the exchange is taken, one of another
account is refused as long as an order is active.
"""

from __future__ import annotations

from dataclasses import replace

from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.verbs import Verb


async def store(caller: Caller) -> None:
    """Store the keys of another account in one call out of two, else another key of the same account."""
    is_foreign = caller.random.random() < 0.5
    before = caller.door.resting()
    answer = await caller.ask(_storing(caller, caller.door.foreign_key if is_foreign else caller.door.own_key))
    resting = sorted(before & caller.door.resting())
    if answer.status is None or not is_foreign or not resting:
        return
    operation = caller.operation("store", order_id=resting[0])
    outcome = "ok" if answer.status < 300 else "fail" if answer.status == 409 else "unknown"
    caller.told.add(replace(operation, outcome=outcome, status=answer.status))


def _storing(caller: Caller, api_key: str) -> Service:
    account = caller.key_of("").account

    async def store(gateway: Gateway) -> Answer:
        prefix = account.connector_name
        given = {f"{prefix}_api_key": api_key, f"{prefix}_api_secret": "s" * 64}
        await gateway.accounts.add_credential(account, given)
        return Answer(status=201)

    return store


VERB = Verb(weight=0.006, act=store)

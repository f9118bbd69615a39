"""Reading an order of one's own."""

from __future__ import annotations

import asyncio

from app.domain.order import OrderKey
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.verbs import Verb


async def read(caller: Caller) -> None:
    """Read one of the orders that the caller knows."""
    order_id = caller.one_known()
    await caller.tell_of("read", order_id, _reading(caller.key_of(order_id)))


def _reading(key: OrderKey) -> Service:
    async def read(gateway: Gateway) -> Answer:
        order = await asyncio.to_thread(gateway.journal.find_order, key)
        if order is None:
            return Answer(status=404)
        return Answer(status=200, body={"order_id": order.order_id, "state": str(order.state)})

    return read


VERB = Verb(weight=0.12, act=read)

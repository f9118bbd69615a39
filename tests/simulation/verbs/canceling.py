"""Canceling an order of one's own."""

from __future__ import annotations

from app.domain.order import OrderKey
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.verbs import Verb


async def cancel(caller: Caller) -> None:
    """Cancel one of the orders that the caller knows, and forget it."""
    order_id = caller.forget_one()
    await caller.tell_of("cancel", order_id, canceling(caller.key_of(order_id)))


def canceling(key: OrderKey) -> Service:
    """The service of canceling the order of ``key``."""

    async def cancel(gateway: Gateway) -> Answer:
        order = await gateway.orders.cancel(key)
        return Answer(status=200, body={"order_id": order.order_id, "state": str(order.state)})

    return cancel


VERB = Verb(weight=0.35, act=cancel)

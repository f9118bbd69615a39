"""Limiting one's own pair for a while, to a few orders at a time and a largest amount, and lifting the limits again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.domain.enums import OrderType
from app.domain.safety.scope import Scope
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.market import PAIRS
from tests.simulation.verbs import Verb
from tests.simulation.verbs.halting import record, until_done

#: How many orders may be alive at a time, at least and at most.
_FEWEST, _MOST = 3, 12
#: For how many seconds a pair stays limited at most.
_LIMITED = 3.0
_NO_LIMITS: Mapping[str, object] = dict.fromkeys(("allowed_order_types", "max_open_orders", "max_order_amount"))


async def limit(caller: Caller) -> None:
    """Limit, wait, and lift the limits, each again until it is answered."""
    pair = PAIRS[caller.number % len(PAIRS)]
    # No market orders, or fewer orders, which are no larger than some market orders are.
    limits: dict[str, object] = {"allowed_order_types": (OrderType.LIMIT, OrderType.LIMIT_MAKER)}
    if caller.random.random() < 0.7:
        limits = {
            "max_open_orders": caller.random.randint(_FEWEST, _MOST),
            "max_order_amount": pair.step * caller.random.randint(100, 1000),
        }
    await until_done(caller, setting(pair.name, limits))
    await asyncio.sleep(caller.random.random() * _LIMITED)
    await until_done(caller, setting(pair.name, _NO_LIMITS))


async def lift(caller: Caller) -> None:
    """Lift limits that nobody knows of any more, as those of a call that came late."""
    await caller.ask(setting(PAIRS[caller.number % len(PAIRS)].name, _NO_LIMITS))


def setting(pair: str, limits: Mapping[str, object]) -> Service:
    """The service of setting limits of a pair."""

    async def set_limits(gateway: Gateway) -> Answer:
        await gateway.safety.limiting.set(
            Scope(trading_pair=pair), limits, unlimited_reason=None, versions=None, record=record(gateway)
        )
        return Answer(status=200)

    return set_limits


VERB = Verb(weight=0.004, act=limit, needs_order=False)

"""Letting all orders of one's own pair that are worth more than a little wait for an approval for a while, and deciding about those
that wait, as another person does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from app.domain.caller import Actor
from app.domain.enums import ApprovalState
from app.domain.errors import OrdergateError
from app.domain.safety.approvals import Approval
from app.journal.reading.approvals import ApprovalFilter
from app.journal.units.guard import Decision, Guard
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.market import PAIRS
from tests.simulation.verbs import Verb
from tests.simulation.verbs.halting import record, until_done
from tests.simulation.verbs.limiting import setting

#: How often is decided about what waits, and for how many seconds at most nobody looks in between.
_DECISIONS = 4
_UNSEEN = 2.0
#: The share of decisions that are refusals.
_REFUSED = 0.2
_MOST_WAITING = 100
#: Far less than any order is worth, in dollars.
_ABOVE: Mapping[str, object] = {"approval_above_notional": Decimal("0.01")}
_NO_APPROVALS: Mapping[str, object] = {"approval_above_notional": None}


async def approve(caller: Caller) -> None:
    """Let orders wait, decide a few times about all that wait, and let them be placed again as they come."""
    pair = PAIRS[caller.number % len(PAIRS)].name
    await until_done(caller, setting(pair, _ABOVE))
    for _ in range(_DECISIONS):
        await asyncio.sleep(caller.random.random() * _UNSEEN)
        is_given = caller.random.random() >= _REFUSED
        await caller.ask(_deciding(pair, is_given=is_given))
    await until_done(caller, setting(pair, _NO_APPROVALS))


async def lift(caller: Caller) -> None:
    """Let orders be placed as they come under a limit that nobody knows of any more, as that of a call that came late."""
    await caller.ask(setting(PAIRS[caller.number % len(PAIRS)].name, _NO_APPROVALS))


def _deciding(pair: str, *, is_given: bool) -> Service:
    async def decide(gateway: Gateway) -> Answer:
        wanted = ApprovalFilter(state=ApprovalState.AWAITING, trading_pairs=(pair,))
        waiting = await gateway.approving.page(wanted, limit=_MOST_WAITING, cursor=None)
        for approval in waiting.items:
            try:
                await _decide(gateway, approval, is_given=is_given)
            except OrdergateError:  # another has decided, or the order is refused: the journal shows which
                continue
        return Answer(status=200)

    return decide


async def _decide(gateway: Gateway, approval: Approval, *, is_given: bool) -> None:
    approving = gateway.approving
    if is_given:
        guard = Guard(actor=Actor(name="approver"), operation="approvals.decide")
        decision = Decision(number=approval.number, guard=guard, reason=None)
        asker = Guard(actor=approval.asked_by, operation="trading.place_order", decision=decision)
        await approving.approve(approval, asker)
    else:
        await approving.refuse(approval, record(gateway), "simulated")


VERB = Verb(weight=0.008, act=approve, needs_order=False)

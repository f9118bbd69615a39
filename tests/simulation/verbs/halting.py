"""Halting one's own pair for a while, canceling what rests there or not, and letting trading go on."""

from __future__ import annotations

import asyncio

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import HaltCancel, HaltMode
from app.domain.safety.scope import Scope
from app.services.gateway import Gateway
from tests.chaos.clients import Answer
from tests.simulation.callers import Caller, Service
from tests.simulation.market import PAIRS
from tests.simulation.verbs import Verb

#: Seconds between two attempts, and for how long a pair stays halted at most.
_PAUSE = 1.0
_HALTED = 3.0


async def halt(caller: Caller) -> None:
    """Halt, wait, and resume, each again until it is answered; meanwhile nothing new may be intended there."""
    pair = PAIRS[caller.number % len(PAIRS)].name
    cancel = HaltCancel.ALL if caller.random.random() < 0.3 else HaltCancel.NONE
    seq = (await until_done(caller, _halting(pair, cancel))).body["seq"]
    caller.told.halts(pair, seq)
    await asyncio.sleep(caller.random.random() * _HALTED)
    while True:
        caller.told.halts(pair, None)
        if (await caller.ask(_resuming(pair))).status == 200:
            break
        await asyncio.sleep(_PAUSE)


async def lift(caller: Caller) -> None:
    """Let trading go on under a halt that nobody knows of any more, as that of a call that came late."""
    pair = PAIRS[caller.number % len(PAIRS)].name
    caller.told.halts(pair, None)
    await caller.ask(_resuming(pair))


async def until_done(caller: Caller, service: Service) -> Answer:
    """Ask for ``service`` until it is answered."""
    while True:
        answer = await caller.ask(service)
        if answer.status == 200:
            return answer
        await asyncio.sleep(_PAUSE)


def _halting(pair: str, cancel: HaltCancel) -> Service:
    async def halt(gateway: Gateway) -> Answer:
        made = await gateway.safety.halting.halt(
            Scope(trading_pair=pair), mode=HaltMode.HALT, cancel=cancel, reason="simulated", record=record(gateway)
        )
        return Answer(status=200, body={"seq": made.halt.seq})

    return halt


def _resuming(pair: str) -> Service:
    async def resume(gateway: Gateway) -> Answer:
        await gateway.safety.halting.resume(Scope(trading_pair=pair), reason="simulated", record=record(gateway))
        return Answer(status=200)

    return resume


def record(gateway: Gateway) -> AuditRecord:
    """Who does it, for the audit log."""
    return AuditRecord(at=gateway.clock.now(), actor=Actor(name="caller"), operation="simulated")


VERB = Verb(weight=0.004, act=halt, needs_order=False)

"""Dead-man's switches inside the journal's transaction: what they are at this moment, and their firing.

A switch whose time is over fires before anything else about its account is decided, whichever unit comes first. So no intent has
a number between a deadline and its firing.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import DeadManThen, HaltMode
from app.domain.errors import CountdownMissing
from app.domain.order import AccountKey, Order
from app.domain.safety.dead_man import DEAD_MAN, DeadMan
from app.domain.safety.events import SafetyKind, dead_man_event, halted_event
from app.domain.safety.halts import Halt, stricter
from app.journal.batch import Batch


def read_switch(batch: Batch, account: AccountKey) -> DeadMan | None:
    """The switch of ``account``, read anew."""
    batch.read_switches()
    return batch.permits.state.switches.get(account)


def switch_at(batch: Batch, account: AccountKey, at: datetime) -> DeadMan | None:
    """The switch of ``account``, read anew unless what is known of it lets orders leave at ``at``: a deadline only moves on."""
    switch = batch.permits.state.switches.get(account)
    if switch is not None and switch.sends_until is not None and at >= switch.sends_until:
        switch = read_switch(batch, account)
    return switch


def fire_if_over(batch: Batch, account: AccountKey, at: datetime) -> DeadMan | None:
    """The switch of ``account`` at ``at``, after it has fired if its time is over."""
    switch = switch_at(batch, account, at)
    return fire(batch, switch, at) if switch is not None and switch.is_over(at) else switch


def check_countdown(batch: Batch, order: Order) -> None:
    """Raise ``CountdownMissing`` if the exchange holds the switch and has not started the countdown of the order's pair."""
    switch = batch.permits.state.switches.get(account_of(order))
    if switch is not None and switch.lacks_countdown(order.trading_pair):
        raise CountdownMissing(f"The exchange has not started the countdown of {order.trading_pair}; nothing was sent")


def fire(batch: Batch, switch: DeadMan, at: datetime) -> DeadMan:
    """Let a switch that is armed fire. What it halts is halted by the same transaction."""
    terms = switch.terms
    reason = f"the dead-man's switch was not renewed within {terms.timeout_seconds} seconds"
    fired = structs.replace(
        switch,
        armed_until=None,
        covered=(),
        ending=tuple(sorted({*switch.covered, *switch.ending})),
        fired_at=at,
        fired_seq=batch.head + 1,
        # What an earlier firing owes is owed still.
        clearing=terms.cancels if switch.clearing is None else stricter(terms.cancels, switch.clearing),
    )
    fired = batch.put_switch(fired, dead_man_event(SafetyKind.DEAD_MAN_FIRED, terms, at, reason=reason))
    if terms.then is DeadManThen.HALT:
        there = batch.permits.state.halt_of(terms.scope)
        cancel = terms.cancels if there is None else stricter(terms.cancels, there.cancel)
        halt = Halt(scope=terms.scope, mode=HaltMode.HALT, cancel=cancel, reason=reason, at=at, by=DEAD_MAN)
        if there is None or not there.is_as_strict_as(halt):
            batch.put_halt(halt, halted_event(halt))
    batch.audit(
        AuditRecord(at=at, actor=Actor(name=DEAD_MAN), operation="safety.fire_dead_man", object=str(terms.scope))
    )
    return fired


def account_of(order: Order) -> AccountKey:
    """The account that ``order`` belongs to."""
    return AccountKey(order.account_name, order.connector_name)

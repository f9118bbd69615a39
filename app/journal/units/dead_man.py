"""The units that arm, renew, disarm and fire dead-man's switches, and that note what runs at the exchange for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct, structs

from app.domain.audit import AuditRecord
from app.domain.order import AccountKey
from app.domain.safety.dead_man import ALL_PAIRS, DeadMan, DeadManTerms
from app.domain.safety.events import SafetyKind, dead_man_event
from app.journal.batch import Batch
from app.journal.units.firing import fire, read_switch
from app.journal.units.lines import check_lifts
from app.journal.units.safety import AskedUnit, SafetyUnit

#: What is told of a switch that another has armed.
_HOLDS = "The dead-man's switch, which another has armed, holds"


class Armed(Struct, frozen=True, kw_only=True):
    """A switch after its caller's word, and the pairs that its account has active orders of at that moment, as countdowns name
    them.
    """

    switch: DeadMan
    active: frozenset[str]


class Disarmed(Struct, frozen=True, kw_only=True):
    """A switch after it was to be disarmed, None if there never was one; and whether it was armed."""

    switch: DeadMan | None
    was_armed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDeadMan(AskedUnit[Armed]):
    """The caller's word: arm the switch or, under the same terms, renew it. One whose time is over fires before. Raises ``OwnHold``
    for other terms than those that another has set.

    A pair without an active order is not covered any more: its countdown is to be ended, and starts anew before its next order.
    ``for_all_pairs`` says that the exchange has one countdown for the whole account.
    """

    terms: DeadManTerms
    at: datetime
    record: AuditRecord
    for_all_pairs: bool = False

    def stage(self, batch: Batch) -> Armed:
        terms, at = self.terms, self.at
        there = read_switch(batch, terms.account)
        if there is not None and there.is_over(at):
            there = fire(batch, there, at)
        active = batch.active_pairs(terms.account) if terms.by_exchange else frozenset()
        if active and self.for_all_pairs:
            active = frozenset({ALL_PAIRS})
        earlier = there or DeadMan(terms=terms, by="", beat=0)
        is_renewal = earlier.armed_until is not None and earlier.terms == terms
        if earlier.armed_until is not None and not is_renewal:
            check_lifts(batch, self.record, terms.scope, _HOLDS, set_by_key=earlier.by_key)
        until = at + terms.timeout
        if is_renewal and earlier.armed_until is not None:
            # The clock of another process may be ahead: what it has promised holds.
            until = max(until, earlier.armed_until)
        switch = structs.replace(
            earlier,
            terms=terms,
            by=self.record.actor.name,
            by_key=earlier.by_key if is_renewal else self.record.actor.key_id,
            beat=earlier.beat + 1,
            armed_until=until,
            covered=tuple(sorted(active.intersection(earlier.covered))),
            ending=tuple(sorted({*earlier.covered, *earlier.ending} - active)),
        )
        batch.audit(self.record)
        if not is_renewal:
            event = dead_man_event(SafetyKind.DEAD_MAN_ARMED, terms, at, actor=self.record.actor)
            return Armed(switch=batch.put_switch(switch, event), active=active)
        changed = (switch.covered, switch.ending) != (earlier.covered, earlier.ending)
        return Armed(switch=batch.put_switch(switch, must_announce=changed), active=active)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisarmDeadMan(AskedUnit[Disarmed]):
    """Disarm the switch, unless its time is over: then it fires. Raises ``OwnHold``."""

    account: AccountKey
    at: datetime
    record: AuditRecord

    def stage(self, batch: Batch) -> Disarmed:
        there = read_switch(batch, self.account)
        if there is None or there.armed_until is None:
            return Disarmed(switch=there, was_armed=False)
        if there.is_over(self.at):
            return Disarmed(switch=fire(batch, there, self.at), was_armed=False)
        check_lifts(batch, self.record, there.terms.scope, _HOLDS, set_by_key=there.by_key)
        event = dead_man_event(SafetyKind.DEAD_MAN_DISARMED, there.terms, self.at, actor=self.record.actor)
        ending = tuple(sorted({*there.covered, *there.ending}))
        batch.audit(self.record)
        off = structs.replace(there, armed_until=None, covered=(), ending=ending)
        return Disarmed(switch=batch.put_switch(off, event), was_armed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FireDeadMan(SafetyUnit[DeadMan | None]):
    """Let the switch fire if its time is over; also if the caller's last word is still number ``unheard_since``, of which the
    process that asks has counted the seconds by a clock that nobody sets.
    """

    account: AccountKey
    at: datetime
    unheard_since: int | None

    def stage(self, batch: Batch) -> DeadMan | None:
        switch = read_switch(batch, self.account)
        if switch is None or switch.armed_until is None:
            return None
        if not switch.is_over(self.at) and switch.beat != self.unheard_since:
            return None
        return fire(batch, switch, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCountdowns(SafetyUnit[DeadMan | None]):
    """Note which countdowns the exchange has started, has not taken, and has ended, for the caller's word number ``beat``. After
    another word nothing is noted, and the switch tells so.
    """

    account: AccountKey
    beat: int
    started: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()

    def stage(self, batch: Batch) -> DeadMan | None:
        there = read_switch(batch, self.account)
        if there is None or there.beat != self.beat:
            return there
        covered, ending = set(there.covered), set(there.ending)
        if there.armed_until is None:
            # It has fired, or was disarmed: what runs at the exchange is to be ended.
            ending |= self.started | self.failed
        else:
            covered = (covered | self.started) - self.failed
            # One that was not taken may still run up to the deadline of before.
            ending = (ending | self.failed) - self.started
        switch = structs.replace(there, covered=tuple(sorted(covered)), ending=tuple(sorted(ending - self.ended)))
        return there if switch == there else batch.put_switch(switch)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndClearing(SafetyUnit[None]):
    """Nothing is left of what firing number ``fired_seq`` was to cancel."""

    account: AccountKey
    fired_seq: int

    def stage(self, batch: Batch) -> None:
        there = read_switch(batch, self.account)
        if there is not None and there.fired_seq == self.fired_seq and there.clearing is not None:
            batch.put_switch(structs.replace(there, clearing=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDeadMan(SafetyUnit[Mapping[AccountKey, DeadMan]]):
    """Read all switches as they are."""

    def stage(self, batch: Batch) -> Mapping[AccountKey, DeadMan]:
        batch.read_switches()
        return batch.permits.state.switches

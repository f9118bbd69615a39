"""Dead-man's switches: armed and renewed by callers, held by exchanges where they can, fired here where nobody has renewed them.

A firing is decided in the journal's transaction (``journal.units.firing``); here is who looks for it, and what follows: orders of
before are cancelled until none is left, which any process takes up from one that died. Every process with accounts looks, so one
that lives is enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from msgspec import Struct, structs

from app import failpoints
from app.clock import Clock
from app.concurrency.backoff import Backoff
from app.domain.audit import AuditRecord
from app.domain.enums import DeadManKeep, DeadManRequire
from app.domain.errors import NoExchangeCountdown, ProtectiveNotKept
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DEAD_MAN, DeadMan, DeadManTerms
from app.domain.safety.state import SafetyState
from app.domain.wording import text_of
from app.journal.journal import Journal
from app.journal.units.dead_man import ArmDeadMan, DisarmDeadMan, EndClearing, FireDeadMan, ReadDeadMan
from app.services.orders.countdowns import Countdowns
from app.services.safety.evidence import Evidence
from app.services.safety.sweeping import Sweeps
from app.services.sessions import Sessions

log = structlog.get_logger(__name__)

#: Seconds between two looks for deadlines that have passed.
_LOOK = 0.5
#: Seconds between two looks for what is left of a firing.
_CLEAR = (1.0, 1.0, 1.0, 2.0, 2.0, 5.0)


class DeadManStatus(Struct, frozen=True, kw_only=True):
    """A switch, and whether every pair that has an active order has a countdown at the exchange."""

    switch: DeadMan
    is_held_by_exchange: bool


class Disarmed(Struct, frozen=True, kw_only=True):
    """Whether a switch was armed, and the pairs whose countdown may still run at the exchange."""

    was_armed: bool
    still_counting: Sequence[str]


class DeadMen:
    """The verbs on switches, and the look for those whose time is over."""

    def __init__(
        self,
        *,
        journal: Journal,
        sessions: Sessions,
        countdowns: Countdowns,
        sweeps: Sweeps,
        evidence: Evidence,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._sessions = sessions
        self._countdowns = countdowns
        self._sweeps = sweeps
        self._evidence = evidence
        self._clock = clock
        #: The caller's last word that this process has seen of each switch, and when by the monotonic clock.
        self._heard: dict[AccountKey, tuple[int, float]] = {}
        self._clearing: dict[AccountKey, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    # -- verbs ----------------------------------------------------------------------------------------------------------

    async def arm(self, terms: DeadManTerms, record: AuditRecord) -> DeadManStatus:
        """Arm the switch of an account or renew it; durable, and then told to the exchange, before it returns.

        Raises ``NoExchangeCountdown`` and ``ProtectiveNotKept`` with nothing changed. Where the exchange must hold it, also raises
        what kept the exchange from it: the gateway then holds it all the same, until the deadline.
        """
        connector = await self._sessions.connector(terms.account)
        can = connector.capabilities
        least, most = can.countdown_seconds
        by_exchange = can.countdown != "none" and least <= terms.timeout_seconds <= most
        if terms.require is DeadManRequire.EXCHANGE and not by_exchange:
            raise NoExchangeCountdown(connector.name, None if can.countdown == "none" else can.countdown_seconds)
        if terms.keep is DeadManKeep.PROTECTIVE and by_exchange:
            raise ProtectiveNotKept(connector.name)
        terms = structs.replace(terms, by_exchange=by_exchange)
        unit = ArmDeadMan(terms=terms, at=self._clock.now(), record=record, for_all_pairs=can.countdown == "account")
        armed = await self._journal.decide(unit)
        switch = armed.switch
        failpoints.reach("dead_man.armed")
        if not by_exchange and not switch.ending:
            return DeadManStatus(switch=switch, is_held_by_exchange=False)
        renewed = await self._countdowns.renew(switch, armed.active)
        if renewed.failures and terms.require is DeadManRequire.EXCHANGE:
            raise next(iter(renewed.failures.values()))
        return DeadManStatus(switch=renewed.switch, is_held_by_exchange=by_exchange and not renewed.failures)

    async def disarm(self, account: AccountKey, record: AuditRecord) -> Disarmed:
        """Disarm the switch of an account, at the exchange as well. One whose time is over fires."""
        await self._sessions.connector(account)
        found = await self._journal.decide(DisarmDeadMan(account=account, at=self._clock.now(), record=record))
        failpoints.reach("dead_man.disarmed")
        switch = found.switch
        if switch is not None and switch.ending and switch.clearing is None:
            switch = await self._countdowns.end(account)
        left = () if switch is None or switch.armed_until is not None else switch.ending
        return Disarmed(was_armed=found.was_armed, still_counting=left)

    async def status(self) -> Sequence[DeadManStatus]:
        """The switches that are armed, or have fired since they were."""
        switches = await self._journal.decide(ReadDeadMan())
        return [
            DeadManStatus(switch=switch, is_held_by_exchange=await self._is_covered(switch))
            for switch in switches.values()
            if switch.armed_until is not None or switch.is_fired
        ]

    async def seconds_left(self) -> Mapping[AccountKey, float]:
        """The seconds until each switch that is armed fires; below zero where it should have."""
        now = self._clock.now()
        if all(switch.armed_until is None for switch in (await self._journal.safety()).switches.values()):
            return {}
        switches = await self._journal.decide(ReadDeadMan())
        return {
            account: (switch.armed_until - now).total_seconds()
            for account, switch in switches.items()
            if switch.armed_until is not None
        }

    def clearing_for(self, state: SafetyState) -> Mapping[AccountKey, float]:
        """The seconds since the firing of each switch of which not all is done that was to be canceled or ended."""
        now = self._clock.now()
        return {
            account: max(0.0, (now - switch.fired_at).total_seconds())
            for account, switch in state.switches.items()
            if switch.clearing is not None and switch.fired_at is not None
        }

    async def _is_covered(self, switch: DeadMan) -> bool:
        if switch.armed_until is None or not switch.terms.by_exchange:
            return False
        active = {stored.order.trading_pair for stored in await self._evidence.orders_of(switch.terms.scope)}
        return all(map(switch.is_covered, active))

    # -- firing ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look for switches whose time is over."""
        self._task = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        """Stop; may be called twice."""
        tasks = [*self._clearing.values(), *(() if self._task is None else (self._task,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                switches = (await self._journal.safety()).switches
            except Exception as error:  # noqa: BLE001 - the database can't be asked now; the next look tries again
                log.warning("dead-man's switches not looked at", error=type(error).__name__)
                switches = {}
            for account, switch in switches.items():
                try:
                    await self._look(account, switch)
                except Exception as error:  # noqa: BLE001 - the next look tries again, and the others are looked at now
                    log.warning("dead-man's switch not looked at", **account._asdict(), error=type(error).__name__)
            await self._clock.sleep(_LOOK)

    async def _look(self, account: AccountKey, switch: DeadMan) -> None:
        unheard_since = self._unheard_since(account, switch)
        if switch.is_over(self._clock.now()) or unheard_since is not None:
            unit = FireDeadMan(account=account, at=self._clock.now(), unheard_since=unheard_since)
            fired = await self._journal.decide(unit)
            if fired is not None:
                failpoints.reach("dead_man.fired")
                log.warning("dead-man's switch fired", **account._asdict(), seq=fired.fired_seq)
                switch = fired
        has_work = switch.clearing is not None or (switch.ending and switch.armed_until is None)
        if has_work and account not in self._clearing:
            task = asyncio.get_running_loop().create_task(self._clear(account))
            self._clearing[account] = task
            task.add_done_callback(lambda _: self._clearing.pop(account, None))

    def _unheard_since(self, account: AccountKey, switch: DeadMan) -> int | None:
        """The caller's last word, if this process has waited the whole time for another: the wall clock may have been set back."""
        now = self._clock.monotonic()
        beat, heard_at = self._heard.get(account, (0, now))
        if beat != switch.beat:
            self._heard[account] = switch.beat, now
            return None
        is_late = switch.armed_until is not None and now - heard_at > switch.terms.timeout_seconds
        return beat if is_late else None

    async def _clear(self, account: AccountKey) -> None:
        """Cancel what a firing is to cancel until nothing of it is left, and end what runs at the exchange."""
        backoff = Backoff(_CLEAR)
        while (switch := (await self._journal.safety()).switches.get(account)) is not None:
            try:
                if await self._clear_once(switch):
                    return
            except Exception as error:  # noqa: BLE001 - the database or the exchange can't be asked now; it is tried again
                log.warning("not cleared", **account._asdict(), error=type(error).__name__, text=text_of(error))
            await self._clock.sleep(backoff.next_pause())

    async def _clear_once(self, switch: DeadMan) -> bool:
        """One round. Whether nothing is left to do."""
        account = switch.terms.account
        if switch.clearing is not None and not await self._sweeps.clear(
            switch.terms.scope, switch.clearing, by=DEAD_MAN, before=switch.fired_seq
        ):
            # What runs at the exchange may still do it.
            return False
        ended = await self._countdowns.end(account)
        if ended is None or (ended.armed_until is None and ended.ending):
            return False
        if switch.clearing is not None and switch.fired_seq is not None:
            failpoints.reach("dead_man.cleared")
            await self._journal.decide(EndClearing(account=account, fired_seq=switch.fired_seq))
        return True

"""The verbs halt and resume, and what is told of a halt that holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.enums import HaltCancel, HaltMode, OrderState
from app.domain.safety.halts import Halt
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.permits import TRUSTED_SECONDS
from app.journal.units.safety import HaltTrading, ReadHalts, ResumeTrading
from app.services.safety.evidence import Alive, Evidence
from app.services.safety.sweeping import Sweeps

#: Seconds within which a halt is answered, whatever is left.
_ANSWER_SECONDS = 4.0
#: Seconds between two looks at what is left.
_LOOK = 0.05


class HaltStatus(Struct, frozen=True, kw_only=True):
    """A halt, and what is alive in its scope."""

    halt: Halt
    alive: Alive


class Resumed(Struct, frozen=True, kw_only=True):
    """What a resume has ended, None if there was nothing to end; ``remaining`` are the halts that still hold."""

    ended: Halt | None
    remaining: Sequence[Halt]


class Halting:
    """Halts, resumes, and tells what is left."""

    def __init__(self, *, journal: Journal, evidence: Evidence, sweeps: Sweeps, clock: Clock) -> None:
        self._journal = journal
        self._evidence = evidence
        self._sweeps = sweeps
        self._clock = clock

    async def halt(
        self, scope: Scope, *, mode: HaltMode, cancel: HaltCancel, reason: str, record: AuditRecord
    ) -> HaltStatus:
        """Take nothing more in ``scope``, or only what reduces; then chase what is unknown and cancel what is to be cancelled.

        Durable before anything else is done. Returns as soon as nothing is left, at the latest after a few seconds: what is left
        then is worked on. The same halt again is the one that holds. No order that was intended before it leaves after the return.
        """
        by, at = record.actor, self._clock.now()
        wanted = Halt(scope=scope, mode=mode, cancel=cancel, reason=reason, at=at, by=by.name, by_key=by.key_id)
        halt = await self._journal.decide(HaltTrading(halt=wanted, record=record))
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._finish(halt)
        return HaltStatus(halt=halt, alive=await self._evidence.alive(scope))

    async def _finish(self, halt: Halt) -> None:
        """Wait for what may still be about to leave, then sweep."""
        until = self._clock.monotonic() + TRUSTED_SECONDS
        while self._clock.monotonic() < until and await self._has_in_flight(halt):
            await self._clock.sleep(_LOOK)
        await self._sweeps.sweep(halt)

    async def _has_in_flight(self, halt: Halt) -> bool:
        orders = await self._evidence.orders_of(halt.scope)
        return any(stored.order.state is OrderState.PENDING and stored.number < halt.seq for stored in orders)

    async def resume(self, scope: Scope, *, reason: str, record: AuditRecord) -> Resumed:
        """End the halt of exactly ``scope``. Those of wider and narrower scopes still hold. Raises ``OwnHold``."""
        at = self._clock.now()
        ended = await self._journal.decide(ResumeTrading(scope=scope, reason=reason, at=at, record=record))
        _, remaining = await self._journal.decide(ReadHalts())
        return Resumed(ended=ended, remaining=remaining)

    async def status(self) -> tuple[int, Sequence[HaltStatus]]:
        """The head of the journal, and every halt that holds with what is alive in its scope."""
        seq, halts = await self._journal.decide(ReadHalts())
        return seq, [HaltStatus(halt=halt, alive=await self._evidence.alive(halt.scope)) for halt in halts]

"""Halts, limits and dead-man's switches for one caller. A bounded caller sets only what lies whole within the bounds, and sees
only that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import structs

from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.enums import HaltCancel, HaltMode
from app.domain.errors import OutOfBounds
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DeadManTerms
from app.domain.safety.limits import LimitSet
from app.domain.safety.scope import Scope
from app.journal.units.safety import Usage
from app.services.bounded.bounds import Bounds
from app.services.safety.dead_man import DeadManStatus, Disarmed
from app.services.safety.halting import HaltStatus, Resumed
from app.services.safety.safety import Safety

#: Makes what the audit log is to hold of an operation and its object.
Record = Callable[[str, str], AuditRecord]


class CallersSafety:
    """The verbs for one caller."""

    def __init__(
        self, safety: Safety, caller: Caller, bounds: Bounds, record: Record, noted: Callable[[], None]
    ) -> None:
        self._safety = safety
        self._caller = caller
        self._bounds = bounds
        self._record = record
        self._noted = noted

    async def status(self) -> tuple[int, Sequence[HaltStatus]]:
        """The head of the journal, and every halt that holds."""
        seq, found = await self._safety.halting.status()
        return seq, [each for each in found if self._is_within(each.halt.scope)]

    async def halt(self, scope: Scope, *, mode: HaltMode, cancel: HaltCancel, reason: str) -> HaltStatus:
        """Halt a scope, as ``Halting.halt`` does."""
        self._check(scope)
        await self._safety.naming.check(scope)
        record = self._record("safety.halt", str(scope))
        made = await self._safety.halting.halt(scope, mode=mode, cancel=cancel, reason=reason, record=record)
        self._noted()
        return made

    async def resume(self, scope: Scope, *, reason: str) -> Resumed:
        """End the halt of a scope, as ``Halting.resume`` does."""
        self._check(scope)
        await self._safety.naming.check(scope)
        resumed = await self._safety.halting.resume(
            scope, reason=reason, record=self._record("safety.resume", str(scope))
        )
        self._noted()
        return structs.replace(resumed, remaining=[each for each in resumed.remaining if self._is_within(each.scope)])

    async def dead_men(self) -> Sequence[DeadManStatus]:
        """The dead-man's switches."""
        found = await self._safety.dead_men.status()
        return [each for each in found if self._is_within(each.switch.terms.scope)]

    async def arm(self, terms: DeadManTerms) -> DeadManStatus:
        """Arm or renew a dead-man's switch, as ``DeadMen.arm`` does."""
        self._check(terms.scope)
        status = await self._safety.dead_men.arm(terms, self._record("safety.arm_dead_man", str(terms.scope)))
        self._noted()
        return status

    async def disarm(self, account: AccountKey) -> Disarmed:
        """Disarm a dead-man's switch, as ``DeadMen.disarm`` does."""
        scope = Scope(account_name=account.account_name, connector_name=account.connector_name)
        self._check(scope)
        disarmed = await self._safety.dead_men.disarm(account, self._record("safety.disarm_dead_man", str(scope)))
        if disarmed.was_armed:
            self._noted()
        return disarmed

    async def usage(self) -> Usage:
        """The limits with what is used of them."""
        usage = await self._safety.limiting.usage()
        return structs.replace(usage, used=[each for each in usage.used if self._is_within(each[0].scope)])

    async def set_limits(
        self,
        scope: Scope,
        changes: Mapping[str, object],
        *,
        unlimited_reason: str | None,
        versions: Collection[str] | None,
    ) -> LimitSet:
        """Change limits of a scope, as ``Limiting.set`` does."""
        self._check(scope)
        pairs = changes.get("allowed_pairs")
        await self._safety.naming.check(scope, pairs if isinstance(pairs, tuple) else ())
        made = await self._safety.limiting.set(
            scope,
            changes,
            unlimited_reason=unlimited_reason,
            versions=versions,
            record=self._record("safety.set_limits", str(scope)),
        )
        self._noted()
        return made

    async def undecided(self) -> Sequence[AccountKey]:
        """The live accounts on which nobody has decided about limits."""
        return await self._safety.limiting.undecided()

    def _is_within(self, scope: Scope) -> bool:
        try:
            self._check(scope)
        except OutOfBounds:
            return False
        return True

    def _check(self, scope: Scope) -> None:
        """Raise ``OutOfBounds`` if ``scope`` reaches further than the caller."""
        if self._bounds.is_whole:
            return
        caller = self._caller
        for kind, part, allowed in (
            ("account", scope.account_name, caller.accounts),
            ("connector", scope.connector_name, self._bounds.connectors()),
            ("trading pair", scope.trading_pair, caller.pairs),
        ):
            if allowed and part not in allowed:
                raise OutOfBounds(kind, part, allowed)

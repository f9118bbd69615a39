"""Setting limits, and telling what is used of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.errors import InvalidArgument, ReferencePriceMissing
from app.domain.order import AccountKey
from app.domain.safety.admission import Missing
from app.domain.safety.limits import LimitSet
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.units.safety import ReadUsage, SetLimits, Usage
from app.services.orders.admitting import Admissions
from app.storage.accounts import Accounts

_ATTEMPTS = 3


class Limiting:
    """The verbs on limits."""

    def __init__(self, *, journal: Journal, accounts: Accounts, admissions: Admissions, clock: Clock) -> None:
        self._journal = journal
        self._accounts = accounts
        self._admissions = admissions
        self._clock = clock

    async def set(
        self,
        scope: Scope,
        changes: Mapping[str, object],
        *,
        unlimited_reason: str | None,
        versions: Collection[str] | None,
        record: AuditRecord,
    ) -> LimitSet:
        """Change limits of ``scope``: those in ``changes``, where None lifts one; or say why it has none.

        Raises ``ChangeConflict`` if the limits are none of ``versions`` any more, ``InvalidArgument`` if both are asked for,
        ``OwnHold`` to a key that they hold for.
        """
        if unlimited_reason is not None and any(value is not None for value in changes.values()):
            raise InvalidArgument("A scope that is unlimited has no limits: set one or the other")
        return await self._journal.decide(
            SetLimits(
                scope=scope,
                changes=changes,
                unlimited_reason=unlimited_reason,
                at=self._clock.now(),
                record=record,
                versions=versions,
            )
        )

    async def usage(self) -> Usage:
        """All limits with what is used of them. Raises ``ReferencePriceMissing`` where a currency's value can't be had."""
        currencies: frozenset[str] = frozenset()
        for _ in range(_ATTEMPTS):
            rates = await self._admissions.rates(currencies)
            try:
                return await self._journal.decide(ReadUsage(rates=rates, at=self._clock.now()))
            except Missing as missing:
                currencies |= missing.currencies
        raise ReferencePriceMissing(", ".join(sorted(currencies)))

    async def undecided(self) -> Sequence[AccountKey]:
        """The live accounts on which nobody has decided about limits: no scope that covers them whole has any."""
        sets = [each for each in (await self._journal.safety()).sets if each.is_set]
        accounts = await asyncio.to_thread(self._accounts.all_credentials)
        return [
            account
            for account in accounts
            if self._admissions.is_live(account.connector_name) and not _covered(sets, account)
        ]


def _covered(sets: Sequence[LimitSet], account: AccountKey) -> bool:
    return any(
        each.scope.reaches(*account) and each.scope.trading_pair is None and each.scope.key_id is None for each in sets
    )

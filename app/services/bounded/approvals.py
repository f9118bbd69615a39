"""Approvals for one caller: those within the bounds are seen, and decided by another person than the one who asked.

Who asked must still be allowed to place the order: what they may do is looked at as it is now, and once more in the transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from app.domain.acting import Acting
from app.domain.audit import AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.enums import ApprovalState, Scope
from app.domain.errors import ApprovalNotFound, ApprovalVoid, InvalidArgument, OrdergateError
from app.domain.safety.approvals import Approval
from app.journal.reading.approvals import ApprovalFilter
from app.journal.units.guard import Decision, Guard, View, check_caller, check_other
from app.services.accounts.directory import Directory
from app.services.bounded.bounds import Bounds
from app.services.safety.approving import Approving, Decided
from app.storage.records import Page

#: Makes what the audit log is to hold of an operation and its object.
Record = Callable[[str, str], AuditRecord]

#: The operation of the contract that decides.
OPERATION = "approvals.decide"


class CallersApprovals:
    """The verbs for one caller, whom ``guard`` checks where an order follows from a decision."""

    def __init__(
        self, approving: Approving, directory: Directory, bounds: Bounds, guard: Guard, acting: Acting, record: Record
    ) -> None:
        self._approving = approving
        self._directory = directory
        self._bounds = bounds
        self._guard = guard
        self._acting = acting
        self._record = record

    async def page(self, state: ApprovalState | None, *, limit: int, cursor: str | None) -> Page[Approval]:
        """Approvals, newest first. Raises ``InvalidCursor``."""
        wanted = ApprovalFilter(
            state=state,
            account_names=self._bounds.accounts(),
            connector_names=self._bounds.connectors(),
            trading_pairs=self._bounds.pairs(),
        )
        return await self._approving.page(wanted, limit=limit, cursor=cursor)

    async def get(self, approval_id: str) -> Decided:
        """The approval of that id, with its order. Raises ``ApprovalNotFound``, also for one out of bounds."""
        found = await self._approving.get(approval_id)
        if not self._bounds.holds(*found.approval.place[:3]):
            raise ApprovalNotFound
        return found

    async def approve(self, approval_id: str, reason: str | None) -> Decided:
        """Approve what waits, as ``Approving.approve`` does. Raises ``OwnApproval``, and ``ApprovalVoid`` if who asked may not
        place the order any more.
        """
        approval = (await self.get(approval_id)).approval
        by_another = partial(check_other, approval.asked_by, self._acting.actor)
        guard = replace(self._guard, checks=(*self._guard.checks, by_another))
        decision = Decision(number=approval.number, guard=guard, reason=reason)
        return await self._approving.approve(approval, await self._asker(approval, decision))

    async def refuse(self, approval_id: str, reason: str | None) -> Decided:
        """Refuse what waits, as ``Approving.refuse`` does. Raises ``InvalidArgument`` without a reason, and ``OwnApproval``."""
        if reason is None:
            raise InvalidArgument("To refuse needs a reason: say why the order is not placed")
        approval = (await self.get(approval_id)).approval
        decided = await self._approving.refuse(approval, self._record(OPERATION, approval_id), reason)
        self._acting.note_audited()
        return decided

    async def _asker(self, approval: Approval, decision: Decision) -> Guard:
        """The guard of who asked, with what they may do now, and with ``decision``."""
        if not approval.is_awaiting:
            return Guard(actor=approval.asked_by)
        asked_by = approval.asked_by
        caller: Caller | None
        if asked_by.key_id is None:
            caller = await self._directory.caller_of(asked_by.name)
        else:
            key = await self._directory.key(asked_by.key_id)
            caller = None if key is None or not key.is_valid(self._approving.clock.now()) else key.caller
        if caller is None or Scope.ORDERS_PLACE not in caller.scopes:
            raise ApprovalVoid(asked_by.name, "the key or user is not valid any more, or may not place")
        if not Bounds(caller, self._bounds.environments).holds(*approval.place[:3]):
            raise ApprovalVoid(asked_by.name, "the order is out of bounds")
        checks = () if caller.version is None else (partial(_check_asker, caller, asked_by),)
        return Guard(actor=asked_by, operation="trading.place_order", checks=checks, decision=decision)


def _check_asker(caller: Caller, asked_by: Actor, view: View) -> list[OrdergateError]:
    """Whether who asked is still what they were a moment ago."""
    return [ApprovalVoid(asked_by.name, each.detail) for each in check_caller(caller, view)]

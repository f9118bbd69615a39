"""The verbs on approvals: seeing what waits, and deciding about it.

To approve is to place in the name of who asked, with every check made anew. That an approval has expired is an event, written
before anybody is told; a loop writes it for those that nobody asks about.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from msgspec import Struct

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.enums import ApprovalState
from app.domain.errors import ApprovalDecided, ApprovalExpired, ApprovalNotFound, OrdergateError, Refused
from app.domain.order import Order, OrderKey
from app.domain.safety.approvals import Approval, number_in
from app.journal.journal import Journal
from app.journal.reading.approvals import ApprovalFilter, Approvals
from app.journal.units.approvals import ExpireApprovals, RefuseApproval
from app.journal.units.guard import Guard
from app.services.orders.placing import Orders
from app.storage.records import Page

log = structlog.get_logger(__name__)

#: Seconds between two looks for approvals that must expire: one small query each.
_LOOK = 2.0


class Decided(Struct, frozen=True, kw_only=True):
    """An approval, and its order as it stands, if there is one."""

    approval: Approval
    order: Order | None = None


class Approving:
    """The verbs on approvals."""

    def __init__(
        self,
        *,
        journal: Journal,
        orders: Orders,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._approvals = Approvals(journal.database)
        self._orders = orders
        self.clock = clock
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what must expire."""
        self._loop = asyncio.get_running_loop().create_task(self._expire_for_ever())

    async def close(self) -> None:
        """Stop looking; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def page(self, wanted: ApprovalFilter, *, limit: int, cursor: str | None) -> Page[Approval]:
        """Approvals, newest first. Raises ``InvalidCursor``."""
        await self.expire()
        return await asyncio.to_thread(partial(self._approvals.page, wanted, limit=limit, cursor=cursor))

    async def get(self, approval_id: str) -> Decided:
        """The approval of that id, with its order. Raises ``ApprovalNotFound``."""
        await self.expire()
        number = number_in(approval_id)
        approval = None if number is None else await asyncio.to_thread(self._approvals.get, number)
        if approval is None:
            raise ApprovalNotFound
        return await self._with_order(approval)

    async def count(self) -> int:
        """How many wait."""
        return (await asyncio.to_thread(self._approvals.awaiting))[0]

    async def expire(self) -> None:
        """Let those be over for which it is time."""
        _, first = await asyncio.to_thread(self._approvals.awaiting)
        if first is not None and self.clock.now() >= first:
            await self._journal.decide(ExpireApprovals(at=self.clock.now()))

    async def approve(self, approval: Approval, asker: Guard) -> Decided:
        """Approve what waits, and place its order for who asked, whom ``asker`` checks, which has the decision. The same again is
        answered with what stands.

        Raises ``ApprovalExpired``, ``ApprovalDecided``, ``ApprovalUsed``, and what keeps the order from being placed; it goes on
        waiting then.
        """
        try:
            if approval.is_awaiting:
                await self._orders.place(approval.request, asker)
        except Refused:
            # Where the approval is given, the refusal is about the order, which tells it.
            if (await self._reread(approval)).state is not ApprovalState.APPROVED:
                raise
        return await self._decided(await self._reread(approval), ApprovalState.APPROVED)

    async def refuse(self, approval: Approval, record: AuditRecord, reason: str) -> Decided:
        """Refuse what waits. The same again is answered with what stands. Raises ``ApprovalExpired`` and ``ApprovalDecided``."""
        if approval.is_awaiting:
            unit = RefuseApproval(number=approval.number, record=record, reason=reason, at=self.clock.now())
            approval = await self._journal.decide(unit)
        return await self._decided(approval, ApprovalState.REFUSED)

    async def _reread(self, approval: Approval) -> Approval:
        found = await asyncio.to_thread(self._approvals.get, approval.number)
        assert found is not None, "approvals are never deleted"
        return found

    async def _decided(self, approval: Approval, wanted: ApprovalState) -> Decided:
        if approval.state is ApprovalState.EXPIRED:
            raise ApprovalExpired(approval.approval_id)
        if approval.state is not wanted:
            raise ApprovalDecided(approval.approval_id, approval.state, approval.decided_by)
        return await self._with_order(approval)

    async def _with_order(self, approval: Approval) -> Decided:
        if approval.state is not ApprovalState.APPROVED or approval.order_id is None:
            return Decided(approval=approval)
        key = OrderKey(
            account_name=approval.account_name,
            connector_name=approval.connector_name,
            order_id=approval.order_id,
        )
        return Decided(approval=approval, order=await asyncio.to_thread(self._journal.find_order, key))

    async def _expire_for_ever(self) -> None:
        while True:
            try:
                await self.expire()
            except OrdergateError as error:
                log.warning("approvals not looked at", error=type(error).__name__)
            await self.clock.sleep(_LOOK)

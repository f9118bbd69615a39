"""The units that decide about approvals, each in one transaction with what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from app.domain.audit import AuditRecord
from app.domain.enums import ApprovalState
from app.domain.errors import OwnApproval
from app.domain.safety.approvals import Approval
from app.journal.batch import Batch
from app.journal.units.asking import current, expire
from app.journal.units.lines import is_own
from app.journal.units.safety import AskedUnit, SafetyUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseApproval(AskedUnit[Approval]):
    """Refuse what waits; what is decided already is returned as it is. Raises ``OwnApproval``."""

    number: int
    record: AuditRecord
    reason: str
    at: datetime

    def stage(self, batch: Batch) -> Approval:
        there = current(batch, self.number, self.at)
        if not there.is_awaiting:
            return there
        if is_own(batch, there.asked_by, self.record.actor):
            raise OwnApproval
        decided = structs.replace(
            there,
            state=ApprovalState.REFUSED,
            decided_by=self.record.actor.name,
            decided_at=self.at,
            reason=self.reason,
        )
        batch.audit(self.record)
        return batch.put_approval(decided, self.at, self.record.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireApprovals(SafetyUnit[int]):
    """Let all that are due at ``at`` be over. Return how many these were."""

    at: datetime

    def stage(self, batch: Batch) -> int:
        due = [each for each in batch.approvals.awaiting() if each.is_due(self.at)]
        for each in due:
            expire(batch, each, self.at)
        return len(due)

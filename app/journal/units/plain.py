"""The units that are about no order: a probe of the journal, and rows of the audit log that stand in no other transaction."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.audit import AuditRecord
from app.domain.order import OrderKey
from app.journal.batch import Batch, IdempotencyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Writes nothing that can be read: it finds out whether the journal could be written. Only one that ``is_writing`` finds out
    whether there is room for it.
    """

    is_writing: bool
    is_intent: bool = False
    asked: None = None
    keys: tuple[OrderKey, ...] = ()
    idempotency_keys: tuple[IdempotencyKey, ...] = ()

    def stage(self, batch: Batch) -> None:
        batch.must_write = batch.must_write or self.is_writing


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAudit:
    """A row of the audit log about what is in no transaction, such as a refusal."""

    record: AuditRecord
    is_intent: bool = False
    asked: None = None
    keys: tuple[OrderKey, ...] = ()
    idempotency_keys: tuple[IdempotencyKey, ...] = ()

    def stage(self, batch: Batch) -> None:
        batch.audit(self.record)

"""The units that make and delete API keys, with the limits of a key's own, so that no key is there for a moment without them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.api_key import ApiKey
from app.domain.audit import AuditRecord
from app.domain.errors import InvalidArgument, UnknownKey
from app.domain.safety.events import SafetyEvent, SafetyKind
from app.domain.safety.limits import NO_LIMITS, Limits, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import SafetyState
from app.journal.batch import Batch
from app.journal.statements import FIND_KEY
from app.journal.units.safety import SafetyUnit


def check_opener(state: SafetyState, key_id: str) -> None:
    """Raise ``InvalidArgument`` if the key has limits of its own or is halted, to which another key that it opens would not be
    held.
    """
    if state.holds_back_key(key_id):
        raise InvalidArgument(
            "A key that has limits of its own, or is halted, makes no keys and opens no other, for which these would not hold"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeKey(SafetyUnit[None]):
    """Add ``key``, whose scope gets ``limits``. ``maker_id`` is the key that makes it, if it is one. Raises as ``check_opener``
    does.
    """

    key: ApiKey
    limits: Limits
    record: AuditRecord
    maker_id: str | None = None

    def stage(self, batch: Batch) -> None:
        if self.maker_id is not None:
            check_opener(batch.permits.state, self.maker_id)
        batch.audit(self.record)
        batch.add_key(self.key)
        if self.limits.given:
            _put_limits(batch, self.key.key_id, self.limits, self.key.created_at, self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteKey(SafetyUnit[None]):
    """End a key for good, and lift the limits of its own, which nothing could use any more. Raises ``UnknownKey``."""

    key_id: str
    at: datetime
    record: AuditRecord

    def stage(self, batch: Batch) -> None:
        rows = batch.safety(FIND_KEY, (self.key_id,))
        if not rows or rows[0][2] is not None:
            raise UnknownKey(self.key_id)
        batch.audit(self.record)
        batch.delete_key(self.key_id, self.at)
        there = batch.permits.state.set_of(Scope(key_id=self.key_id))
        if there is not None and there.is_set:
            _put_limits(batch, self.key_id, NO_LIMITS, self.at, self.record)


def _put_limits(batch: Batch, key_id: str, limits: Limits, at: datetime, record: AuditRecord) -> None:
    scope = Scope(key_id=key_id)
    event = SafetyEvent(kind=SafetyKind.LIMITS_SET, at=at, scope=scope, limits=limits, actor=record.actor)
    batch.put_limits(LimitSet(scope=scope, limits=limits), event)

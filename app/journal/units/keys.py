"""The units that make, change and end API keys: a key's own limits with it, so that no key is there for a moment without them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from app.domain.api_key import ApiKey
from app.domain.audit import AuditRecord
from app.domain.errors import InvalidArgument, UnknownKey
from app.domain.safety.events import SafetyEvent, SafetyKind
from app.domain.safety.limits import NO_LIMITS, Limits, LimitSet
from app.domain.safety.scope import Scope
from app.journal.batch import Batch
from app.journal.units.safety import AskedUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeKey(AskedUnit[None]):
    """Add ``key``, whose scope gets ``limits``. Raises ``InvalidArgument`` if the key that makes it is held back, may not be used
    from everywhere where it might, or ends before it.
    """

    key: ApiKey
    limits: Limits
    record: AuditRecord

    def stage(self, batch: Batch) -> None:
        maker = self.record.actor.key_id
        _check_opener(batch, maker, self.key)
        if maker is not None and (there := batch.keys.get(maker)) is not None and self.key.outlives(there):
            raise InvalidArgument(
                f"expires_at must not be later than that of the key that makes it: {there.expires_at}"
            )
        batch.audit(self.record)
        batch.keys.add(structs.replace(self.key, told=() if maker is None else (maker,)))
        if self.limits.given:
            _put_limits(batch, self.key.key_id, self.limits, self.key.created_at, self.record)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKey(AskedUnit[ApiKey]):
    """Give a key another secret, of which ``secret_hash`` is stored; the one that it has opens it until ``previous_until``. Raises
    ``UnknownKey``, and ``InvalidArgument`` if another key asks that is held back.
    """

    key_id: str
    secret_hash: bytes
    previous_until: datetime
    record: AuditRecord

    def stage(self, batch: Batch) -> ApiKey:
        key, teller = _find(batch, self.key_id), self.record.actor.key_id
        is_other = teller not in (None, self.key_id)
        _check_opener(batch, teller if is_other else None, key)
        told = {*key.told, teller} if is_other and teller is not None else {*key.told}
        batch.audit(self.record)
        return batch.keys.change(
            structs.replace(
                key,
                secret_hash=self.secret_hash,
                previous_hash=key.secret_hash,
                previous_until=self.previous_until,
                told=tuple(sorted(told)),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeyDisabled(AskedUnit[ApiKey]):
    """Let a key open nothing from ``disabled_at`` on; None lets it open again what it did. Raises ``UnknownKey``, and
    ``InvalidArgument`` if another key asks to enable it that is held back.
    """

    key_id: str
    disabled_at: datetime | None
    record: AuditRecord

    def stage(self, batch: Batch) -> ApiKey:
        key, by = _find(batch, self.key_id), self.record.actor.key_id
        _check_opener(batch, by if self.disabled_at is None and by != self.key_id else None, key)
        batch.audit(self.record)
        return batch.keys.change(structs.replace(key, disabled_at=self.disabled_at, version=batch.keys.next_version))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteKey(AskedUnit[None]):
    """End a key for good, and lift the limits of its own, which nothing could use any more. Raises ``UnknownKey``."""

    key_id: str
    at: datetime
    record: AuditRecord

    def stage(self, batch: Batch) -> None:
        key = _find(batch, self.key_id)
        batch.audit(self.record)
        batch.keys.change(structs.replace(key, deleted_at=self.at, version=batch.keys.next_version))
        there = batch.permits.state.set_of(Scope(key_id=self.key_id))
        if there is not None and there.is_set:
            _put_limits(batch, self.key_id, NO_LIMITS, self.at, self.record)


def _find(batch: Batch, key_id: str) -> ApiKey:
    key = batch.keys.get(key_id)
    if key is None or key.deleted_at is not None:
        raise UnknownKey(key_id)
    return key


def _check_opener(batch: Batch, key_id: str | None, other: ApiKey) -> None:
    """Raise ``InvalidArgument`` if the key has limits of its own, is halted, or works from certain addresses only, to which
    ``other``, which it opens, would not be held.
    """
    if key_id is None:
        return
    opener = batch.keys.get(key_id)
    if opener is not None and not opener.admits_all_of(other):
        raise InvalidArgument(
            "allowed_ips must be among those of the key that makes or opens it: " + ", ".join(opener.allowed_ips or ())
        )
    if batch.permits.state.holds_back_key(key_id):
        raise InvalidArgument(
            "A key that has limits of its own, or is halted, makes no keys and opens no other, for which these would not hold"
        )


def _put_limits(batch: Batch, key_id: str, limits: Limits, at: datetime, record: AuditRecord) -> None:
    scope = Scope(key_id=key_id)
    event = SafetyEvent(kind=SafetyKind.LIMITS_SET, at=at, scope=scope, limits=limits, actor=record.actor)
    batch.put_limits(LimitSet(scope=scope, limits=limits), event)

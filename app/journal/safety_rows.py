"""Halts, limits and their events to rows and back. A part of a scope that is absent is an empty text, since it is part of a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import select

from app.domain.caller import Actor
from app.domain.enums import ApprovalState, DeadManKeep, DeadManRequire, DeadManThen, HaltCancel, HaltMode
from app.domain.order import AccountKey
from app.domain.safety.approvals import Approval
from app.domain.safety.dead_man import DeadMan, DeadManTerms
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Limits, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import SafetyState
from app.journal.rows import Row
from app.storage.database import Database
from app.storage.tables import DEAD_MAN, HALTS, LIMITS, SEQUENCE
from app.storage.types import Codec

_ENCODER = msgspec.json.Encoder()
_LIMITS = msgspec.json.Decoder(Limits)
_PAIRS = msgspec.json.Decoder(tuple[str, ...])


def scope_row(scope: Scope) -> tuple[str, str, str, str]:
    """``scope`` as the key of ``halts`` and ``limits``."""
    parts = (scope.account_name, scope.connector_name, scope.trading_pair, scope.key_id)
    account_name, connector_name, trading_pair, key_id = (part or "" for part in parts)
    return account_name, connector_name, trading_pair, key_id


def scope_of(row: Sequence[str]) -> Scope:
    """The scope in the first columns of a row."""
    account_name, connector_name, trading_pair, key_id = (part or None for part in row[:4])
    return Scope(account_name=account_name, connector_name=connector_name, trading_pair=trading_pair, key_id=key_id)


def halt_row(halt: Halt, codec: Codec, *, resumed_at: datetime | None = None) -> Row:
    """``halt`` as a row of ``halts``, which is over since ``resumed_at``."""
    return (
        *scope_row(halt.scope),
        halt.mode.value,
        halt.cancel.value,
        codec.text(halt.reason),
        codec.time(halt.at),
        codec.text(halt.by),
        halt.seq,
        codec.time(resumed_at),
        halt.by_key,
    )


def limits_row(one: LimitSet, codec: Codec) -> Row:
    """``one`` as a row of ``limits``."""
    return (
        *scope_row(one.scope),
        _ENCODER.encode(one.limits).decode(),
        codec.text(one.unlimited_reason),
        one.seq,
    )


class _Asked(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The part of an approval that is stored as JSON."""

    notional: Decimal
    above: Decimal
    scope: Scope
    actor: Actor


_ASKED = msgspec.json.Decoder(_Asked)


def approval_row(approval: Approval, codec: Codec) -> Row:
    """``approval`` as a row of ``approvals``."""
    asked = _Asked(notional=approval.notional, above=approval.above, scope=approval.scope, actor=approval.asked_by)
    return (
        approval.number,
        approval.account_name,
        approval.connector_name,
        approval.trading_pair,
        approval.terms,
        approval.idempotency_key,
        approval.order_id,
        codec.text(_ENCODER.encode(asked).decode()),
        codec.time(approval.asked_at),
        codec.time(approval.expires_at),
        approval.state.value,
        codec.text(approval.decided_by),
        codec.time(approval.decided_at),
        codec.text(approval.reason),
        approval.seq,
    )


def approval_of(row: Row) -> Approval:
    """The approval in a row of ``approvals``."""
    asked = _ASKED.decode(row[7])
    return Approval(
        number=row[0],
        account_name=row[1],
        connector_name=row[2],
        trading_pair=row[3],
        terms=row[4],
        idempotency_key=row[5],
        order_id=row[6],
        notional=asked.notional,
        above=asked.above,
        scope=asked.scope,
        asked_by=asked.actor,
        asked_at=row[8],
        expires_at=row[9],
        state=ApprovalState(row[10]),
        decided_by=row[11],
        decided_at=row[12],
        reason=row[13],
        seq=row[14],
    )


def dead_man_row(switch: DeadMan, codec: Codec) -> Row:
    """``switch`` as a row of ``dead_man``."""
    terms = switch.terms
    return (
        *terms.account,
        terms.timeout_seconds,
        terms.keep.value,
        terms.then.value,
        terms.require.value,
        terms.by_exchange,
        codec.text(switch.by),
        switch.beat,
        codec.time(switch.armed_until),
        _ENCODER.encode(switch.covered).decode(),
        _ENCODER.encode(switch.ending).decode(),
        codec.time(switch.fired_at),
        switch.fired_seq,
        None if switch.clearing is None else switch.clearing.value,
        switch.seq,
        switch.by_key,
    )


def switches_of(rows: Iterable[Row]) -> dict[AccountKey, DeadMan]:
    """The switches in rows of ``dead_man``, by account."""
    found = [_switch_of(row) for row in rows]
    return {switch.terms.account: switch for switch in found}


def _switch_of(row: Row) -> DeadMan:
    return DeadMan(
        terms=DeadManTerms(
            account=AccountKey(row[0], row[1]),
            timeout_seconds=row[2],
            keep=DeadManKeep(row[3]),
            then=DeadManThen(row[4]),
            require=DeadManRequire(row[5]),
            by_exchange=bool(row[6]),
        ),
        by=row[7],
        beat=row[8],
        armed_until=row[9],
        covered=_PAIRS.decode(row[10]),
        ending=_PAIRS.decode(row[11]),
        fired_at=row[12],
        fired_seq=row[13],
        clearing=None if row[14] is None else HaltCancel(row[14]),
        seq=row[15],
        by_key=row[16],
    )


def state_of(halts: Iterable[Row], limits: Iterable[Row], switches: Iterable[Row]) -> SafetyState:
    """All that is set, from the rows of the three tables."""
    rows = sorted(halts, key=lambda row: row[9])
    return SafetyState(
        halts=tuple(_halt_of(row) for row in rows if row[10] is None),
        sets=tuple(
            LimitSet(scope=scope_of(row), limits=_LIMITS.decode(row[4]), unlimited_reason=row[5], seq=row[6])
            for row in sorted(limits, key=lambda row: tuple(row[:4]))
        ),
        resumed={scope_of(row): row[10] for row in rows if row[10] is not None},
        switches=switches_of(switches),
    )


def _halt_of(row: Row) -> Halt:
    return Halt(
        scope=scope_of(row),
        mode=HaltMode(row[4]),
        cancel=HaltCancel(row[5]),
        reason=row[6],
        at=row[7],
        by=row[8],
        seq=row[9],
        by_key=row[11],
    )


def read_safety(database: Database, version: int, known: SafetyState) -> tuple[int, SafetyState]:
    """The version of halts and limits and what is set, read as of one moment; ``known`` if it is of the same ``version``."""
    with database.snapshot() as connection:
        now: int = connection.execute(select(SEQUENCE.c.safety_version)).scalar_one()
        if now == version:
            return version, known
        halts, limits, switches = (connection.execute(select(*table.c)).all() for table in (HALTS, LIMITS, DEAD_MAN))
        return now, state_of(halts, limits, switches)

"""Halts, limits and their events to rows and back. A part of a scope that is absent is an empty text, since it is part of a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from app.domain.enums import HaltCancel, HaltMode
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Limits, LimitSet
from app.domain.safety.scope import Scope
from app.domain.safety.state import SafetyState
from app.journal.rows import Row
from app.storage.database import Database
from app.storage.tables import HALTS, LIMITS, SEQUENCE
from app.storage.types import Codec

_ENCODER = msgspec.json.Encoder()
_LIMITS = msgspec.json.Decoder(Limits)


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
    )


def limits_row(one: LimitSet, codec: Codec) -> Row:
    """``one`` as a row of ``limits``."""
    return (
        *scope_row(one.scope),
        _ENCODER.encode(one.limits).decode(),
        codec.text(one.unlimited_reason),
        one.seq,
    )


def state_of(halts: Iterable[Row], limits: Iterable[Row]) -> SafetyState:
    """All that is set, from the rows of the two tables."""
    rows = sorted(halts, key=lambda row: row[9])
    return SafetyState(
        halts=tuple(_halt_of(row) for row in rows if row[10] is None),
        sets=tuple(
            LimitSet(scope=scope_of(row), limits=_LIMITS.decode(row[4]), unlimited_reason=row[5], seq=row[6])
            for row in sorted(limits, key=lambda row: tuple(row[:4]))
        ),
        resumed={scope_of(row): row[10] for row in rows if row[10] is not None},
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
    )


def read_safety(database: Database, version: int, known: SafetyState) -> tuple[int, SafetyState]:
    """The version of halts and limits and what is set, read as of one moment; ``known`` if it is of the same ``version``."""
    with database.snapshot() as connection:
        now: int = connection.execute(select(SEQUENCE.c.safety_version)).scalar_one()
        if now == version:
            return version, known
        halts, limits = connection.execute(select(*HALTS.c)).all(), connection.execute(select(*LIMITS.c)).all()
        return now, state_of(halts, limits)

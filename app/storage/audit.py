"""The audit log as it is stored: rows that are chained, appended in the transaction of what they tell about.

A row's hash is SHA-256 over the hash before it and the row as canonical JSON (RFC 8785), so that any program can make it anew. The
number and the hash of the last row stand in the sequence's row, which every transaction that appends has locked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, update

from app.domain.audit import AuditRecord
from app.storage.tables import AUDIT, SEQUENCE

#: Of texts, integers and null under plain names it makes what RFC 8785 says, at a fiftieth of the time of a library for all of
#: JSON: a test compares the two.
_CANONICAL = msgspec.json.Encoder(order="sorted")

#: The hash before the first row.
ORIGIN = bytes(32)


def document(row: Sequence[Any]) -> dict[str, Any]:
    """A row without its hash, as it is hashed."""
    number, at, actor, key_id, address, request_id, operation, about, outcome, seq = row[:10]
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return {
        "number": number,
        "at": moment.isoformat(timespec="microseconds"),
        "actor": actor,
        "key_id": key_id,
        "address": address,
        "request_id": request_id,
        "operation": operation,
        "object": about,
        "outcome": outcome,
        "seq": seq,
    }


def link(previous: bytes, row: Sequence[Any]) -> bytes:
    """The hash of ``row`` after ``previous``."""
    return hashlib.sha256(previous + _CANONICAL.encode(document(row))).digest()


def row_of(number: int, record: AuditRecord, seq: int, previous: bytes) -> tuple[Any, ...]:
    """``record`` as a row of ``audit``, with its hash. Texts are such that every database can hold them."""
    actor = record.actor
    row = (
        number,
        record.at,
        _storable(actor.name),
        actor.key_id,
        actor.address,
        actor.request_id,
        record.operation,
        None if record.object is None else _storable(record.object),
        record.outcome,
        seq,
    )
    return (*row, link(previous, row))


def append(connection: Connection, record: AuditRecord) -> None:
    """Append ``record`` in the transaction of ``connection``, and lock the sequence for it if that is not locked yet."""
    count_up = update(SEQUENCE).values(audit_number=SEQUENCE.c.audit_number + 1)
    wanted = (SEQUENCE.c.audit_number, SEQUENCE.c.audit_hash, SEQUENCE.c.value)
    number, previous, seq = connection.execute(count_up.returning(*wanted)).one()
    row = row_of(number, record, seq, ORIGIN if previous is None else bytes(previous))
    connection.execute(insert(AUDIT).values(dict(zip(AUDIT.c.keys(), row, strict=True))))
    connection.execute(update(SEQUENCE).values(audit_hash=row[-1]))


def _storable(text: str) -> str:
    """``text`` without what no database can hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")

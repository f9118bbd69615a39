"""The audit log over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from app.domain.errors import InvalidArgument
from app.handlers import pages
from app.handlers.forms.wording import page_at
from app.handlers.schemas import AuditEntrySchema
from app.services.acting import ActingGateway
from app.storage.audit_log import AuditEntry, AuditFilter

_ENTRY = AuditEntrySchema()


async def search_audit(
    gateway: ActingGateway,
    limit: int,
    cursor: str | None = None,
    actor: str | None = None,
    key_id: str | None = None,
    operation: str | None = None,
    outcome: str | None = None,
    object: str | None = None,
    start_time: str | None = None,
    end_time: str | None = None,
) -> Any:
    """GET /audit"""
    wanted = AuditFilter(
        actor=actor,
        key_id=key_id,
        operation=operation,
        outcome=outcome,
        about=object,
        start_at=_moment("start_time", start_time),
        end_at=_moment("end_time", end_time),
    )
    with page_at("/audit", cursor):
        page = await asyncio.to_thread(gateway.audit_log.page, wanted, limit=limit, cursor=cursor)
    return pages.answer(page, limit, _row)


def _row(entry: AuditEntry) -> Any:
    record = entry.record
    view = {
        "number": entry.number,
        "at": record.at,
        "actor": record.actor.name,
        "key_id": record.actor.key_id,
        "address": record.actor.address,
        "request_id": record.actor.request_id,
        "operation": record.operation,
        "object": record.object,
        "outcome": record.outcome,
        "seq": entry.seq,
        "hash": entry.hash.hex(),
    }
    return _ENTRY.dump(view)


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidArgument(f"{name} must be a moment with its zone, such as 2026-11-22T09:30:00Z")
    return moment.astimezone(UTC)

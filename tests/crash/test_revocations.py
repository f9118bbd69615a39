"""Four processes on PostgreSQL place flat out with an API key that another one deletes: none has an intent above the deletion.

``make halts`` runs the long form: ``ORDERGATE_HALTS`` keys (200), while processes are killed at steps that a seed chooses.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.domain.api_key import ApiKey, hash_of
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import Environment, Scope
from app.domain.safety.limits import NO_LIMITS
from app.journal.journal import Journal
from app.journal.reading.verifying import verify
from app.journal.units.keys import DeleteKey, MakeKey
from app.storage.tables import AUDIT, EVENTS, ORDERS
from tests.clock import START
from tests.crash.test_halts import HALTS, SEED, placing, restart_dead, risk_manager

pytestmark = pytest.mark.postgres

#: Intents of a key before it is deleted.
_INTENTS = 12


def _key(key_id: str) -> ApiKey:
    return ApiKey(
        key_id=key_id,
        name="bot",
        environment=Environment.PAPER,
        scopes=frozenset({Scope.ORDERS_PLACE}),
        secret_hash=hash_of(key_id),
        created_at=START,
        created_by="admin",
    )


def _record(operation: str, key_id: str) -> AuditRecord:
    return AuditRecord(at=START, actor=Actor(name="admin"), operation=operation, object=key_id)


def _intents(journal: Journal, key_id: str) -> int:
    count: int = journal.database.rows(select(func.count()).select_from(ORDERS).where(ORDERS.c.key_id == key_id))[0][0]
    return count


async def test_nothing_is_intended_with_a_deleted_key(postgres_url: str, tmp_path: Path) -> None:
    """The audit log has the number at which each key ended; no event that sends an order of it has a greater one."""
    choose = random.Random(SEED)
    async with risk_manager(postgres_url, tmp_path) as gateway:
        journal = gateway.journal
        with placing(postgres_url, tmp_path, choose, "keys") as placers:
            for number in range(HALTS):
                key_id = f"k{number}"
                made = MakeKey(key=_key(key_id), limits=NO_LIMITS, record=_record("make", key_id))
                await journal.decide(made)
                async with asyncio.timeout(60):
                    while await asyncio.to_thread(_intents, journal, key_id) < _INTENTS:
                        await journal.wait_beyond(journal.known_head, 0.1)
                await journal.decide(DeleteKey(key_id=key_id, at=START, record=_record("delete", key_id)))
                restart_dead(placers, choose)
        ended = {
            row.object: row.seq
            for row in journal.database.rows(select(AUDIT.c.object, AUDIT.c.seq).where(AUDIT.c.operation == "delete"))
        }
        intents = journal.database.rows(
            select(ORDERS.c.key_id, EVENTS.c.seq)
            .join(EVENTS, EVENTS.c.order_number == ORDERS.c.id)
            .where(EVENTS.c.kind.in_(("intended", "retried")))
        )
        assert len(ended) == HALTS
        assert len(intents) >= HALTS * _INTENTS
        assert [row for row in intents if row.seq > ended[row.key_id]] == []
        assert verify(journal.database).problems == []

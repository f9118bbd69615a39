"""Which keys were told a key's secret, and which key set a halt or a dead-man's switch."""

from __future__ import annotations

import json
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_KEYS = sa.table("api_keys", sa.column("key_id", sa.Text), sa.column("told", sa.Text))
_AUDIT = sa.table("audit", *(sa.column(name, sa.Text) for name in ("operation", "object", "outcome", "key_id")))


def upgrade() -> None:
    """Apply. The audit log has which keys made a key or gave it another secret. Nobody knows any more which key set the halts and
    switches that are there, so they count as a person's.
    """
    op.add_column("api_keys", sa.Column("told", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("halts", sa.Column("halted_by_key", Name, nullable=True))
    op.add_column("dead_man", sa.Column("armed_by_key", Name, nullable=True))
    told: dict[str, list[str]] = defaultdict(list)
    telling = sa.select(_AUDIT.c.object, _AUDIT.c.key_id).where(
        _AUDIT.c.operation.in_(("api_keys.create_key", "api_keys.rotate_key")),
        _AUDIT.c.outcome == "done",
        _AUDIT.c.key_id.is_not(None),
        _AUDIT.c.object != _AUDIT.c.key_id,
    )
    connection = op.get_bind()
    for key_id, teller in connection.execute(telling.distinct().order_by(_AUDIT.c.object, _AUDIT.c.key_id)):
        told[key_id].append(teller)
    for key_id, tellers in told.items():
        connection.execute(sa.update(_KEYS).where(_KEYS.c.key_id == key_id).values(told=json.dumps(tellers)))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

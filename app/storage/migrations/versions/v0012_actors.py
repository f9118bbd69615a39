"""The API key that an order was placed with, and how often users, keys, halts and limits have been changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. An event's actor is in its payload, and so in the checksums; events from before have none."""
    op.add_column("orders", sa.Column("key_id", Name, nullable=True))
    op.add_column("journal_sequence", sa.Column("safety_version", Sequence, nullable=False, server_default="0"))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

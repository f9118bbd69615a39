"""When a refused order was sent again, and until when it may not be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("orders", sa.Column("retried_at", UtcTime, nullable=True))
    op.add_column("orders", sa.Column("held_until", UtcTime, nullable=True))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

"""Sessions at the console that somebody ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, UtcTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Sessions of before have no id by which they could be ended, so they open nothing any more."""
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", Name, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_ended_sessions"),
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

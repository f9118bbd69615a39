"""Dead-man's switches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence, UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "dead_man",
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("timeout_seconds", Sequence, nullable=False),
        sa.Column("keep", Name, nullable=False),
        sa.Column("after_firing", Name, nullable=False),
        sa.Column("required", Name, nullable=False),
        sa.Column("by_exchange", sa.Boolean, nullable=False),
        sa.Column("renewed_by", sa.Text, nullable=False),
        sa.Column("beat", Sequence, nullable=False),
        sa.Column("armed_until", UtcTime, nullable=True),
        sa.Column("covered", sa.Text, nullable=False),
        sa.Column("ending", sa.Text, nullable=False),
        sa.Column("fired_at", UtcTime, nullable=True),
        sa.Column("fired_seq", Sequence, nullable=True),
        sa.Column("clearing", Name, nullable=True),
        sa.Column("seq", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("account_name", "connector_name", name="pk_dead_man"),
        sa.ForeignKeyConstraint(["fired_seq"], ["events.seq"], name="fk_dead_man_fired_seq"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_dead_man_seq"),
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

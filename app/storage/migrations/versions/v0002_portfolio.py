"""Portfolio snapshots: what each account held, every five minutes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "portfolio_snapshots",
        sa.Column("slot", Sequence, nullable=False),
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("asked_at", UtcTime, nullable=False),
        sa.Column("holdings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "account_name", "connector_name", name="pk_portfolio_snapshots"),
    )
    op.create_index(
        "ix_portfolio_snapshots_account_name",
        "portfolio_snapshots",
        ["account_name", "connector_name", "slot"],
        unique=False,
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

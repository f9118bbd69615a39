"""What the last comparison of each account with its exchange came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "reconciliations",
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_name", "connector_name", name="pk_reconciliations"),
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

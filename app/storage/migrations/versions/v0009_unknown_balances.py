"""What is available of a balance may be unknown: not every message of an exchange states it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. SQLite has no statement for it: the table is made anew, with its rows."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("balances", "available", existing_type=Money, nullable=True)
        return
    op.rename_table("balances", "old_balances")
    op.create_table(
        "balances",
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("asset", Name, nullable=False),
        sa.Column("total", Money, nullable=False),
        sa.Column("available", Money, nullable=True),
        sa.PrimaryKeyConstraint("account_name", "connector_name", "asset", name="pk_balances"),
    )
    op.execute("INSERT INTO balances SELECT account_name, connector_name, asset, total, available FROM old_balances")
    op.drop_table("old_balances")


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

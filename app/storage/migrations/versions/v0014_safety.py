"""Halts and limits, and what limits take for the price of a MARKET order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name, Sequence, UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SCOPE = ("account_name", "connector_name", "trading_pair", "key_id")


def upgrade() -> None:
    """Apply."""
    op.add_column("orders", sa.Column("reserved_price", Money, nullable=True))
    op.create_table(
        "halts",
        *(sa.Column(name, Name, nullable=False) for name in _SCOPE),
        sa.Column("mode", Name, nullable=False),
        sa.Column("cancel", Name, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("halted_at", UtcTime, nullable=False),
        sa.Column("halted_by", sa.Text, nullable=False),
        sa.Column("seq", Sequence, nullable=False),
        sa.Column("resumed_at", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint(*_SCOPE, name="pk_halts"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_halts_seq"),
    )
    op.create_table(
        "limits",
        *(sa.Column(name, Name, nullable=False) for name in _SCOPE),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("unlimited_reason", sa.Text, nullable=True),
        sa.Column("seq", Sequence, nullable=False),
        sa.PrimaryKeyConstraint(*_SCOPE, name="pk_limits"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_limits_seq"),
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

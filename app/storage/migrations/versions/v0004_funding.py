"""Funding payments: what positions paid and received, as the exchanges tell it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name, Sequence, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "funding_payments",
        sa.Column("id", Sequence, autoincrement=True, nullable=False),
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("trading_pair", Name, nullable=False),
        sa.Column("exchange_funding_id", Name, nullable=False),
        sa.Column("payment", Money, nullable=False),
        sa.Column("currency", Name, nullable=False),
        sa.Column("rate", Money, nullable=True),
        sa.Column("position_size", Money, nullable=True),
        sa.Column("position_side", Name, nullable=True),
        sa.Column("paid_at", UtcTime, nullable=False),
        sa.Column("recorded_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_funding_payments"),
        sa.UniqueConstraint(
            "account_name",
            "connector_name",
            "trading_pair",
            "exchange_funding_id",
            name="uq_funding_payments_account_name",
        ),
    )
    op.create_index("ix_funding_payments_paid_at", "funding_payments", ["paid_at", "id"], unique=False)
    op.create_index(
        "ix_funding_payments_account_name",
        "funding_payments",
        ["account_name", "connector_name", "paid_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

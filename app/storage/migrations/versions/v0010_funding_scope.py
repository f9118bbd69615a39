"""Funding payments that share an id: one of each amount and time, since in hedge mode both sides of a pair have the same id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name, Sequence, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAME = "uq_funding_payments_account_name"
_KEY = ("account_name", "connector_name", "trading_pair", "exchange_funding_id", "paid_at", "payment")


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(_NAME, "funding_payments", type_="unique")
        op.create_unique_constraint(_NAME, "funding_payments", list(_KEY))
        return
    # SQLite changes no constraint of a table, so a new table takes the rows over.
    for index in ("ix_funding_payments_paid_at", "ix_funding_payments_account_name"):
        op.drop_index(index, "funding_payments")
    op.rename_table("funding_payments", "funding_payments_before")
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
        sa.UniqueConstraint(*_KEY, name=_NAME),
    )
    op.execute("INSERT INTO funding_payments SELECT * FROM funding_payments_before")
    op.drop_table("funding_payments_before")
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

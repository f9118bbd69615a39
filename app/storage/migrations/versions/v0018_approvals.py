"""Orders that need an approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence, UtcTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "approvals",
        sa.Column("number", Sequence, nullable=False, autoincrement=False),
        *(sa.Column(name, Name, nullable=False) for name in ("account_name", "connector_name", "trading_pair")),
        sa.Column("terms", sa.Text, nullable=False),
        *(sa.Column(name, Name, nullable=True) for name in ("idempotency_key", "order_id")),
        sa.Column("asked", sa.Text, nullable=False),
        *(sa.Column(name, UtcTime, nullable=False) for name in ("asked_at", "expires_at")),
        sa.Column("state", Name, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=True),
        sa.Column("decided_at", UtcTime, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("seq", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_approvals"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_approvals_seq"),
    )
    for name, column, is_unique in (
        ("uq_approvals_idempotency_key", "idempotency_key", True),
        ("ix_approvals_order_id", "order_id", False),
    ):
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name,
            "approvals",
            [column, "account_name", "connector_name"],
            unique=is_unique,
            sqlite_where=given,
            postgresql_where=given,
        )
    awaiting = sa.text("state = 'awaiting'")
    op.create_index(
        "ix_approvals_awaiting", "approvals", ["expires_at"], sqlite_where=awaiting, postgresql_where=awaiting
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

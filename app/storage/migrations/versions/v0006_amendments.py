"""Orders that were amended at their exchange: the client id it has them under now, and when it changed them last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Few orders are ever renamed, so the index of those is small.
_RENAMED_ONLY = sa.text("exchange_client_order_id IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    op.add_column("orders", sa.Column("exchange_client_order_id", Name, nullable=True))
    op.add_column("orders", sa.Column("amended_at", UtcTime, nullable=True))
    op.create_index(
        "ix_orders_exchange_client_order_id",
        "orders",
        ["exchange_client_order_id", "account_name", "connector_name"],
        unique=False,
        sqlite_where=_RENAMED_ONLY,
        postgresql_where=_RENAMED_ONLY,
    )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

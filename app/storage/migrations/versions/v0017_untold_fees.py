"""A fill's fee may be unknown: not every exchange tells it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name, Sequence, UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. SQLite has no statement for it: the table is made anew, with its rows, and after them its indexes and its trigger."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("fills", "fee", existing_type=Money, nullable=True)
        return
    found = sa.text(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'fills' AND sql IS NOT NULL AND type <> 'table'"
    )
    beside = op.get_bind().execute(found).all()
    for kind, name, _ in beside:
        op.execute(f"DROP {kind.upper()} {name}")
    op.rename_table("fills", "old_fills")
    op.create_table(
        "fills",
        sa.Column("seq", Sequence, autoincrement=False, nullable=False),
        sa.Column("order_number", Sequence, nullable=False),
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("trading_pair", Name, nullable=False),
        sa.Column("exchange_fill_id", Name, nullable=False),
        sa.Column("price", Money, nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("fee", Money, nullable=True),
        sa.Column("fee_currency", sa.Text(), nullable=True),
        sa.Column("filled_at", UtcTime, nullable=False),
        sa.Column("liquidity", Name, nullable=True),
        sa.ForeignKeyConstraint(["order_number"], ["orders.id"], name="fk_fills_order_number"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_fills_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_fills"),
        sa.UniqueConstraint("order_number", "exchange_fill_id", name="uq_fills_order_number"),
    )
    op.execute(
        "INSERT INTO fills SELECT seq, order_number, account_name, connector_name, trading_pair, exchange_fill_id, price, amount,"
        " fee, fee_currency, filled_at, liquidity FROM old_fills"
    )
    op.drop_table("old_fills")
    for _, _, statement in beside:
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

"""The first schema: the journal with its projection, and accounts, users and leases.

The triggers make the database itself refuse to change or delete an entry.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Money, Name, Sequence, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_journal_sequence()
    _create_orders()
    _index_orders()
    _create_events()
    _create_fills()
    _create_balances()
    _create_accounts()
    _create_leases()
    _forbid_changes()


def downgrade() -> None:
    """Refused: the tables may hold the only memory of real orders."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")


def _create_journal_sequence() -> None:
    op.create_table(
        "journal_sequence",
        sa.Column("id", Sequence, autoincrement=False, nullable=False),
        sa.Column("value", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_sequence"),
    )
    op.execute("INSERT INTO journal_sequence (id, value) VALUES (1, 0)")


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", Sequence, autoincrement=False, nullable=False),
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("order_id", Name, nullable=False),
        sa.Column("trading_pair", Name, nullable=False),
        sa.Column("trade_type", Name, nullable=False),
        sa.Column("order_type", Name, nullable=False),
        sa.Column("amount", Money, nullable=True),
        sa.Column("price", Money, nullable=True),
        sa.Column("quote_amount", Money, nullable=True),
        sa.Column("position_action", Name, nullable=False),
        sa.Column("time_in_force", Name, nullable=True),
        sa.Column("reduce_only", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", Name, nullable=True),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.Column("state", Name, nullable=False),
        sa.Column("status", Name, nullable=False),
        sa.Column("updated_at", UtcTime, nullable=False),
        sa.Column("exchange_order_id", Name, nullable=True),
        sa.Column("filled_amount", Money, nullable=False),
        sa.Column("filled_quote", Money, nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("cancel_requested_at", UtcTime, nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("order_id", "account_name", "connector_name", name="uq_orders_order_id"),
    )


def _index_orders() -> None:
    op.create_index(
        "ix_orders_account_name", "orders", ["account_name", "connector_name", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_orders_active",
        "orders",
        ["order_id", "account_name", "connector_name"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'unknown', 'open')"),
        postgresql_where=sa.text("state IN ('pending', 'unknown', 'open')"),
    )
    op.create_index("ix_orders_created_at", "orders", ["created_at", "id"], unique=False)
    op.create_index("ix_orders_status", "orders", ["status", "created_at", "id"], unique=False)
    op.create_index("ix_orders_trading_pair", "orders", ["trading_pair", "created_at", "id"], unique=False)
    op.create_index(
        "ix_orders_unsettled",
        "orders",
        ["account_name", "connector_name", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'unknown')"),
        postgresql_where=sa.text("state IN ('pending', 'unknown')"),
    )
    op.create_index(
        "uq_orders_idempotency_key",
        "orders",
        ["idempotency_key", "account_name", "connector_name"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", Sequence, autoincrement=False, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("trading_pair", Name, nullable=True),
        sa.Column("order_id", Name, nullable=True),
        sa.Column("order_number", Sequence, nullable=True),
        sa.Column("state", Name, nullable=True),
        sa.Column("status", Name, nullable=True),
        sa.Column("filled_amount", Money, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.id"], name="fk_events_order_number"),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events_order_number", "events", ["order_number", "seq"], unique=False)


def _create_fills() -> None:
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
        sa.Column("fee", Money, nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=True),
        sa.Column("filled_at", UtcTime, nullable=False),
        sa.Column("liquidity", Name, nullable=True),
        sa.ForeignKeyConstraint(["order_number"], ["orders.id"], name="fk_fills_order_number"),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name="fk_fills_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_fills"),
        sa.UniqueConstraint("order_number", "exchange_fill_id", name="uq_fills_order_number"),
    )
    op.create_index("ix_fills_filled_at", "fills", ["filled_at", "seq"], unique=False)
    op.create_index(
        "ix_fills_trading_pair",
        "fills",
        ["account_name", "connector_name", "trading_pair", "filled_at", "seq"],
        unique=False,
    )


def _create_balances() -> None:
    op.create_table(
        "balances",
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("asset", Name, nullable=False),
        sa.Column("total", Money, nullable=False),
        sa.Column("available", Money, nullable=False),
        sa.PrimaryKeyConstraint("account_name", "connector_name", "asset", name="pk_balances"),
    )


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", Name, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    op.create_table(
        "credentials",
        sa.Column("account_name", Name, nullable=False),
        sa.Column("connector_name", Name, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_name"], ["accounts.name"], name="fk_credentials_account_name", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_name", "connector_name", name="pk_credentials"),
    )
    op.create_table(
        "users",
        sa.Column("username", Name, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_users"),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", Name, nullable=False),
        sa.Column("holder", Name, nullable=False),
        sa.Column("token", Sequence, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _forbid_changes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER events_are_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_are_for_ever_{action.lower()} BEFORE {action} ON events "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        )

"""Roles of users, API keys, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Name, Sequence, UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. The users that are there have no role: the environment names which of them may sign in, and do everything."""
    op.add_column("users", sa.Column("role", Name, nullable=True))
    op.add_column("users", sa.Column("disabled_at", UtcTime(), nullable=True))
    op.add_column("users", sa.Column("version", Sequence, nullable=False, server_default="0"))
    op.create_table(
        "api_keys",
        sa.Column("key_id", Name, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("environment", Name, nullable=False),
        sa.Column("bounds", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("disabled_at", UtcTime(), nullable=True),
        sa.Column("deleted_at", UtcTime(), nullable=True),
        sa.Column("last_used_at", UtcTime(), nullable=True),
        sa.Column("version", Sequence, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    _create_audit()


def _create_audit() -> None:
    op.add_column("journal_sequence", sa.Column("audit_number", Sequence, nullable=False, server_default="0"))
    op.add_column("journal_sequence", sa.Column("audit_hash", sa.LargeBinary(), nullable=True))
    op.create_table(
        "audit",
        sa.Column("number", Sequence, autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key_id", Name, nullable=True),
        sa.Column("address", Name, nullable=True),
        sa.Column("request_id", Name, nullable=True),
        sa.Column("operation", Name, nullable=False),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("outcome", Name, nullable=False),
        sa.Column("seq", Sequence, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_is_for_ever_{action.lower()} BEFORE {action} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

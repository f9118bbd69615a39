"""Users who sign in with a code as well as a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Sequence

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of the users that are there, the password is enough."""
    op.add_column("users", sa.Column("totp", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("totp_step", Sequence, nullable=True))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

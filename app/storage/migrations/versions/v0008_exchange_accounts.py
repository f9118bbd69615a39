"""Which account at the exchange credentials open and an order is on, and a version of the credentials that intents are checked
against.

Rows that are there have no exchange account: nobody knows which it was. Their credentials get it when the exchange is asked next.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import Sequence

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("journal_sequence", _version("credentials_version"))
    op.add_column("credentials", _version("version"))
    op.add_column("credentials", sa.Column("exchange_account", sa.Text()))
    op.add_column("orders", sa.Column("exchange_account", sa.Text()))


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")


def _version(name: str) -> sa.Column[int]:
    return sa.Column(name, Sequence, nullable=False, server_default=sa.text("0"))

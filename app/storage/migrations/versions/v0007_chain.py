"""Checksums that chain the events (``app.storage.types.link``). The events that are there get one together: that of the last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.types import ORIGIN, Money, Name, Sequence, UtcTime, link

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EVENTS = sa.table(
    "events",
    sa.column("seq", Sequence),
    sa.column("at", UtcTime()),
    *(sa.column(name, Name) for name in ("kind", "account_name", "connector_name", "trading_pair", "order_id")),
    sa.column("order_number", Sequence),
    sa.column("state", Name),
    sa.column("status", Name),
    sa.column("filled_amount", Money()),
    sa.column("payload", sa.Text()),
)
_SEQUENCE = sa.table(
    "journal_sequence",
    sa.column("value", Sequence),
    sa.column("chained", Sequence),
    sa.column("chain", sa.LargeBinary()),
)
#: Events read in one go.
_PAGE = 5000


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        # Every writer, of any version, begins with this lock.
        op.execute("SELECT value FROM journal_sequence FOR UPDATE")
    op.add_column("events", sa.Column("chain", sa.LargeBinary(), nullable=True))
    # Writers of an older version, that run until they are replaced, add events without a checksum and do not touch these two.
    op.add_column("journal_sequence", sa.Column("chained", Sequence, nullable=False, server_default="0"))
    op.add_column("journal_sequence", sa.Column("chain", sa.LargeBinary(), nullable=True))
    seq, chain = 0, ORIGIN
    while rows := _page_after(seq):
        for row in rows:
            chain = link(chain, row)
        seq = rows[-1].seq
    op.execute(_SEQUENCE.update().values(chained=seq, chain=chain))


def _page_after(seq: int) -> list[sa.Row[tuple[object, ...]]]:
    query = sa.select(*_EVENTS.c).where(_EVENTS.c.seq > seq).order_by(_EVENTS.c.seq).limit(_PAGE)
    return list(op.get_bind().execute(query).all())


def downgrade() -> None:
    """Refused, as for every migration."""
    raise RuntimeError("the journal's migrations are not undone; restore a copy made before instead")

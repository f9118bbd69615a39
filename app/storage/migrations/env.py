"""How Alembic runs the migrations: on the connection that ``app.storage.schema`` hands over, inside its transaction.

There is no offline mode and no ini file; the connection is the only input.
"""

from __future__ import annotations

from alembic import context

from app.storage.tables import SEQUENCE

context.configure(connection=context.config.attributes["connection"], target_metadata=SEQUENCE.metadata)
with context.begin_transaction():
    context.run_migrations()

"""Doing one migration again, on a database that has all of them."""

from __future__ import annotations

from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations

from app.storage.database import Database


def migrate_again(database_url: str, name: str) -> None:
    """Do the migration in the module ``name`` once more; the test has undone it by hand before."""
    migration = import_module(f"app.storage.migrations.versions.{name}")
    database = Database(database_url)
    try:
        with database.change() as connection, Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
    finally:
        database.dispose()

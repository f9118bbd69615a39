"""Bringing a database's schema up to date, and telling whether it is.

The migrations are part of the package, so this works wherever the package is installed and needs no file beside it. Alembic is
imported only to migrate: a server that only looks whether the schema is current has no use for its ten megabytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, column, inspect, select, table, text
from sqlalchemy.engine import make_url

from app.domain.errors import SchemaOutdated
from app.storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

#: The migration that this program's tables are those of.
HEAD = "0021"

_MIGRATIONS = Path(__file__).parent / "migrations"

#: Where Alembic notes which migration was applied last.
_VERSIONS = table("alembic_version", column("version_num"))

#: Any fixed number will do: a process that migrates a PostgreSQL database holds the advisory lock of this number ("ogmg" in ASCII).
_LOCK = 0x6F676D67


def upgrade(database_url: str | URL) -> None:
    """Apply all missing migrations in one transaction. Two processes may do so at once. Raises ``JournalUnavailable``,
    and ``SchemaOutdated`` for a database of a later version of the program."""
    from alembic import command
    from alembic.util.exc import CommandError

    # A large journal takes its time, and so does another process that migrates.
    database = _database(database_url, is_bounded=False)
    database.prepare_directory()
    try:
        with database.change() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            try:
                command.upgrade(config(connection), "head")
            except CommandError as error:
                # The version in the database is one that this program has no migration for.
                raise SchemaOutdated(
                    "The database was written by a later version of the program; use that one"
                ) from error
    finally:
        database.dispose()


def is_current(database_url: str | URL) -> bool:
    """Whether all migrations have been applied, and no later version's. Raises ``JournalUnavailable``."""
    database = _database(database_url)
    try:
        with database.snapshot() as connection:
            if not inspect(connection).has_table(_VERSIONS.name):
                return False
            return connection.scalars(select(_VERSIONS.c.version_num)).all() == [HEAD]
    finally:
        database.dispose()


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, to work on ``connection``."""
    from alembic.config import Config

    alembic = Config()
    # Alembic reads the value through configparser, to which a per cent sign means something.
    alembic.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    alembic.attributes["connection"] = connection
    return alembic


def _database(database_url: str | URL, *, is_bounded: bool = True) -> Database:
    return Database(make_url(database_url).render_as_string(hide_password=False), is_bounded=is_bounded)

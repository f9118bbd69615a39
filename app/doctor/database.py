"""The database: whether it answers, whether its schema is this version's, and whether somebody can sign in."""

from __future__ import annotations

from pathlib import Path

from app.doctor.finding import Finding
from app.domain.errors import EmptyJournal, OrdergateError
from app.settings import Settings
from app.storage import schema
from app.storage.accounts import Accounts

_CHECK = "Database"


def database(settings: Settings) -> Finding:
    """Whether the server can begin with it."""
    kind = "SQLite" if settings.is_sqlite else "PostgreSQL"
    if not exists(settings):
        file = _file(settings)
        if settings.key_file.exists():
            return Finding(
                check=_CHECK,
                level="failure",
                text=f"{file} is not there, although {settings.key_file} was used with it",
                advice="Restore the database, or start once with --accept-empty-journal",
            )
        return Finding(check=_CHECK, text=f"{kind}: {file} is made by the first start")
    try:
        if not schema.is_current(settings.database_url):
            return Finding(
                check=_CHECK,
                level="failure",
                text=f"{kind}: the schema is not that of this version",
                advice="Run: ordergate db upgrade",
            )
    except OrdergateError as error:
        advice = (
            "Look at DATABASE_URL and at the database server" if not settings.is_sqlite else "See docs/run/backup.md"
        )
        return Finding(check=_CHECK, level="failure", text=f"{kind}: {error.detail}", advice=advice)
    return Finding(check=_CHECK, text=f"{kind}, with the schema of this version")


def exists(settings: Settings) -> bool:
    """Whether there is a database to look at: the first start makes a SQLite file, and a look must not."""
    return not settings.is_sqlite or _file(settings).exists()


def lost(settings: Settings, accounts: Accounts) -> Finding | None:
    """The failure with which the server refuses to begin beside a key file that was used with another journal; None where it would
    not. Raises ``JournalUnavailable``.
    """
    if settings.secret_key is not None or not settings.key_file.exists() or settings.accept_empty_journal:
        return None
    if accounts.list_accounts():
        return None
    return Finding(check=_CHECK, level="failure", text=EmptyJournal(str(settings.key_file)).detail)


def user(settings: Settings, accounts: Accounts) -> Finding:
    """Whether there is a password. Raises ``JournalUnavailable``."""
    if settings.password is not None:
        return Finding(check="User", text=f"'{settings.username}', with the password of ORDERGATE_PASSWORD")
    if accounts.password_hash(settings.username) is None:
        return Finding(
            check="User",
            level="warning",
            text=f"'{settings.username}' has no password yet, so nobody can sign in",
            advice="ordergate serve makes one on its first start; else run: ordergate user password",
        )
    return Finding(check="User", text=f"'{settings.username}', with a password")


def _file(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))

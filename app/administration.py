"""What the commands for users and keys work with: the part of a gateway that changes them, without serving anybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import build_vault
from app.clock import Clock, SystemClock
from app.domain.audit import AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.errors import SchemaOutdated
from app.entropy import Entropy
from app.journal.journal import Journal
from app.services.accounts.directory import Directory
from app.services.accounts.keys import ApiKeys
from app.services.accounts.totp import Totp
from app.services.accounts.user_admin import UserAdmin
from app.services.accounts.users import Users
from app.services.names import Names
from app.settings import Settings
from app.storage import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """What commands change users and keys with. Who may run them may do everything."""

    users: UserAdmin
    totp: Totp
    keys: ApiKeys
    maker: Caller
    actor: Actor
    clock: Clock
    #: For those that are written in the order of the journal; to be opened.
    journal: Journal

    def record(self, operation: str, about: str) -> AuditRecord:
        """What the audit log is to hold of a command."""
        return AuditRecord(at=self.clock.now(), actor=self.actor, operation=operation, object=about)


@contextmanager
def administration(settings: Settings, actor: Actor) -> Iterator[Administration]:
    """For ``actor``. Raises ``SchemaOutdated`` or ``JournalUnavailable`` where the database is not ready."""
    _check_ready(settings)
    clock = SystemClock()
    journal = Journal(settings, clock)
    directory = Directory(journal.callers, settings.username, clock)
    try:
        yield Administration(
            users=UserAdmin(journal.callers, settings.username, actor, clock),
            totp=Totp(journal.callers, build_vault(settings), clock),
            keys=ApiKeys(journal, directory, Names(journal.accounts, journal.callers), clock, Entropy().bits),
            journal=journal,
            maker=Caller(name=actor.name),
            actor=actor,
            clock=clock,
        )
    finally:
        journal.database.dispose()


def set_password(settings: Settings, password: str, actor: Actor) -> None:
    """Set the password of the environment's user. Raises ``SchemaOutdated`` or ``JournalUnavailable``."""
    _check_ready(settings)
    journal = Journal(settings, SystemClock())
    try:
        record = AuditRecord(at=SystemClock().now(), actor=actor, operation="user password", object=settings.username)
        Users(journal.accounts, settings, SystemClock()).set_password(password, record)
    finally:
        journal.database.dispose()


def _check_ready(settings: Settings) -> None:
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    if (settings.is_sqlite and not database.exists()) or not schema.is_current(settings.database_url):
        raise SchemaOutdated("The database is not ready: run `ordergate db upgrade` first")

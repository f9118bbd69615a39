"""Accounts, their sealed credentials, and the users who may log in.

Credentials are sealed bytes here; only the vault can open them. All verbs are synchronous and thread-safe.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.clock import Clock
from app.domain.errors import UnknownAccount
from app.domain.order import AccountKey
from app.storage.database import Database
from app.storage.records import Credential
from app.storage.tables import ACCOUNTS, CREDENTIALS, USERS


class Accounts:
    """The accounts in one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list_accounts(self) -> list[str]:
        """The names of all accounts, sorted."""
        return [row[0] for row in self._database.rows(select(ACCOUNTS.c.name).order_by(ACCOUNTS.c.name))]

    def has_account(self, name: str) -> bool:
        """Whether there is such an account."""
        return bool(self._database.rows(select(ACCOUNTS.c.name).where(ACCOUNTS.c.name == name)))

    def add_account(self, name: str) -> bool:
        """Add an account; False if it is there already."""
        statement = self._insert(ACCOUNTS).values(name=name, created_at=self._clock.now()).on_conflict_do_nothing()
        with self._database.change() as connection:
            return connection.execute(statement.returning(ACCOUNTS.c.name)).first() is not None

    def delete_account(self, name: str) -> bool:
        """Delete an account with its credentials; its orders stay in the journal. False if there is none."""
        with self._database.change() as connection:
            return connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.name == name)).rowcount == 1

    def connectors_of(self, account_name: str) -> list[str]:
        """The names of the connectors for which the account has credentials, sorted."""
        query = select(CREDENTIALS.c.connector_name).where(CREDENTIALS.c.account_name == account_name)
        return [row[0] for row in self._database.rows(query.order_by(CREDENTIALS.c.connector_name))]

    def all_credentials(self) -> list[AccountKey]:
        """Every account with every connector for which it has credentials, sorted."""
        query = select(CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name)
        rows = self._database.rows(query.order_by(CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name))
        return [AccountKey(row.account_name, row.connector_name) for row in rows]

    def put_credential(
        self, account_name: str, connector_name: str, sealed: bytes, *, old: bytes | None = None
    ) -> bool:
        """Store sealed credentials in place of ``old``; without ``old``, where there are none yet.

        False, and nothing changed, if something else is there. Raises ``UnknownAccount``.
        """
        now = self._clock.now()
        statement: Any
        if old is None:
            values = {
                "account_name": account_name,
                "connector_name": connector_name,
                "sealed": sealed,
                "created_at": now,
            }
            statement = self._insert(CREDENTIALS).values(values).on_conflict_do_nothing()
        else:
            statement = update(CREDENTIALS).where(*_credential(account_name, connector_name))
            statement = statement.where(CREDENTIALS.c.sealed == old).values(sealed=sealed, created_at=now)
        try:
            with self._database.change() as connection:
                return connection.execute(statement.returning(CREDENTIALS.c.account_name)).first() is not None
        except IntegrityError as error:
            raise UnknownAccount(account_name) from error

    def find_credential(self, account_name: str, connector_name: str) -> Credential | None:
        """The sealed credentials with the moment at which they were put, or None."""
        query = select(CREDENTIALS.c.sealed, CREDENTIALS.c.created_at)
        rows = self._database.rows(query.where(*_credential(account_name, connector_name)))
        return Credential(sealed=bytes(rows[0].sealed), put_at=rows[0].created_at) if rows else None

    def credentials_put_at(self) -> dict[AccountKey, datetime]:
        """When the credentials of each account and connector were put last, by which other processes see that they changed."""
        query = select(CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name, CREDENTIALS.c.created_at)
        rows = self._database.rows(query)
        return {AccountKey(row.account_name, row.connector_name): row.created_at for row in rows}

    def replace_seal(self, account_name: str, connector_name: str, old: bytes, new: bytes) -> bool:
        """Put ``new`` where ``old`` is, the same credentials under another key; False if ``old`` is not there any more."""
        statement = update(CREDENTIALS).where(*_credential(account_name, connector_name), CREDENTIALS.c.sealed == old)
        with self._database.change() as connection:
            return connection.execute(statement.values(sealed=new)).rowcount == 1

    def delete_credential(self, account_name: str, connector_name: str) -> bool:
        """Delete credentials; False if there are none."""
        with self._database.change() as connection:
            return (
                connection.execute(delete(CREDENTIALS).where(*_credential(account_name, connector_name))).rowcount == 1
            )

    def password_hash(self, username: str) -> str | None:
        """The hash of the user's password, or None for an unknown user."""
        rows = self._database.rows(select(USERS.c.password_hash).where(USERS.c.username == username))
        return rows[0][0] if rows else None

    def add_password_hash(self, username: str, password_hash: str) -> bool:
        """Store the password hash of a new user; False, and nothing changed, if the user has one."""
        statement = self._insert(USERS).values(username=username, password_hash=password_hash).on_conflict_do_nothing()
        with self._database.change() as connection:
            return connection.execute(statement.returning(USERS.c.username)).first() is not None

    def _insert(self, table: Any) -> Any:
        """The database's own INSERT, which can say what to do about a conflict."""
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)


def _credential(account_name: str, connector_name: str) -> tuple[Any, Any]:
    return (CREDENTIALS.c.account_name == account_name, CREDENTIALS.c.connector_name == connector_name)

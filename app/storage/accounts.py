"""Accounts, their sealed credentials, and the users who may log in.

Credentials are sealed bytes here; only the vault can open them. All verbs are synchronous and thread-safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.errors import OtherExchangeAccount, UnknownAccount
from app.domain.order import AccountKey
from app.storage.audit import append
from app.storage.database import Database
from app.storage.records import Credential
from app.storage.safety import changing, check_asker
from app.storage.tables import ACCOUNTS, ACTIVE_ONLY, CREDENTIALS, ORDERS, SEQUENCE, USERS

#: Given the numbers of active orders by connector, raises if something must not be deleted because of them.
Allow = Callable[[Mapping[str, int]], None]


#: Asked for every second or more often by every process, so they are built once.
_CREDENTIAL_NAMES = select(CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name).order_by(
    CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name
)
_CREDENTIAL_VERSIONS = select(CREDENTIALS.c.account_name, CREDENTIALS.c.connector_name, CREDENTIALS.c.version)


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

    def add_account(self, name: str, record: AuditRecord | None = None) -> bool:
        """Add an account; False if it is there already. Here as below, ``record`` is appended to the audit log if it is done, and
        ``KeyRevoked`` or ``CallerChanged`` is raised if who asks for it is not any more what it was.
        """
        statement = self._insert(ACCOUNTS).values(name=name, created_at=self._clock.now()).on_conflict_do_nothing()
        with self._database.change() as connection:
            check_asker(connection, record, self._clock.now())
            is_new = connection.execute(statement.returning(ACCOUNTS.c.name)).first() is not None
            if is_new and record is not None:
                append(connection, record)
            return is_new

    def delete_account(
        self,
        name: str,
        allow: Allow | None = None,
        record: AuditRecord | None = None,
        reaches: Callable[[Sequence[str]], None] | None = None,
    ) -> bool:
        """Delete an account with its credentials; its orders stay in the journal. False if there is none. Raises what ``allow``
        raises at the numbers of active orders at that moment, and ``reaches`` at the connectors that it has credentials for.
        """
        with self._change_credentials(record) as (connection, _):
            if reaches is not None:
                names = select(CREDENTIALS.c.connector_name).where(CREDENTIALS.c.account_name == name)
                reaches(connection.scalars(names).all())
            if allow is not None:
                allow(_active_orders(connection, ORDERS.c.account_name == name))
            is_done = connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.name == name)).rowcount == 1
            if is_done and record is not None:
                append(connection, record)
            return is_done

    def connectors_of(self, account_name: str) -> list[str]:
        """The names of the connectors for which the account has credentials, sorted."""
        query = select(CREDENTIALS.c.connector_name).where(CREDENTIALS.c.account_name == account_name)
        return [row[0] for row in self._database.rows(query.order_by(CREDENTIALS.c.connector_name))]

    def all_credentials(self) -> list[AccountKey]:
        """Every account with every connector for which it has credentials, sorted."""
        return [AccountKey(row.account_name, row.connector_name) for row in self._database.rows(_CREDENTIAL_NAMES)]

    def put_credential(
        self,
        account_name: str,
        connector_name: str,
        sealed: bytes,
        *,
        old: bytes | None = None,
        exchange_account: str | None = None,
        record: AuditRecord | None = None,
    ) -> bool:
        """Store sealed credentials of ``exchange_account`` in place of ``old``; without ``old``, where there are none yet.

        False, and nothing changed, if something else is there. Raises ``UnknownAccount``, or ``OtherExchangeAccount`` unless all
        active orders are known to be on ``exchange_account``.
        """
        row = _credential(account_name, connector_name)
        try:
            with self._change_credentials(record) as (connection, version):
                there = connection.execute(select(CREDENTIALS.c.sealed).where(*row)).scalar()
                if (None if there is None else bytes(there)) != old:
                    return False
                _check_orders_account(connection, account_name, connector_name, exchange_account)
                connection.execute(delete(CREDENTIALS).where(*row))
                connection.execute(
                    insert(CREDENTIALS).values(
                        account_name=account_name,
                        connector_name=connector_name,
                        sealed=sealed,
                        created_at=self._clock.now(),
                        version=version,
                        exchange_account=exchange_account,
                    )
                )
                if record is not None:
                    append(connection, record)
                return True
        except IntegrityError as error:
            raise UnknownAccount(account_name) from error

    def set_exchange_account(self, account: AccountKey, version: int, exchange_account: str) -> None:
        """Note which account at the exchange the credentials of ``version`` open, unless that is known."""
        statement = update(CREDENTIALS).where(
            *_credential(*account), CREDENTIALS.c.version == version, CREDENTIALS.c.exchange_account.is_(None)
        )
        with self._change_credentials() as (connection, _):
            connection.execute(statement.values(exchange_account=exchange_account))

    def find_credential(self, account_name: str, connector_name: str) -> Credential | None:
        """The sealed credentials, or None."""
        rows = self._database.rows(select(CREDENTIALS).where(*_credential(account_name, connector_name)))
        if not rows:
            return None
        row = rows[0]
        return Credential(
            sealed=bytes(row.sealed),
            version=row.version,
            exchange_account=row.exchange_account,
        )

    def credential_versions(self) -> dict[AccountKey, int]:
        """Which credentials each account and connector has, by which other processes see that they changed."""
        rows = self._database.rows(_CREDENTIAL_VERSIONS)
        return {AccountKey(row.account_name, row.connector_name): row.version for row in rows}

    def replace_seal(self, account_name: str, connector_name: str, old: bytes, new: bytes) -> bool:
        """Put ``new`` where ``old`` is, the same credentials under another key; False if ``old`` is not there any more."""
        statement = update(CREDENTIALS).where(*_credential(account_name, connector_name), CREDENTIALS.c.sealed == old)
        with self._database.change() as connection:
            return connection.execute(statement.values(sealed=new)).rowcount == 1

    def delete_credential(
        self,
        account_name: str,
        connector_name: str,
        allow: Allow | None = None,
        record: AuditRecord | None = None,
    ) -> bool:
        """Delete credentials; False if there are none. Raises what ``allow`` raises at the numbers of active orders then."""
        row = _credential(account_name, connector_name)
        with self._change_credentials(record) as (connection, _):
            if connection.execute(delete(CREDENTIALS).where(*row)).rowcount == 0:
                return False
            if allow is not None:
                allow(_active_orders(connection, *_orders_of(account_name, connector_name)))
            if record is not None:
                append(connection, record)
            return True

    def password_hash(self, username: str) -> str | None:
        """The hash of the user's password, or None for an unknown user."""
        rows = self._database.rows(select(USERS.c.password_hash).where(USERS.c.username == username))
        return rows[0][0] if rows else None

    def add_password_hash(self, username: str, password_hash: str) -> bool:
        """Store the password hash of a new user; False, and nothing changed, if the user has one."""
        statement = self._insert(USERS).values(username=username, password_hash=password_hash).on_conflict_do_nothing()
        with self._database.change() as connection:
            return connection.execute(statement.returning(USERS.c.username)).first() is not None

    def put_password_hash(self, username: str, password_hash: str, record: AuditRecord | None = None) -> None:
        """Store the password hash of a user in place of an earlier one."""
        statement = self._insert(USERS).values(username=username, password_hash=password_hash)
        changes = {"password_hash": statement.excluded.password_hash}
        with changing(self._database, record) as (connection, _):
            connection.execute(statement.on_conflict_do_update(index_elements=[USERS.c.username], set_=changes))

    @contextmanager
    def _change_credentials(self, record: AuditRecord | None = None) -> Iterator[tuple[Connection, int]]:
        """A transaction in the order of the journal's, with a number for what it puts, for who asks by ``record``.

        It holds the lock that every transaction of the journal takes. An intent that was committed before it can be seen in it, and
        one that comes after it sees what it did.
        """
        count_up = update(SEQUENCE).values(credentials_version=SEQUENCE.c.credentials_version + 1)
        with self._database.change() as connection:
            version: int = connection.execute(count_up.returning(SEQUENCE.c.credentials_version)).scalar_one()
            check_asker(connection, record, self._clock.now())
            yield connection, version

    def _insert(self, table: Any) -> Any:
        """The database's own INSERT, which can say what to do about a conflict."""
        return (sqlite if self._database.is_sqlite else postgresql).insert(table)


def _credential(account_name: str, connector_name: str) -> tuple[Any, Any]:
    return (CREDENTIALS.c.account_name == account_name, CREDENTIALS.c.connector_name == connector_name)


def _orders_of(account_name: str, connector_name: str) -> tuple[Any, Any]:
    return (ORDERS.c.account_name == account_name, ORDERS.c.connector_name == connector_name)


def _active_orders(connection: Connection, *conditions: Any) -> Mapping[str, int]:
    query = select(ORDERS.c.connector_name).where(ACTIVE_ONLY, *conditions)
    return Counter(connection.scalars(query))


def _check_orders_account(
    connection: Connection, account_name: str, connector_name: str, exchange_account: str | None
) -> None:
    """Raise ``OtherExchangeAccount`` unless all active orders are known to be on ``exchange_account``. Those that were placed
    before this was written down are on the one of the credentials that are stored.
    """
    stored = select(CREDENTIALS.c.exchange_account).where(*_credential(account_name, connector_name))
    earlier = connection.execute(stored).scalar()
    orders = select(ORDERS.c.order_id, ORDERS.c.exchange_account)
    active = connection.execute(orders.where(ACTIVE_ONLY, *_orders_of(account_name, connector_name))).all()
    elsewhere = [
        row.order_id
        for row in active
        if exchange_account is None or (row.exchange_account or earlier) != exchange_account
    ]
    if elsewhere:
        raise OtherExchangeAccount(account_name, connector_name, elsewhere)

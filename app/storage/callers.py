"""Users and API keys: who may call. Secrets are hashes here. All verbs are synchronous and thread-safe.

Every change that narrows or ends what somebody may do gives the row a new ``version`` in a transaction in the order of the
journal's, so that the next intent sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from app.domain.api_key import ApiKey
from app.domain.audit import AuditRecord
from app.domain.caller import SCOPES_OF, Caller
from app.domain.enums import Role
from app.domain.errors import InvalidArgument, LastAdmin, UnknownUser
from app.storage.audit import append
from app.storage.database import Database
from app.storage.key_rows import key_of
from app.storage.safety import changing, check_asker, is_ended
from app.storage.tables import API_KEYS, ENDED_SESSIONS, SEQUENCE, USERS

#: Asked for several times per second by every process, so it is built once.
_VERSION = select(SEQUENCE.c.safety_version)


#: By which the clock of another host, which still takes a session, may be behind.
_CLOCKS_DIFFER = timedelta(hours=1)


class User(Struct, frozen=True, kw_only=True):
    """A stored user."""

    username: str
    password_hash: str
    role: Role
    disabled_at: datetime | None = None
    version: int = 0

    def __repr__(self) -> str:
        return f"User({self.username})"

    @property
    def caller(self) -> Caller:
        """Who calls with the user's password."""
        return Caller(name=self.username, scopes=SCOPES_OF[self.role], version=self.version)


class Known(Struct, frozen=True, kw_only=True):
    """All users and keys as of ``version``. ``totp`` has the sealed secrets of codes, by user, also the environment's; ``ended``
    the ids of sessions at the console that somebody ended.
    """

    version: int
    users: Mapping[str, User]
    keys: Mapping[str, ApiKey]
    totp: Mapping[str, bytes]
    ended: AbstractSet[str]


class StoredCallers:
    """The users and keys in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        """How often users, keys, halts and limits have been changed."""
        found: int = self._database.rows(_VERSION)[0][0]
        return found

    def known(self) -> Known:
        """All users, and all keys that are not deleted."""
        with self._database.snapshot() as connection:
            version = connection.execute(select(SEQUENCE.c.safety_version)).scalar_one()
            users = connection.execute(select(USERS)).all()
            keys = connection.execute(select(*API_KEYS.c).where(API_KEYS.c.deleted_at.is_(None)))
            return Known(
                version=version,
                users={row.username: _user(row) for row in users if row.role is not None},
                keys={row.key_id: key_of(row) for row in keys},
                totp={row.username: bytes(row.totp) for row in users if row.totp is not None},
                ended=frozenset(connection.execute(select(ENDED_SESSIONS.c.session_id)).scalars()),
            )

    def has_key(self, key_id: str) -> bool:
        """Whether there is or was such a key."""
        return bool(self._database.rows(select(API_KEYS.c.key_id).where(API_KEYS.c.key_id == key_id)))

    # -- users ----------------------------------------------------------------------------------------------------------

    def add_user(self, username: str, password_hash: str, role: Role, record: AuditRecord) -> None:
        """Add a user. Raises ``InvalidArgument`` if there is one of that name."""
        with changing(self._database, record) as (connection, _):
            if _exists(connection, username):
                raise InvalidArgument(f"There is a user '{username}' already.")
            row = {"username": username, "password_hash": password_hash, "role": role.value}
            connection.execute(insert(USERS).values(**row, version=_version(connection)))

    def change_user(self, username: str, record: AuditRecord, *, owner: str, **changes: Any) -> None:
        """Change columns of a user. Raises ``UnknownUser``; ``LastAdmin`` if nobody would be left who may do everything, where
        ``owner`` may if it has a password.
        """
        with changing(self._database, record) as (connection, _):
            if not _exists(connection, username):
                raise UnknownUser(username)
            values = {**changes, "version": _version(connection)}
            had_admins = _has_admins(connection)
            connection.execute(update(USERS).where(USERS.c.username == username).values(**values))
            if had_admins and not _has_admins(connection) and not _exists(connection, owner):
                raise LastAdmin

    def end_session(self, session_id: str, expires_at: datetime, record: AuditRecord) -> None:
        """End a session at the console that would last until ``expires_at``, and forget those that have expired long ago. It
        may have ended already.
        """
        with changing(self._database, record) as (connection, _):
            connection.execute(delete(ENDED_SESSIONS).where(ENDED_SESSIONS.c.expires_at <= record.at - _CLOCKS_DIFFER))
            if not is_ended(connection, session_id):
                connection.execute(insert(ENDED_SESSIONS).values(session_id=session_id, expires_at=expires_at))

    def totp(self, username: str) -> bytes | None:
        """The sealed secret of a user's codes, None if there is none. Raises ``UnknownUser``."""
        rows = self._database.rows(select(USERS.c.totp).where(USERS.c.username == username))
        if not rows:
            raise UnknownUser(username)
        return None if rows[0].totp is None else bytes(rows[0].totp)

    def put_totp(self, username: str, sealed: bytes, step: int, record: AuditRecord) -> None:
        """Store the secret of a user's codes, of which that of time ``step`` has been used. Raises ``UnknownUser``, and
        ``InvalidArgument`` if there is one.
        """
        self._change_totp(username, record, totp=sealed, totp_step=step)

    def delete_totp(self, username: str, record: AuditRecord) -> None:
        """Delete the secret of a user's codes. Raises ``UnknownUser``, and ``InvalidArgument`` if there is none."""
        self._change_totp(username, record, totp=None, totp_step=None)

    def replace_totp(self, username: str, old: bytes, new: bytes) -> bool:
        """Store the same secret as ``new``, sealed with another key; False if it is not ``old`` any more."""
        with changing(self._database) as (connection, _):
            statement = update(USERS).where(USERS.c.username == username, USERS.c.totp == old).values(totp=new)
            return connection.execute(statement).rowcount == 1

    def use_totp(self, username: str, sealed: bytes, step: int, record: AuditRecord) -> bool:
        """Use the code of time ``step``, in whichever process first; False if it or a later one has been used, or if the secret is
        another by now. Raises ``KeyRevoked`` or ``CallerChanged`` if the user has been disabled or changed meanwhile.
        """
        unused = (USERS.c.username == username, USERS.c.totp == sealed, USERS.c.totp_step < step)
        with self._database.change() as connection:
            # First what every change of users locks first: in another order, two could wait for each other.
            connection.execute(select(SEQUENCE.c.value).with_for_update())
            check_asker(connection, record)
            if connection.execute(update(USERS).where(*unused).values(totp_step=step)).rowcount == 0:
                return False
            append(connection, record)
            return True

    def audit(self, record: AuditRecord) -> None:
        """Append to the audit log what changed nothing."""
        with self._database.change() as connection:
            append(connection, record)

    def _change_totp(self, username: str, record: AuditRecord, *, totp: bytes | None, totp_step: int | None) -> None:
        with changing(self._database, record) as (connection, _):
            row = connection.execute(select(USERS.c.totp).where(USERS.c.username == username)).first()
            if row is None:
                raise UnknownUser(username)
            if (row.totp is None) == (totp is None):
                raise with_code(username) if totp is not None else without_code(username)
            values = {"totp": totp, "totp_step": totp_step, "version": _version(connection)}
            connection.execute(update(USERS).where(USERS.c.username == username).values(**values))

    # -- keys -----------------------------------------------------------------------------------------------------------

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Note when keys were last used."""
        with self._database.change() as connection:
            for key_id, at in sorted(used.items()):
                connection.execute(update(API_KEYS).where(API_KEYS.c.key_id == key_id).values(last_used_at=at))


def with_code(username: str) -> InvalidArgument:
    """The refusal to enable codes for a user who has some."""
    ending = f"`ordergate user totp disable {username}` ends that."
    return InvalidArgument(f"User '{username}' signs in with a code already. {ending}")


def without_code(username: str) -> InvalidArgument:
    """The refusal of a code, or to disable codes, where the password is enough."""
    return InvalidArgument(f"User '{username}' signs in without a code.")


def _exists(connection: Connection, username: str) -> bool:
    query = select(func.count()).select_from(USERS).where(USERS.c.username == username)
    return bool(connection.execute(query).scalar_one())


def _has_admins(connection: Connection) -> bool:
    is_admin = (USERS.c.role == Role.ADMIN.value, USERS.c.disabled_at.is_(None))
    return connection.execute(select(USERS.c.username).where(*is_admin).limit(1)).first() is not None


def _version(connection: Connection) -> int:
    """A number that no row has had: that of the change under way."""
    version: int = connection.execute(select(SEQUENCE.c.safety_version)).scalar_one()
    return version


def _user(row: Row[Any]) -> User:
    return User(
        username=row.username,
        password_hash=row.password_hash,
        role=Role(row.role),
        disabled_at=row.disabled_at,
        version=row.version,
    )

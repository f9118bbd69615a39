"""The user of the environment, who may do everything, and of whose password only the hash is stored; and other users' passwords.

The password comes from the environment, from ``ordergate user password``, or is made on the first run where somebody sees it, and
shown once. There is no default. The hash of the newest is the database's: a changed one there takes effect in every process within
seconds, and a password that the environment had does not bring back an older one when it is taken away.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.clock import Clock
from app.concurrency.cached import Cached
from app.domain.audit import AuditRecord
from app.services.accounts.directory import Directory
from app.settings import Settings
from app.storage.accounts import Accounts

log = structlog.get_logger(__name__)

#: 18 bytes are 24 letters, which nobody guesses and which still fit on a line.
_PASSWORD_BYTES = 18
#: Seconds after which a hash is read again from the database, beside the requests that use it.
_MAX_AGE = 1.0
#: The hash of a user that was deleted.
_NO_USER = ""


class Users:
    """The users of this gateway."""

    def __init__(
        self, accounts: Accounts, settings: Settings, clock: Clock, directory: Directory | None = None
    ) -> None:
        self._accounts = accounts
        self._directory = directory
        self._settings = settings
        self._hash: Cached[str] = Cached(clock, self._read_hash, retry_after=_MAX_AGE)

    async def start(self, *, makes_first: bool = True) -> str | None:
        """Make sure that there is a password. Return it if this call made it, to be shown once, else None.

        Without ``makes_first`` nobody would see one, so none is made, and nobody can sign in before there is one.
        """
        if self._settings.password is not None:
            self._hash.put(await asyncio.to_thread(self._store, self._settings.password))
            return None
        password = await asyncio.to_thread(self._first_password) if makes_first else None
        if await self._hash.renew() == _NO_USER:
            log.warning("no password is set", username=self._settings.username, advice="run: ordergate user password")
        return password

    def set_password(self, password: str, record: AuditRecord) -> None:
        """Set the user's password; running processes take it within seconds. Raises ``JournalUnavailable``."""
        self._accounts.put_password_hash(self._settings.username, PasswordHasher().hash(password), record)

    async def password_hash(self, username: str) -> str | None:
        """The hash of a user's password, or None if there is no such user.

        No request waits for the database: the hash is a second old at the most, or the last that was known while the database can't
        be asked.
        """
        if username != self._settings.username:
            user = None if self._directory is None else await self._directory.user(username)
            return None if user is None or user.disabled_at is not None else user.password_hash
        if self._settings.password is not None:
            return self._hash.value
        return await self._hash.get_or_renew_behind(_MAX_AGE) or None

    async def close(self) -> None:
        """Cancel a read that is under way."""
        await self._hash.close()

    def _first_password(self) -> str | None:
        username = self._settings.username
        if self._accounts.password_hash(username) is not None:
            return None
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        # Another process may have made one at the same moment.
        return password if self._accounts.add_password_hash(username, PasswordHasher().hash(password)) else None

    def _store(self, password: str) -> str:
        """The hash of a password that the environment has, which becomes the stored one unless it is that already."""
        stored = self._accounts.password_hash(self._settings.username)
        if stored is not None:
            with suppress(VerifyMismatchError, InvalidHashError):
                PasswordHasher().verify(stored, password)
                return stored
        hashed = PasswordHasher().hash(password)
        self._accounts.put_password_hash(self._settings.username, hashed)
        return hashed

    async def _read_hash(self) -> str:
        return await asyncio.to_thread(self._accounts.password_hash, self._settings.username) or _NO_USER

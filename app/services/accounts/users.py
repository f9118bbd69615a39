"""Who may call: one user, of whose password only the hash is stored.

The password comes from the environment, or is made on the first run and shown once. There is no default. A password that was made
is the database's: a changed hash there takes effect in every process.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

from argon2 import PasswordHasher

from app.domain.errors import JournalUnavailable
from app.settings import Settings
from app.storage.accounts import Accounts

#: 18 bytes are 24 letters, which nobody guesses and which still fit on a line.
_PASSWORD_BYTES = 18


class Users:
    """The users of this gateway."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._settings = settings
        #: The hash as it was known last.
        self._hash: str | None = None

    async def start(self) -> str | None:
        """Make sure that there is a password. Return it if this call made it, to be shown once, else None."""
        hasher = PasswordHasher()
        if self._settings.password is not None:
            self._hash = await asyncio.to_thread(hasher.hash, self._settings.password)
            return None
        return await asyncio.to_thread(self._first_password, hasher)

    def _first_password(self, hasher: PasswordHasher) -> str | None:
        username = self._settings.username
        self._hash = self._accounts.password_hash(username)
        if self._hash is not None:
            return None
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        is_ours = self._accounts.add_password_hash(username, hasher.hash(password))
        self._hash = self._accounts.password_hash(username)
        # Another process may have made one at the same moment.
        return password if is_ours else None

    async def password_hash(self, username: str) -> str | None:
        """The hash of a user's password as it is now, or None if there is no such user. While the database can't be asked, the hash
        that was known last counts.
        """
        if self._settings.password is None:
            # Asked whoever calls, so that an unknown user takes as much time as the known one.
            with suppress(JournalUnavailable):
                self._hash = await asyncio.to_thread(self._accounts.password_hash, self._settings.username)
        return self._hash if username == self._settings.username else None

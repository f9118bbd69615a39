"""Who may call: one user, of whose password only the hash is stored.

The password comes from the environment, or is made on the first run and shown once. There is no default.
"""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher

from app.settings import Settings
from app.storage.accounts import Accounts

#: 18 bytes are 24 letters, which nobody guesses and which still fit on a line.
_PASSWORD_BYTES = 18


class Users:
    """The users of this gateway."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._settings = settings
        self._hashes: dict[str, str] = {}

    async def start(self) -> str | None:
        """Make sure that there is a password. Return it if this call made it, to be shown once, else None."""
        hasher = PasswordHasher()
        if self._settings.password is not None:
            self._hashes[self._settings.username] = await asyncio.to_thread(hasher.hash, self._settings.password)
            return None
        return await asyncio.to_thread(self._first_password, hasher)

    def _first_password(self, hasher: PasswordHasher) -> str | None:
        username = self._settings.username
        stored = self._accounts.password_hash(username)
        password = None
        if stored is None:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            if not self._accounts.add_password_hash(username, hasher.hash(password)):
                password = None  # another process made one at the same moment
            stored = self._accounts.password_hash(username)
        assert stored is not None
        self._hashes[username] = stored
        return password

    async def password_hash(self, username: str) -> str | None:
        """The stored hash of a user's password, or None if there is no such user."""
        return self._hashes.get(username)

"""The sign-ins of people at the console: a sealed token for one user, which a browser keeps as a cookie.

A token holds who signed in, until when it lasts, and a fingerprint of the password's hash and of the sealed secret of codes. It is
sealed with the keys of the vault, so every process reads it, also after a restart. A user who is disabled, whose password was
changed, or for whom codes were enabled or disabled, has no session any more. Only that a session was ended is stored.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.errors import InvalidArgument, NotAuthenticated, TotpRequired
from app.services.accounts.directory import Directory
from app.services.accounts.totp import Totp
from app.services.accounts.users import Users
from app.storage.callers import StoredCallers
from app.vault import Vault, VaultError

#: How long a session lasts: a working day, also a long one.
LIFETIME = timedelta(hours=12)
#: What the tokens are sealed for: no account has this name, so no stored credentials can be taken for a session.
_SEALED_FOR = ("", "console session")
#: Far more than a token has.
_LONGEST = 4096
#: Of the id by which a session is ended.
_ID_BITS = 128
_ENDED = "The session has ended. Sign in again"


class ConsoleSessions:
    """Makes sessions and reads them."""

    def __init__(
        self,
        *,
        vault: Vault,
        totp: Totp,
        users: Users,
        callers: StoredCallers,
        directory: Directory,
        random_bits: Callable[[int], int],
        clock: Clock,
    ) -> None:
        self._vault = vault
        self._totp = totp
        self._users = users
        self._callers = callers
        self._random_bits = random_bits
        self._directory = directory
        self._clock = clock

    async def begin(self, caller: Caller, code: str | None, record: AuditRecord) -> tuple[Caller, str]:
        """A session of a user who has just given the right password, and its token. ``record`` is what the audit log is to hold of
        a code that was right.

        Raises ``InvalidArgument`` for an API key, whose programs send it with every request, and for a code that is not asked for;
        ``TotpRequired``, ``WrongTotp``, and ``NotAuthenticated`` if the user was deleted meanwhile.
        """
        if caller.key_id is not None:
            raise InvalidArgument(
                "An API key can't sign in at the console: send it with each request, or sign in as a user"
            )
        # Of before the code is judged: if codes are enabled meanwhile, the session has ended as it begins.
        fingerprint = await self._fingerprint(caller.name)
        if code is None and self._directory.totp(caller.name) is not None:
            raise TotpRequired
        if code is not None:
            await asyncio.to_thread(self._totp.use, caller.name, code, record)
        expires_at = self._clock.now() + LIFETIME
        held = {
            "id": f"{self._random_bits(_ID_BITS):x}",
            "user": caller.name,
            "password": fingerprint,
            "until": expires_at.isoformat(),
        }
        sealed = self._vault.seal(*_SEALED_FOR, held)
        return replace(caller, expires_at=expires_at), base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    async def caller(self, token: str) -> Caller:
        """Whose session ``token`` is, with what the user may do now. Raises ``NotAuthenticated``."""
        held = self._opened(token)
        expires_at = datetime.fromisoformat(held["until"])
        if self._clock.now() >= expires_at or await self._fingerprint(held["user"]) != held["password"]:
            raise NotAuthenticated(_ENDED)
        # A token of an earlier version has no id, and could not be ended.
        session_id = held.get("id")
        caller = await self._directory.caller_of(held["user"])
        if caller is None or session_id is None or self._directory.is_ended(session_id):
            raise NotAuthenticated(_ENDED)
        return replace(caller, session_id=session_id, expires_at=expires_at)

    async def end(self, caller: Caller, record: AuditRecord) -> None:
        """End the session of ``caller``, so that no copy of its token opens anything: here from now on, in other processes within
        half a second, and nowhere in a transaction that comes later. Does nothing for who has none.
        """
        if caller.session_id is None or caller.expires_at is None:
            return
        # Whoever holds the token may end it, also when it has ended already.
        ending = replace(record, caller=None)
        await asyncio.to_thread(self._callers.end_session, caller.session_id, caller.expires_at, ending)
        await self._directory.refresh()

    def _opened(self, token: str) -> dict[str, str]:
        if len(token) > _LONGEST:
            raise NotAuthenticated(_ENDED)
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return self._vault.open(*_SEALED_FOR, sealed)
        except (binascii.Error, ValueError, VaultError) as error:
            raise NotAuthenticated(_ENDED) from error

    async def _fingerprint(self, username: str) -> str:
        """Of what the user signs in with now: of the password's hash and the sealed secret, so nothing can be learned from it."""
        stored = await self._users.password_hash(username)
        if stored is None:
            raise NotAuthenticated(_ENDED)
        return hashlib.sha256(stored.encode() + (self._directory.totp(username) or b"")).hexdigest()

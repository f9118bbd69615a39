"""Codes that people sign in with beside the password (TOTP, RFC 6238: six digits, one code per 30 seconds).

The secret is sealed with the keys of the vault and stands in the user's row, with the time step of the last code that was used. A
code counts once, over all processes: using it is a compare-and-set of that step. All verbs are synchronous and thread-safe.
"""

from __future__ import annotations

import hmac

import pyotp
from msgspec.structs import replace

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.errors import NotAuthenticated, WrongTotp
from app.storage.callers import StoredCallers, with_code, without_code
from app.vault import Vault, VaultError

_ISSUER = "Ordergate"
#: Steps by which the clock of an authenticator may differ from ours, either way (RFC 6238, 5.2 and 6).
_SKEW = (0, -1, 1)


class Totp:
    """The codes of the users in one database."""

    def __init__(self, stored: StoredCallers, vault: Vault, clock: Clock) -> None:
        self._stored = stored
        self._vault = vault
        self._clock = clock

    def new_secret(self, username: str) -> str:
        """A new secret of 160 random bits in Base32 for a user. Raises ``UnknownUser``, and ``InvalidArgument`` if there is one."""
        if self._stored.totp(username) is not None:
            raise with_code(username)
        return pyotp.random_base32()

    def enable(self, username: str, secret: str, code: str, record: AuditRecord) -> None:
        """Demand codes of the user from now on. ``code`` proves that the user has the secret, and can't be used again.

        Raises ``UnknownUser``, ``WrongTotp``, and ``InvalidArgument`` if there is a secret.
        """
        step = self._step_of(secret, code)
        if step is None:
            raise WrongTotp
        self._stored.put_totp(username, self._vault.seal(*_place(username), {"secret": secret}), step, record)

    def disable(self, username: str, record: AuditRecord) -> None:
        """Let the user's password be enough. Raises ``UnknownUser``, and ``InvalidArgument`` if it is."""
        self._stored.delete_totp(username, record)

    def use(self, username: str, code: str, record: AuditRecord) -> None:
        """Use a code. Raises ``WrongTotp``, and ``InvalidArgument`` if the password is enough. What came of it is appended to the
        audit log as ``record``.
        """
        sealed = self._stored.totp(username)
        if sealed is None:
            raise without_code(username)
        try:
            secret = self._vault.open(*_place(username), sealed)["secret"]
        except VaultError as error:
            raise NotAuthenticated(
                "The secret of this user's codes can't be opened with the key of this server",
                hint="On the server, `ordergate user totp disable` and then `enable` make a new one",
            ) from error
        step = self._step_of(secret, code)
        if step is None or not self._stored.use_totp(username, sealed, step, record):
            self._stored.audit(replace(record, outcome=WrongTotp.code))
            raise WrongTotp

    def _step_of(self, secret: str, code: str) -> int | None:
        """The time step whose code it is; None if it is that of no step near the present one."""
        totp = pyotp.TOTP(secret)
        now = totp.timecode(self._clock.now())
        fitting = (now + by for by in _SKEW if hmac.compare_digest(totp.generate_otp(now + by).encode(), code.encode()))
        return next(fitting, None)


def uri_of(username: str, secret: str) -> str:
    """The address by which authenticators take a secret (``otpauth://``)."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER)


def reseal_totp(stored: StoredCallers, vault: Vault, username: str) -> bool:
    """Seal the secret of a user's codes with the vault's first key; False if it is, or if there is none. Raises ``VaultError``."""
    while (sealed := stored.totp(username)) is not None:
        if vault.is_current(*_place(username), sealed):
            return False
        if stored.replace_totp(username, sealed, vault.seal(*_place(username), vault.open(*_place(username), sealed))):
            return True
        # Another secret was stored at this moment; the next round looks at it.
    return False


def _place(username: str) -> tuple[str, str]:
    """What a secret is sealed for: no account has this name, and no connector, and no two users share it."""
    return ("", f"codes of {username}")

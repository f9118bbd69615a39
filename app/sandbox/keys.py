"""The API keys and their accounts. In memory only: a sandbox gets its keys each time that it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from app.sandbox.signatures import HmacVerifier, Verifier, public_key_verifier

#: The passphrase of a key that was given none, where a protocol has passphrases.
PASSPHRASE = "sandbox-passphrase"  # noqa: S105 - known to everybody, as the default key is


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key of one account. ``secret`` is for protocols that sign in a way of their own, empty of a public key."""

    api_key: str
    account: str
    verifier: Verifier
    secret: str = field(default="", repr=False)
    passphrase: str = field(default=PASSPHRASE, repr=False)


def account_number(account: str) -> int:
    """The exchange's own number of ``account``: the same for all its keys and after every start, and another for every account."""
    return int.from_bytes(sha256(account.encode()).digest()[:5])


class KeyRing:
    """All API keys."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add(
        self,
        account: str,
        api_key: str,
        *,
        secret: str | None = None,
        public_key: str | None = None,
        passphrase: str = PASSPHRASE,
    ) -> None:
        """Add a key of ``account``. Raises ``ValueError`` unless there is exactly one of secret and public key."""
        if (secret is None) == (public_key is None):
            raise ValueError("exactly one of secret and public_key is needed")
        if not api_key:
            raise ValueError("api_key is empty")
        if secret is not None:
            verifier: Verifier = HmacVerifier(secret)
        else:
            assert public_key is not None
            verifier = public_key_verifier(public_key)
        self._keys[api_key] = ApiKey(
            api_key=api_key, account=account, verifier=verifier, secret=secret or "", passphrase=passphrase
        )

    def find(self, api_key: str) -> ApiKey | None:
        return self._keys.get(api_key)

    def all(self) -> Iterable[ApiKey]:
        """Every key."""
        return tuple(self._keys.values())

    def of_account(self, account: str) -> list[str]:
        """The account's keys, in the order in which they were added."""
        return [key.api_key for key in self._keys.values() if key.account == account]

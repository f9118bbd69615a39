"""Credentials sealed at rest: authenticated encryption with the account and connector bound in.

A sealed text opens only for the account and connector it was sealed for, so rows can't be swapped. There may be several keys: the
first one seals, all of them open, which is how a key is replaced. They come from ``ORDERGATE_SECRET_KEY`` (separated by commas) or
from a file of mode 0600 that the first run makes (one a line). Nothing here logs, and no error repeats a secret.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: The first byte of a sealed text, so that another scheme can follow.
_VERSION = b"\x01"
#: AES-GCM's standard nonce; random, which is safe for far more seals than a gateway ever makes.
_NONCE_BYTES = 12
#: AES-256.
_KEY_BYTES = 32
#: A key of fewer characters is a password, and passwords are guessed.
_MIN_SECRET = 16


class VaultError(Exception):
    """A sealed text could not be opened: the key is another one, or the text was changed or moved."""


class Vault:
    """Seals and opens the credentials of one connector of one account.

    ``secret`` holds one key or several, the sealing one first. ``reload`` gives the present secret and is asked when no key fits,
    since another process may have rotated the key file. Without a ``secret`` it is asked on first use, which makes the first key.
    """

    def __init__(self, secret: str | None, *, reload: Callable[[], str] | None = None) -> None:
        self._ciphers = [] if secret is None else _ciphers(secret)
        self._reload = reload

    def seal(self, account_name: str, connector_name: str, credentials: Mapping[str, str]) -> bytes:
        """``credentials`` as a text that only these keys open, and only for this account and connector."""
        nonce = os.urandom(_NONCE_BYTES)
        clear = msgspec.json.encode(dict(credentials))
        return _VERSION + nonce + self._first().encrypt(nonce, clear, _binding(account_name, connector_name))

    def open(self, account_name: str, connector_name: str, sealed: bytes) -> dict[str, str]:
        """The credentials in ``sealed``. Raises ``VaultError``."""
        if sealed[:1] != _VERSION:
            raise VaultError(f"The credentials of '{connector_name}' of account '{account_name}' have an unknown form")
        clear = self._open(account_name, connector_name, sealed)
        if clear is None:
            raise VaultError(
                f"The credentials of '{connector_name}' of account '{account_name}' can't be opened with this key"
            )
        return msgspec.json.decode(clear, type=dict[str, str])

    def is_current(self, account_name: str, connector_name: str, sealed: bytes) -> bool:
        """Whether ``sealed`` was sealed with the first key."""
        return _decrypt(self._first(), account_name, connector_name, sealed) is not None

    def _first(self) -> AESGCM:
        if not self._ciphers:
            assert self._reload is not None
            self._ciphers = _ciphers(self._reload())
        return self._ciphers[0]

    def _open(self, account_name: str, connector_name: str, sealed: bytes) -> bytes | None:
        clear = _first_fit(self._ciphers, account_name, connector_name, sealed)
        if clear is None and self._reload is not None:
            self._ciphers = _ciphers(self._reload())
            clear = _first_fit(self._ciphers, account_name, connector_name, sealed)
        return clear


def load_secret(configured: str | None, key_file: Path) -> str:
    """The configured secret, or the one in ``key_file``, which is made with mode 0600 if there is none yet."""
    if configured is not None:
        return configured
    if not key_file.exists():
        fresh = _written(key_file, _new_key() + "\n")
        # A link is made whole or not at all: another process that starts now never reads half a key.
        with suppress(FileExistsError):
            os.link(fresh, key_file)
        fresh.unlink()
        _sync_directory(key_file.parent)
    return key_file.read_text(encoding="ascii").strip()


def add_key(key_file: Path) -> str:
    """Put a new key before those in ``key_file``, by replacing the file in one step; the secret as it then is."""
    directory = os.open(key_file.parent, os.O_RDONLY)
    try:
        # Of two processes that add one at the same moment, neither may lose the other's.
        fcntl.flock(directory, fcntl.LOCK_EX)
        present = load_secret(None, key_file)
        _written(key_file, f"{_new_key()}\n{present}\n").replace(key_file)
        _sync_directory(key_file.parent)
        return load_secret(None, key_file)
    finally:
        os.close(directory)


def _new_key() -> str:
    return os.urandom(_KEY_BYTES).hex()


def _written(beside: Path, text: str) -> Path:
    """``text`` in a new file beside another one, for the owner only, durable."""
    path = beside.with_name(f"{beside.name}.{os.urandom(4).hex()}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path


def _sync_directory(directory: Path) -> None:
    """Make a rename durable: what is sealed with the new key must not outlive the key."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ciphers(secret: str) -> list[AESGCM]:
    """A cipher for each key in ``secret``. Raises ``ValueError`` if there is none, or one that is too short."""
    keys = [key.strip() for key in re.split("[,\n]", secret) if key.strip()]
    if not keys or min(map(len, keys)) < _MIN_SECRET:
        raise ValueError(f"each key of ORDERGATE_SECRET_KEY must have at least {_MIN_SECRET} characters")
    return [AESGCM(_derived(key)) for key in keys]


def _derived(key: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"ordergate credentials")
    return hkdf.derive(key.encode())


def _first_fit(ciphers: list[AESGCM], account_name: str, connector_name: str, sealed: bytes) -> bytes | None:
    opened = (_decrypt(cipher, account_name, connector_name, sealed) for cipher in ciphers)
    return next((clear for clear in opened if clear is not None), None)


def _decrypt(cipher: AESGCM, account_name: str, connector_name: str, sealed: bytes) -> bytes | None:
    """The clear text, or None if this key did not seal it for this account and connector."""
    nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if len(nonce) < _NONCE_BYTES:
        return None
    try:
        return cipher.decrypt(nonce, text, _binding(account_name, connector_name))
    except InvalidTag:
        return None


def _binding(account_name: str, connector_name: str) -> bytes:
    return f"{account_name}\x00{connector_name}".encode()

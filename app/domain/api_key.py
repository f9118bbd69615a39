"""API keys: how their secrets look, and what a stored one allows.

A secret is ``ogk_<environment>_<id>_<43 characters><check>``: the environment and the id can be read by anybody, the 43 characters
hold 256 random bits, and the check tells a mistyped secret from a wrong one before anything is looked up. So many random bits need
no slow hash: what is stored is the SHA-256 of the whole text.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address, ip_network

from msgspec import Struct, field

from app.domain.caller import Caller, Standing
from app.domain.enums import Environment, Scope

#: What every secret begins with; scanners for leaked secrets look for it.
PREFIX = "ogk_"

_ID_LENGTH = 12
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SECRET_LENGTH = 43
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CHECK_LENGTH = 6
_CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(
    rf"ogk_(live|paper)_([a-z2-7]{{{_ID_LENGTH}}})_[A-Za-z0-9_-]{{{_SECRET_LENGTH}}}([0-9A-Za-z]{{{_CHECK_LENGTH}}})"
)


class ApiKey(Struct, frozen=True, kw_only=True):
    """A stored key. None as a bound means no bound; ``version`` changes with everything that narrows or ends it.

    ``told`` are the ids of the keys that were told a secret of it, because they made it or gave it another: whoever has these may
    act with it, too.
    """

    key_id: str
    name: str
    environment: Environment
    scopes: frozenset[Scope]
    accounts: frozenset[str] | None = None
    connectors: frozenset[str] | None = None
    pairs: frozenset[str] | None = None
    allowed_ips: tuple[str, ...] | None = None
    secret_hash: bytes = field(default=b"")
    #: The hash of the secret before a rotation, which holds until ``previous_until``.
    previous_hash: bytes | None = None
    previous_until: datetime | None = None
    created_at: datetime
    created_by: str
    told: tuple[str, ...] = ()
    expires_at: datetime | None = None
    disabled_at: datetime | None = None
    deleted_at: datetime | None = None
    last_used_at: datetime | None = None
    version: int = 0

    def __repr__(self) -> str:
        return f"ApiKey({self.key_id})"

    def is_valid(self, now: datetime) -> bool:
        """Whether the key may be used at all at ``now``."""
        is_over = self.expires_at is not None and now >= self.expires_at
        return self.deleted_at is None and self.disabled_at is None and not is_over

    def opens_with(self, given: bytes, now: datetime) -> bool:
        """Whether ``given`` is the hash of the key's secret, or of the one until a rotation whose overlap is not over. Takes as
        long for any hash.
        """
        is_current = hmac.compare_digest(given, self.secret_hash)
        is_previous = hmac.compare_digest(given, self.previous_hash or b"")
        return is_current or (is_previous and self.previous_until is not None and now < self.previous_until)

    def opens_until(self, given: bytes | None) -> datetime | None:
        """When the key opens nothing any more with the secret of that hash, None for never."""
        if given is None or hmac.compare_digest(given, self.secret_hash):
            return self.expires_at
        ends = [moment for moment in (self.expires_at, self.previous_until) if moment is not None]
        return min(ends, default=None)

    def admits_all_of(self, other: ApiKey) -> bool:
        """Whether ``other`` may be used from nowhere that this key may not be used from."""
        if self.allowed_ips is None:
            return True
        own = [ip_network(each) for each in self.allowed_ips]
        return other.allowed_ips is not None and all(
            any(given.version == each.version and given.subnet_of(each) for each in own)  # type: ignore[arg-type]
            for given in map(ip_network, other.allowed_ips)
        )

    def outlives(self, other: ApiKey) -> bool:
        """Whether this key may be used for longer than ``other``."""
        return other.expires_at is not None and (self.expires_at is None or self.expires_at > other.expires_at)

    def standing_of(self, caller: Caller, now: datetime) -> Standing:
        """What is to be held against ``caller``, who calls with the key, at ``now``."""
        is_opened = caller.secret_hash is None or self.opens_with(caller.secret_hash, now)
        return Standing(version=self.version, is_valid=is_opened and self.is_valid(now))

    def admits(self, address: str) -> bool:
        """Whether the key may be used from ``address``."""
        if self.allowed_ips is None:
            return True
        try:
            given = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(given, "ipv4_mapped", None)
        given = given if mapped is None else mapped
        return any(given in ip_network(each) for each in self.allowed_ips)

    @property
    def caller(self) -> Caller:
        """What whoever calls with it may do."""
        return self.caller_by(None)

    def caller_by(self, secret_hash: bytes | None) -> Caller:
        """Who calls with the secret of that hash."""
        return Caller(
            name=self.name,
            key_id=self.key_id,
            scopes=self.scopes,
            accounts=self.accounts,
            connectors=self.connectors,
            pairs=self.pairs,
            environment=self.environment,
            version=self.version,
            secret_hash=secret_hash,
        )


def new_key_id(random_bits: Callable[[int], int]) -> str:
    """An id of 60 random bits."""
    return _text(random_bits(5 * _ID_LENGTH), _ID_LENGTH, _ID_ALPHABET)


def new_secret(environment: Environment, key_id: str, random_bits: Callable[[int], int]) -> str:
    """A secret of 256 random bits."""
    body = f"{PREFIX}{environment.value}_{key_id}_{_text(random_bits(256), _SECRET_LENGTH, _SIGNS)}"
    return body + _check(body)


def key_id_in(secret: str) -> str | None:
    """The id in a well-formed secret, whose check is right; None in anything else."""
    found = _FORM.fullmatch(secret)
    if found is None or _check(secret[:-_CHECK_LENGTH]) != found.group(3):
        return None
    return found.group(2)


def hash_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def _check(body: str) -> str:
    return _text(zlib.crc32(body.encode()), _CHECK_LENGTH, _CHECK_ALPHABET)


def _text(number: int, length: int, alphabet: str) -> str:
    signs = []
    for _ in range(length):
        number, index = divmod(number, len(alphabet))
        signs.append(alphabet[index])
    return "".join(reversed(signs))

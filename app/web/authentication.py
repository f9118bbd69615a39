"""Who is calling: Basic credentials against a stored argon2id hash, at the cost of a dictionary look-up for a known caller.

    Credentials come in the ``Authorization`` header, on a WebSocket also in one of two query forms.
    A hash is verified in a thread, at most two at once, and once for all requests that wait for the same credentials.
    Results are cached under a keyed hash of the header, never the password itself: acceptances for minutes, refusals for seconds,
    in separate caches, so that a guesser can't push a caller out.
    An acceptance ends when the stored hash changes. An unknown user costs as much time as a wrong password.

The module decides only who a caller is. It must not log or quote credentials.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from starlette.types import Scope

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight
from app.domain.errors import NotAuthenticated, NotNow
from app.web.messages import headers_of

#: Seconds that an acceptance lasts: a busy caller costs one hash in five minutes.
ACCEPTED_SECONDS = 300
#: Seconds after which an acceptance is compared with the stored hash again: a changed password takes effect within them.
RECHECK_SECONDS = 1
#: Seconds that a refusal lasts: long enough to blunt a retry loop, short enough for a user who has just set a password.
REFUSED_SECONDS = 2
#: Far more credentials than one gateway has users.
REMEMBERED = 1024
#: One verification takes 64 MiB and a whole core for a while.
HASHES_AT_ONCE = 2
#: Verifications that wait. Further ones are refused at once instead of waiting for minutes.
MOST_WAITING = 32

#: Bytes of base64 that any sane name and password fit into.
_LONGEST = 2048

#: The hash of a random password, made with the default cost; verified for users that do not exist.
_DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$UecdFOLzh4Hp6xSJKxs4Mw$lHySd66dbM/KnG0Ma5YhVMlh6BsPSeYTNOSa/eo75K8"

#: The parameters of a WebSocket's address that hold credentials.
_SECRET = ("token", "username", "password")

_NOT_GIVEN = "Not authenticated"
_WRONG = "Incorrect username or password"

_HASHER = PasswordHasher()
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and a password as a caller gave them."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acceptance:
    """Credentials that were right. The moments are those of the clock's monotonic seconds."""

    username: str
    stored_hash: str
    expires_at: float  # a monotonic moment
    recheck_at: float  # a monotonic moment


class Authenticator:
    """Verifies Basic credentials. ``password_hash`` gives a user's argon2 hash, or None if there is no such user."""

    def __init__(self, password_hash: Callable[[str], Awaitable[str | None]], clock: Clock) -> None:
        self._password_hash = password_hash
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._accepted: OrderedDict[bytes, _Acceptance] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._verifications: SingleFlight[bytes, str | None] = SingleFlight()
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE, "authentication")

    async def authenticate(self, authorization: bytes | None) -> str:
        """The name of the user whose credentials the ``Authorization`` value holds.

        Raises ``NotAuthenticated`` without or with wrong credentials, ``NotNow`` when too many guesses are waiting.
        """
        if not authorization:
            raise NotAuthenticated(_NOT_GIVEN)
        key = self._key(authorization)
        now = self._clock.monotonic()
        acceptance = self._accepted.get(key)
        if acceptance is not None and (now < acceptance.recheck_at or await self._renew(key, acceptance, now)):
            return acceptance.username
        if now < self._refused.get(key, now):
            raise NotAuthenticated(_WRONG)
        username = await self._verify_once(key, authorization)
        if username is None:
            raise NotAuthenticated(_WRONG)
        return username

    async def expect(self, username: str, password: str) -> None:
        """Accept the credentials that the stored hash was just made from, so that the first caller need not wait for a
        verification.
        """
        stored = await self._password_hash(username)
        if stored is not None:
            self._accept(self._key(basic_authorization(username, password)), username, stored)

    def close(self) -> None:
        """Stop the threads. May be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _renew(self, key: bytes, acceptance: _Acceptance, now: float) -> bool:
        """Whether an acceptance still stands: not expired, and the stored hash is the one that was verified."""
        stored = await self._password_hash(acceptance.username)
        if now >= acceptance.expires_at or stored is None or not _same(stored, acceptance.stored_hash):
            self._accepted.pop(key, None)
            return False
        self._remember(self._accepted, key, replace(acceptance, recheck_at=now + RECHECK_SECONDS))
        return True

    async def _verify_once(self, key: bytes, authorization: bytes) -> str | None:
        """The user's name, or None; requests with the same credentials share one verification."""
        if key not in self._verifications and len(self._verifications) >= MOST_WAITING:
            raise NotNow("Too many sign-ins at once", retry_after=timedelta(seconds=REFUSED_SECONDS))
        return await self._verifications.run(key, lambda: self._verify(key, authorization))

    async def _verify(self, key: bytes, authorization: bytes) -> str | None:
        credentials = parse_basic(authorization)
        if credentials is None:
            return None
        stored = await self._password_hash(credentials.username)
        loop = asyncio.get_running_loop()
        matches = await loop.run_in_executor(self._threads, _matches, stored or _DUMMY_HASH, credentials)
        if not matches or stored is None:
            self._remember(self._refused, key, self._clock.monotonic() + REFUSED_SECONDS)
            return None
        self._accept(key, credentials.username, stored)
        return credentials.username

    def _key(self, authorization: bytes) -> bytes:
        # A keyed hash; unlike an HMAC of OpenSSL's it does not let go of the interpreter for so few bytes.
        return hashlib.blake2b(authorization, key=self._secret, digest_size=32).digest()

    def _accept(self, key: bytes, username: str, stored_hash: str) -> None:
        now = self._clock.monotonic()
        acceptance = _Acceptance(
            username=username,
            stored_hash=stored_hash,
            expires_at=now + ACCEPTED_SECONDS,
            recheck_at=now + RECHECK_SECONDS,
        )
        self._remember(self._accepted, key, acceptance)

    @staticmethod
    def _remember(store: OrderedDict[bytes, _Value], key: bytes, value: _Value) -> None:
        store[key] = value
        store.move_to_end(key)
        if len(store) > REMEMBERED:
            store.popitem(last=False)


def _matches(stored_hash: str, credentials: Credentials) -> bool:
    """Whether the password fits the hash. Raises argon2's own error if the stored hash can't be read, which is a fault."""
    try:
        return _HASHER.verify(stored_hash, credentials.password)
    except VerifyMismatchError:
        return False


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def parse_basic(authorization: bytes) -> Credentials | None:
    """The credentials in the value of an ``Authorization`` header; None if it is not well-formed Basic."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > _LONGEST:
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    username, colon, password = _text(decoded).partition(":")
    # No database can hold a name with a NUL, so there is nobody to look for.
    if not colon or "\x00" in username:
        return None
    return Credentials(username=username, password=password)


def websocket_authorization(scope: Scope, *, with_header: bool = True) -> bytes | None:
    """The credentials of a WebSocket's handshake as the value of an ``Authorization`` header.

    In this order: the header itself, ``?token=base64(user:password)``, ``?username=&password=``; None if there are none.
    """
    header: bytes | None = headers_of(scope).get(b"authorization") if with_header else None
    if header is not None:
        return header
    raw: bytes = scope.get("query_string", b"")
    query = dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))
    if "token" in query:
        # Clients send the token without escaping it, so its plus signs arrive as spaces.
        return b"Basic " + query["token"].replace(" ", "+").encode("utf-8")
    if "username" in query and "password" in query:
        return basic_authorization(query["username"], query["password"])
    return None


def hide_credentials(scope: Scope) -> None:
    """Take credentials out of the address, which servers log. Call it once they have been read, and before anything is answered."""
    query: bytes = scope.get("query_string", b"")
    # Names may be escaped, too.
    if b"token" in query or b"password" in query or b"%" in query:
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        shown = [(name, value) for name, value in given if name not in _SECRET]
        if len(shown) < len(given):
            scope["query_string"] = urlencode(shown).encode("ascii")


def basic_authorization(username: str, password: str) -> bytes:
    """The value of an ``Authorization`` header as nearly every client writes it."""
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())


def _text(data: bytes) -> str:
    """UTF-8 as RFC 7617 wants it, else Latin-1 as older clients send it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")

"""Who is calling: Basic credentials against a stored argon2id hash, at the cost of a dictionary look-up for a known caller.

    Credentials come in the ``Authorization`` header, on a WebSocket also as ``app.web.access.handshakes`` tells.
    A hash is verified in a thread that gives way to the event loop, and once for all requests that wait for the same credentials.
    Results are cached under a keyed hash of the header, never the password itself: acceptances as long as they are used, refusals
    for seconds, in separate caches, so that a guesser can't push a caller out.
    An acceptance ends when the stored hash changes. An unknown user costs as much time as a wrong password.
    Failures are bounded by party and user (``throttle``). Parties from which a user has signed in have a thread of their
    own, so that no flood of others keeps them waiting.

The module decides only who a caller is. It must not log or quote credentials.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError
from starlette.types import Scope

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight
from app.domain.audit import DONE, AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.errors import (
    NotAuthenticated,
    NotNow,
    OrdergateError,
    SchemaViolation,
    TooManySignIns,
    TotpRequired,
    WrongTotp,
)
from app.metrics import Metrics
from app.web.access.credentials import (
    CHECK,
    HOW,
    SESSION,
    Credentials,
    basic_authorization,
    key_in,
    parse_basic,
    unreadable,
)
from app.web.access.throttle import SignIns
from app.web.addresses import party
from app.web.lanes import Lane

#: Seconds that an acceptance lasts since it was used last.
ACCEPTED_SECONDS = 24 * 3600
#: Seconds after which an acceptance is compared with the stored hash again: a changed password takes effect within them.
RECHECK_SECONDS = 1
#: Seconds that a refusal lasts: long enough to blunt a retry loop, short enough for a user who has just set a password.
REFUSED_SECONDS = 2
#: Far more credentials than one gateway has users.
REMEMBERED = 1024
#: Seconds for which the answer to a sign-in that was not even verified is held back, and how many may be.
DELAY_SECONDS = 1.0
MOST_DELAYED = 1000

#: The hash of a random password, made with the default cost; verified for users that do not exist.
_DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$UecdFOLzh4Hp6xSJKxs4Mw$lHySd66dbM/KnG0Ma5YhVMlh6BsPSeYTNOSa/eo75K8"

#: In the audit log, where there is no user of the name that was given: it may be a mistyped password.
_NOBODY = "nobody"
_NOT_GIVEN = "Not authenticated"
_WRONG = "Incorrect username or password"
_KEY = "The API key is not one that opens this server now: it is unknown, revoked, expired, or not for this address"

log = structlog.get_logger(__name__)

_HASHER = PasswordHasher()
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acceptance:
    """Credentials that were right. The moments are those of the clock's monotonic seconds."""

    username: str
    stored_hash: str
    expires_at: float  # a monotonic moment
    recheck_at: float  # a monotonic moment


class Callers(Protocol):
    """What is known of users and keys."""

    async def caller_of(self, username: str) -> Caller | None:
        """Who calls with the password of the user; None if nobody may."""

    def needs_code(self, username: str) -> bool:
        """Whether the user's password is not enough to sign in."""

    async def caller_with(self, secret: str, address: str) -> Caller:
        """Who calls with an API key from ``address``. Raises ``NotAuthenticated``."""

    async def caller_in(self, session: str) -> Caller:
        """Who has signed in at the console with the session of that token. Raises ``NotAuthenticated``."""

    async def ended(self, caller: Caller) -> None:
        """Return when ``caller`` may not do any more what it may now."""

    async def audit(self, record: AuditRecord) -> None:
        """Append to the audit log."""


class _Owners:
    """Users who may do everything, and no keys."""

    async def caller_of(self, username: str) -> Caller | None:
        return Caller(name=username)

    def needs_code(self, username: str) -> bool:
        return False

    async def caller_with(self, secret: str, address: str) -> Caller:
        raise NotAuthenticated(_WRONG)

    async def caller_in(self, session: str) -> Caller:
        raise NotAuthenticated(_WRONG)

    async def ended(self, caller: Caller) -> None:
        await asyncio.Event().wait()

    async def audit(self, record: AuditRecord) -> None:
        """There is none."""


class Authenticator:
    """Verifies credentials. ``password_hash`` gives a user's argon2 hash, or None if there is no such user; ``callers`` what users
    and keys may do.
    """

    def __init__(
        self,
        password_hash: Callable[[str], Awaitable[str | None]],
        clock: Clock,
        metrics: Metrics | None = None,
        callers: Callers | None = None,
    ) -> None:
        self._password_hash = password_hash
        self._callers = callers or _Owners()
        self._clock = clock
        self._failures = (metrics or Metrics()).sign_in_failures
        self._secret = secrets.token_bytes(32)
        self._accepted: OrderedDict[bytes, _Acceptance] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._verifications: SingleFlight[bytes, str | None] = SingleFlight()
        self._sign_ins = SignIns(clock)
        self._strangers, self._known = Lane("strangers"), Lane("known")
        #: How many answers are being held back.
        self._delayed = 0
        self._notes: set[asyncio.Task[None]] = set()

    async def caller(self, authorization: bytes | None, address: str = "", *, takes_code: bool = False) -> Caller:
        """Who calls with the ``Authorization`` value: a user, a key by ``Bearer`` or by ``Basic`` with its id as the user name, or
        a session at the console. Raises what ``authenticate`` raises, and ``TotpRequired`` for the password of a user who signs in
        with a code, unless the operation ``takes_code``.
        """
        if authorization is not None and authorization.startswith(SESSION):
            return await self._callers.caller_in(authorization.removeprefix(SESSION).decode("latin-1"))
        secret = None if authorization is None else key_in(authorization)
        if secret is not None:
            try:
                return await self._callers.caller_with(secret, address)
            except NotAuthenticated as error:
                self._count(party(address), "wrong")
                error.hint = _KEY
                raise
        username = await self.authenticate(authorization, address)
        if not takes_code and self._callers.needs_code(username):
            raise TotpRequired
        caller = await self._callers.caller_of(username)
        if caller is None:
            raise NotAuthenticated(_WRONG)
        return caller

    @asynccontextmanager
    async def judging_code(self, caller: Caller, address: str) -> AsyncIterator[None]:
        """While the code of ``caller`` is judged: wrong ones are bounded as wrong passwords are. Raises ``TooManySignIns``."""
        if caller.key_id is not None or not self._callers.needs_code(caller.name):
            yield
            return
        who = party(address)
        try:
            self._sign_ins.begin_code(who, caller.name)
        except TooManySignIns:
            self._count(who, "throttled")
            await self._hold_back()
            raise
        try:
            yield
        except (TotpRequired, SchemaViolation):
            self._sign_ins.give_code_back(who, caller.name)
            raise
        except WrongTotp:
            self._count(who, "wrong")
            raise
        self._sign_ins.give_code_back(who, caller.name)

    async def ended(self, caller: Caller) -> None:
        """Return when ``caller`` may not do any more what it may now."""
        await self._callers.ended(caller)

    async def authenticate(self, authorization: bytes | None, address: str = "") -> str:
        """The name of the user whose credentials the ``Authorization`` value holds.

        ``address`` is the caller's. Raises ``NotAuthenticated`` without or with wrong credentials, ``TooManySignIns`` where too
        many were wrong, ``NotNow`` where too many wait or there is no memory to verify them.
        """
        if not authorization:
            raise NotAuthenticated(_NOT_GIVEN, hint=HOW)
        key = self._key(authorization)
        username = await self._accepted_user(key)
        if username is not None:
            return username
        credentials = parse_basic(authorization)
        if credentials is None:
            raise NotAuthenticated(_WRONG, hint=unreadable(authorization))
        # The same name and password, written in another way.
        common = self._key(basic_authorization(credentials.username, credentials.password))
        username = await self._accepted_user(common)
        if username is not None:
            self._remember(self._accepted, key, self._accepted[common])
            return username
        return await self._sign_in(key, credentials, party(address))

    async def expect(self, username: str, password: str) -> None:
        """Accept the credentials that the stored hash was just made from, so that no caller need wait for a verification: this
        process has the password all the time, and so it accepts it as long as the hash is the same.
        """
        stored = await self._password_hash(username)
        if stored is not None:
            self._accept(self._key(basic_authorization(username, password)), username, stored, math.inf)

    def close(self) -> None:
        """Stop the threads. May be called twice."""
        self._strangers.close()
        self._known.close()

    async def _accepted_user(self, key: bytes) -> str | None:
        """The user whose credentials were right before, and are so still. While they are used, that does not end."""
        acceptance = self._accepted.get(key)
        if acceptance is None:
            return None
        now = self._clock.monotonic()
        if now < acceptance.recheck_at:
            return acceptance.username
        stored = await self._password_hash(acceptance.username)
        if now >= acceptance.expires_at or stored is None or not _same(stored, acceptance.stored_hash):
            self._accepted.pop(key, None)
            return None
        # The hash is the one that the password was verified with, so to verify it again could only have the same result.
        self._accept(key, acceptance.username, stored, max(acceptance.expires_at, now + ACCEPTED_SECONDS))
        return acceptance.username

    async def _sign_in(self, key: bytes, credentials: Credentials, who: str) -> str:
        """Verify credentials that nobody knows yet."""
        try:
            if self._clock.monotonic() < self._refused.get(key, 0.0):
                raise NotAuthenticated(_WRONG, hint=CHECK)
            username = await self._verify_once(key, credentials, who)
            if username is None:
                raise NotAuthenticated(_WRONG, hint=CHECK)
        except NotAuthenticated:
            self._count(who, "wrong")
            raise
        except TooManySignIns:
            self._count(who, "throttled")
            await self._hold_back()
            raise
        except NotNow:
            self._count(who, "busy")
            await self._hold_back()
            raise
        return username

    async def _verify_once(self, key: bytes, credentials: Credentials, who: str) -> str | None:
        """The user's name, or None; requests with the same credentials share one verification."""
        if key in self._verifications:
            return await self._verifications.run(key, self._no_verification)
        is_known = self._sign_ins.is_known(who, credentials.username)
        lane = self._known if is_known else self._strangers
        self._sign_ins.begin(who, credentials.username)
        if not lane.has_room(who):
            self._sign_ins.give_back(who, credentials.username)
            raise NotNow("Too many sign-ins at once", retry_after=timedelta(seconds=REFUSED_SECONDS))
        lane.enter(who)
        return await self._verifications.run(key, lambda: self._verify(key, credentials, who, lane))

    async def _no_verification(self) -> str | None:
        raise AssertionError("there is one under way")

    async def _verify(self, key: bytes, credentials: Credentials, who: str, lane: Lane) -> str | None:
        try:
            stored = await self._password_hash(credentials.username)
            matches = await lane.run(_matches, stored or _DUMMY_HASH, credentials)
        except Exception:
            # Whatever it was, it says nothing of the password.
            self._sign_ins.give_back(who, credentials.username)
            raise
        finally:
            lane.leave(who)
        self._note(
            credentials.username if stored is not None else _NOBODY, who, is_right=matches and stored is not None
        )
        if not matches or stored is None:
            self._remember(self._refused, key, self._clock.monotonic() + REFUSED_SECONDS)
            return None
        self._sign_ins.succeeded(who, credentials.username)
        lasting = self._clock.monotonic() + ACCEPTED_SECONDS
        for each in {key, self._key(basic_authorization(credentials.username, credentials.password))}:
            self._accept(each, credentials.username, stored, lasting)
        return credentials.username

    def _note(self, username: str, who: str, *, is_right: bool) -> None:
        """Note a sign-in that was verified. Nobody waits for it: a database that is away must keep nobody out."""
        actor = Actor(name=username, address=who)
        outcome = DONE if is_right else NotAuthenticated.code
        record = AuditRecord(at=self._clock.now(), actor=actor, operation="sign_in", outcome=outcome)
        self._notes.add(task := asyncio.get_running_loop().create_task(self._audited(record)))
        task.add_done_callback(self._notes.discard)

    async def _audited(self, record: AuditRecord) -> None:
        try:
            await self._callers.audit(record)
        except OrdergateError as error:
            log.error("not in the audit log", operation="sign_in", outcome=record.outcome, reason=error.detail)

    async def _hold_back(self) -> None:
        """Keep the caller waiting for the answer: who floods us over some connections does so once a second on each."""
        if self._delayed < MOST_DELAYED:
            self._delayed += 1
            try:
                await self._clock.sleep(DELAY_SECONDS)
            finally:
                self._delayed -= 1

    def _count(self, who: str, reason: str) -> None:
        self._failures.labels(reason).inc()
        self._sign_ins.note_failure(who)

    def _key(self, authorization: bytes) -> bytes:
        # A keyed hash; unlike an HMAC of OpenSSL's it does not let go of the interpreter for so few bytes.
        return hashlib.blake2b(authorization, key=self._secret, digest_size=32).digest()

    def _accept(self, key: bytes, username: str, stored_hash: str, expires_at: float) -> None:
        acceptance = _Acceptance(
            username=username,
            stored_hash=stored_hash,
            expires_at=expires_at,
            recheck_at=self._clock.monotonic() + RECHECK_SECONDS,
        )
        self._remember(self._accepted, key, acceptance)

    @staticmethod
    def _remember(store: OrderedDict[bytes, _Value], key: bytes, value: _Value) -> None:
        store[key] = value
        store.move_to_end(key)
        if len(store) > REMEMBERED:
            store.popitem(last=False)


def _matches(stored_hash: str, credentials: Credentials) -> bool:
    """Whether the password fits the hash. Raises argon2's own error if the stored hash can't be read, which is a fault, and
    ``NotNow`` where there is no memory or no thread to verify it.
    """
    try:
        return _HASHER.verify(stored_hash, credentials.password)
    except VerifyMismatchError:
        return False
    except (VerificationError, MemoryError) as error:
        raise NotNow(
            "The password can't be verified now: the server has not enough memory for it",
            retry_after=timedelta(seconds=REFUSED_SECONDS),
        ) from error


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def address_of(scope: Scope) -> str:
    """The caller's address, which a trusted proxy may have told the server."""
    client = scope.get("client")
    return str(client[0]) if client else ""

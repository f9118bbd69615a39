"""Who may call, in memory: all users and keys, read again within half a second of any change of any process.

Requests look here without waiting for the database. What is decided here is looked at once more in the transaction of every intent,
so that a revoked key places nothing even within that half second.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from types import MappingProxyType

import structlog

from app.clock import Clock
from app.concurrency.cached import Cached
from app.domain.api_key import ApiKey
from app.domain.caller import Caller
from app.storage.callers import Known, StoredCallers, User

log = structlog.get_logger(__name__)

#: Seconds between two looks for changes: one small query each.
_LOOK = 0.4
#: Seconds within which a second stranger's name is not looked up anew.
_STRANGER_AGE = 0.2
#: Seconds between two notes of when keys were used.
_NOTE_USE = 30.0

_NOBODY = Known(
    version=-1, users=MappingProxyType({}), keys=MappingProxyType({}), totp=MappingProxyType({}), ended=frozenset()
)


class Directory:
    """The users and keys of this gateway. ``owner`` is the user of the environment, who may always do everything."""

    def __init__(self, stored: StoredCallers, owner: str, clock: Clock) -> None:
        self._stored = stored
        self._owner = owner
        self._clock = clock
        self._known = _NOBODY
        self._reading: Cached[Known] = Cached(clock, self._read, retry_after=_STRANGER_AGE)
        #: Set, and replaced, when anything has changed.
        self._changed = asyncio.Event()
        self._used: dict[str, datetime] = {}
        self._noted_at = clock.monotonic()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for changes."""
        self._loop = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        """Stop looking, and note when keys were used. May be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None
            await self._note_use()
        await self._reading.close()

    async def refresh(self) -> None:
        """Read everything anew; to be called after a change of this process."""
        await self._reading.renew()

    async def user(self, username: str) -> User | None:
        """The user of that name, also one that is disabled."""
        if username not in self._known.users:
            await self._reading.get(_STRANGER_AGE)
        return self._known.users.get(username)

    def totp(self, username: str) -> bytes | None:
        """The sealed secret of the user's codes; None if the password is enough."""
        return self._known.totp.get(username)

    def is_ended(self, session_id: str) -> bool:
        """Whether somebody ended the session at the console."""
        return session_id in self._known.ended

    async def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, also one that is disabled or has expired."""
        if key_id not in self._known.keys:
            await self._reading.get(_STRANGER_AGE)
        return self._known.keys.get(key_id)

    def note(self, key: ApiKey) -> None:
        """The key is being used."""
        self._used[key.key_id] = self._clock.now()

    def last_used_at(self, key: ApiKey) -> datetime | None:
        """When the key was last used, as far as this process knows."""
        times = [at for at in (key.last_used_at, self._used.get(key.key_id)) if at is not None]
        return max(times, default=None)

    async def ended(self, caller: Caller) -> None:
        """Return when ``caller`` may not do any more what it might when it was made: for streams, which then end."""
        while (left := self._left(caller)) is None or left > 0:
            changed = self._changed
            try:
                async with asyncio.timeout(left):
                    await changed.wait()
            except TimeoutError:
                continue

    def _left(self, caller: Caller) -> float | None:
        """The seconds for which ``caller`` is valid without a change; None for ever, 0 if it is not any more."""
        now = self._clock.now()
        if caller.key_id is None:
            if caller.session_id is not None and self.is_ended(caller.session_id):
                return 0.0
            if caller.version is not None:
                user = self._known.users.get(caller.name)
                if user is None or user.disabled_at is not None or user.version != caller.version:
                    return 0.0
            return None if caller.expires_at is None else (caller.expires_at - now).total_seconds()
        key = self._known.keys.get(caller.key_id)
        if key is None or caller.objection(key.standing_of(caller, now), now) is not None:
            return 0.0
        until = key.opens_until(caller.secret_hash)
        return None if until is None else (until - now).total_seconds()

    async def _read(self) -> Known:
        known = await asyncio.to_thread(self._stored.known)
        if known.version >= self._known.version:
            self._known = known
            self._changed.set()
            self._changed = asyncio.Event()
        return known

    async def _look_for_ever(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._stored.version) != self._known.version:
                    await self.refresh()
                if self._clock.monotonic() >= self._noted_at + _NOTE_USE:
                    await self._note_use()
            except Exception as error:  # noqa: BLE001 - the database can't be asked now; intents can't be written either, and we look again
                log.warning("users and keys not looked at", error=type(error).__name__)
            await self._clock.sleep(_LOOK)

    async def _note_use(self) -> None:
        self._noted_at = self._clock.monotonic()
        used, self._used = self._used, {}
        if used:
            await asyncio.to_thread(self._stored.note_use, used)

    async def caller_of(self, username: str) -> Caller | None:
        """Who calls with that user's password; None if there is no such user, or if it is disabled."""
        if username == self._owner:
            # Of the environment: nobody can disable it here, so there is nothing to look at in a transaction.
            return Caller(name=username)
        user = await self.user(username)
        return None if user is None or user.disabled_at is not None else user.caller

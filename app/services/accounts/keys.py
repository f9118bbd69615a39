"""API keys: making, listing, rotating and ending them, and telling who calls with one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network

import structlog
from msgspec.structs import replace

from app.clock import Clock
from app.domain.api_key import ApiKey, hash_of, key_id_in, new_key_id, new_secret
from app.domain.audit import AuditRecord
from app.domain.caller import Caller
from app.domain.enums import Environment
from app.domain.enums import Scope as CallerScope
from app.domain.errors import InvalidArgument, MissingScope, NotAuthenticated, UnknownKey
from app.domain.safety.limits import NO_LIMITS, Limits
from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.journal.units.keys import DeleteKey, MakeKey, RotateKey, SetKeyDisabled
from app.services.accounts.directory import Directory
from app.services.names import Names

log = structlog.get_logger(__name__)

#: How long a key is valid where its maker says nothing.
LIFETIME = timedelta(days=90)
#: The longest that the secret before a rotation may go on.
LONGEST_OVERLAP = timedelta(days=7)

_WRONG = "The API key is not valid"


class ApiKeys:
    """The verbs on API keys."""

    def __init__(
        self,
        journal: Journal,
        directory: Directory,
        names: Names,
        clock: Clock,
        random_bits: Callable[[int], int],
    ) -> None:
        self._journal = journal
        self._stored = journal.callers
        self._directory = directory
        self._names = names
        self._clock = clock
        self._random_bits = random_bits

    async def caller(self, secret: str, address: str) -> Caller:
        """Who calls with ``secret`` from ``address``. Raises ``NotAuthenticated``, with the same words whatever is wrong."""
        key_id = key_id_in(secret)
        key = None if key_id is None else await self._directory.key(key_id)
        now, given = self._clock.now(), hash_of(secret)
        if key is None or not (key.opens_with(given, now) and key.is_valid(now) and key.admits(address)):
            raise NotAuthenticated(_WRONG)
        self._directory.note(key)
        return key.caller_by(given)

    async def list(self) -> Sequence[ApiKey]:
        """All keys, by their age. Other processes tell within a minute when they were last used."""
        known = await asyncio.to_thread(self._stored.known)
        keys = [replace(key, last_used_at=self._directory.last_used_at(key)) for key in known.keys.values()]
        return sorted(keys, key=lambda key: (key.created_at, key.key_id))

    async def create(
        self,
        maker: Caller,
        record: Callable[[str], AuditRecord],
        *,
        name: str,
        environment: Environment,
        scopes: Collection[CallerScope],
        accounts: Collection[str] | None = None,
        connectors: Collection[str] | None = None,
        pairs: Collection[str] | None = None,
        allowed_ips: Collection[str] | None = None,
        expires_at: datetime | None = None,
        limits: Limits = NO_LIMITS,
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with its secret, which is told this once. ``record`` makes the audit log's record of its id.
        The key's own scope has ``limits`` from the commit on that makes the key.

        Raises ``InvalidArgument``, ``MissingScope`` for a scope that ``maker`` does not have, and what ``Names.check`` raises for
        bounds that do not exist.
        """
        now = self._clock.now()
        _check_maker(maker, scopes, environment, accounts, connectors, pairs)
        if expires_at is not None and expires_at <= now:
            raise InvalidArgument("expires_at must lie in the future")
        named = {*(pairs or ()), *(limits.allowed_pairs or ())}
        await self._names.check(accounts=accounts or (), connectors=connectors or (), pairs=sorted(named))
        key_id = new_key_id(self._random_bits)
        secret = new_secret(environment, key_id, self._random_bits)
        key = ApiKey(
            key_id=key_id,
            name=name,
            environment=environment,
            scopes=frozenset(scopes),
            accounts=_bound(accounts),
            connectors=_bound(connectors),
            pairs=_bound(pairs),
            allowed_ips=None if allowed_ips is None else tuple(map(_network, allowed_ips)),
            secret_hash=hash_of(secret),
            created_at=now,
            created_by=maker.name,
            expires_at=expires_at or await self._longest(maker, now),
        )
        await self._journal.decide(MakeKey(key=key, limits=limits, record=record(key_id)))
        await self._directory.refresh()
        log.info("API key made", key_id=key_id, environment=environment.value)
        return key, secret

    async def _longest(self, maker: Caller, now: datetime) -> datetime:
        """When a key ends of which its maker says nothing: no later than the key that makes it."""
        key = None if maker.key_id is None else await self._directory.key(maker.key_id)
        latest = now + LIFETIME
        return latest if key is None or key.expires_at is None else min(latest, key.expires_at)

    async def rotate(self, key_id: str, record: AuditRecord, overlap: timedelta) -> tuple[ApiKey, str]:
        """Give a key another secret; the earlier one holds for ``overlap`` more. Raises ``UnknownKey`` or ``InvalidArgument``."""
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise InvalidArgument(f"The overlap must be between 0 and {int(LONGEST_OVERLAP.total_seconds())} seconds")
        key = await self._found(key_id)
        secret = new_secret(key.environment, key_id, self._random_bits)
        until = self._clock.now() + overlap
        rotated = await self._journal.decide(
            RotateKey(key_id=key_id, secret_hash=hash_of(secret), previous_until=until, record=record)
        )
        await self._directory.refresh()
        log.info("API key rotated", key_id=key_id)
        return rotated, secret

    async def disable(self, key_id: str, record: AuditRecord) -> ApiKey:
        """Let a key open nothing until it is enabled. Raises ``UnknownKey``."""
        return await self._set_disabled(key_id, record, self._clock.now())

    async def enable(self, key_id: str, record: AuditRecord) -> ApiKey:
        """Let a disabled key open again what it did. Raises ``UnknownKey``."""
        return await self._set_disabled(key_id, record, None)

    async def delete(self, key_id: str, record: AuditRecord) -> None:
        """End a key for good, with the limits of its own. Raises ``UnknownKey``."""
        await self._journal.decide(DeleteKey(key_id=key_id, at=self._clock.now(), record=record))
        await self._directory.refresh()
        log.info("API key deleted", key_id=key_id)

    async def limits(self) -> Mapping[str, Limits]:
        """The limits of keys' own that are set, by the key's id."""
        sets = (await self._journal.safety()).sets
        return {
            key_id: each.limits
            for each in sets
            if (key_id := each.scope.key_id) is not None and each.scope == Scope(key_id=key_id)
        }

    async def _set_disabled(self, key_id: str, record: AuditRecord, disabled_at: datetime | None) -> ApiKey:
        key = await self._journal.decide(SetKeyDisabled(key_id=key_id, disabled_at=disabled_at, record=record))
        await self._directory.refresh()
        log.info("API key changed", key_id=key_id, disabled=disabled_at is not None)
        return key

    async def _found(self, key_id: str) -> ApiKey:
        key = (await asyncio.to_thread(self._stored.known)).keys.get(key_id)
        if key is None:
            raise UnknownKey(key_id)
        return key


def _check_maker(
    maker: Caller,
    scopes: Collection[CallerScope],
    environment: Environment,
    accounts: Collection[str] | None,
    connectors: Collection[str] | None,
    pairs: Collection[str] | None,
) -> None:
    """Nobody gives away more than they have."""
    if not scopes:
        raise InvalidArgument("A key needs a role or at least one scope")
    for scope in sorted(scopes):
        if scope not in maker.scopes:
            raise MissingScope(scope)
    if maker.environment not in (None, environment):
        raise InvalidArgument(f"A {maker.environment} key makes {maker.environment} keys only")
    for kind, own, given in (
        ("accounts", maker.accounts, accounts),
        ("connectors", maker.connectors, connectors),
        ("pairs", maker.pairs, pairs),
    ):
        if given is not None and not given:
            raise InvalidArgument(f"{kind} must name at least one, or be left out")
        if own is not None and (given is None or not own.issuperset(given)):
            raise InvalidArgument(f"{kind} must be among those of the key that makes it: {sorted(own)}")


def _bound(names: Collection[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise InvalidArgument(
            f"'{text}' in allowed_ips is neither an address nor a network such as 192.0.2.0/24"
        ) from None

"""Who calls, and what they may do: scopes, roles, and the bounds of a key.

A person (user) and a program (API key) are both a ``Caller``. The edge makes it from credentials, services act for it, and the
journal's transaction looks whether it still holds. What an order's event remembers of it is the ``Actor``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec import Struct

from app.domain.enums import Environment, Role, Scope
from app.domain.errors import CallerChanged, KeyRevoked, OrdergateError

#: After a second, every process has read what was changed.
_AGAIN = timedelta(seconds=1)

_VIEWER = frozenset({Scope.READ, Scope.SAFETY_READ})

#: What each role may do. Who watches risk, and who keeps the credentials, places nothing.
SCOPES_OF = MappingProxyType(
    {
        Role.VIEWER: _VIEWER,
        Role.TRADER: _VIEWER | {Scope.ORDERS_PLACE, Scope.ORDERS_CANCEL, Scope.ORDERS_AMEND, Scope.SAFETY_HALT},
        Role.RISK: _VIEWER
        | {
            Scope.ORDERS_CANCEL,
            Scope.ORDERS_APPROVE,
            Scope.SAFETY_HALT,
            Scope.SAFETY_WRITE,
            Scope.AUDIT_READ,
        },
        Role.OPERATOR: _VIEWER | {Scope.ACCOUNTS_WRITE, Scope.WEBHOOKS_WRITE},
        Role.ADMIN: frozenset(Scope),
    }
)


class Actor(Struct, frozen=True, kw_only=True):
    """Who caused something: the name of the user or key, the key's id, the address it came from, and the request's id."""

    name: str
    key_id: str | None = None
    address: str | None = None
    request_id: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """What is stored of a caller at one moment: the version of the user or key, and whether it opens anything."""

    version: int
    is_valid: bool


class Caller(Struct, frozen=True, kw_only=True):
    """A user or an API key, with what it may do. None as a bound means no bound.

    ``environment`` is that of a key, LIVE or PAPER; a person has none and reaches every connector. ``version`` counts the changes
    of the stored user or key: in the transaction of what is asked for it must still be this one. ``secret_hash`` is the hash of
    the secret that a key was used with. ``session_id`` and ``expires_at`` are of a session at the console, None for who states
    credentials with each request.
    """

    name: str
    key_id: str | None = None
    scopes: frozenset[Scope] = SCOPES_OF[Role.ADMIN]
    accounts: frozenset[str] | None = None
    connectors: frozenset[str] | None = None
    pairs: frozenset[str] | None = None
    environment: Environment | None = None
    version: int | None = None
    secret_hash: bytes | None = None
    session_id: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Caller({self.name})" if self.key_id is None else f"Caller({self.name}, {self.key_id})"

    def objection(
        self, standing: Standing | None, now: datetime, *, has_signed_out: bool = False
    ) -> OrdergateError | None:
        """What speaks against doing at ``now`` what the caller has asked for, where ``standing`` is what is stored of it, None if
        nothing is, and ``has_signed_out`` whether its session was ended. There is no standing of the user of the environment, who
        can't be disabled.
        """
        if has_signed_out or (self.expires_at is not None and now >= self.expires_at):
            return KeyRevoked("The session has ended; nothing was sent or changed. Sign in again")
        if self.version is None:
            return None
        if standing is None or not standing.is_valid:
            what = "API key" if self.key_id is not None else "user"
            return KeyRevoked(f"The {what} is not valid any more; nothing was sent or changed")
        if standing.version != self.version:
            return CallerChanged(
                "What you may do was changed at this moment; nothing was sent or changed", retry_after=_AGAIN
            )
        return None

    @property
    def is_bounded(self) -> bool:
        """Whether there is anything that the caller can't see."""
        return (self.accounts, self.connectors, self.pairs, self.environment) != (None, None, None, None)

    def reaches(self, environment: Environment) -> bool:
        """Whether the caller may touch a connector of ``environment``. A key of one kind of money never reaches the other."""
        if self.environment is None:
            return True
        return (self.environment is Environment.LIVE) == (environment is Environment.LIVE)

    def covers(self, other: Caller) -> bool:
        """Whether ``other`` may do nothing that the caller may not: nobody gives away, or takes over, more than they have."""
        return (
            self.scopes >= other.scopes
            and self.environment in (None, other.environment)
            and all(
                own is None or (given is not None and given <= own)
                for own, given in (
                    (self.accounts, other.accounts),
                    (self.connectors, other.connectors),
                    (self.pairs, other.pairs),
                )
            )
        )

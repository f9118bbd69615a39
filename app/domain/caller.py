"""Who calls, and what they may do: scopes, roles, and the bounds of a key.

A person (user) and a program (API key) are both a ``Caller``. The edge makes it from credentials, services act for it, and the
journal's transaction looks whether it still holds. What an order's event remembers of it is the ``Actor``.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct


class Scope(StrEnum):
    """What an operation of the contract demands of its caller (``x-scope``)."""

    READ = "read"
    ORDERS_PLACE = "orders:place"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_AMEND = "orders:amend"
    ACCOUNTS_WRITE = "accounts:write"
    SAFETY_READ = "safety:read"
    SAFETY_HALT = "safety:halt"
    SAFETY_WRITE = "safety:write"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"


class Role(StrEnum):
    """A named set of scopes."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER = frozenset({Scope.READ, Scope.SAFETY_READ})

#: What each role may do. Who watches risk, and who keeps the credentials, places nothing.
SCOPES_OF = MappingProxyType(
    {
        Role.VIEWER: _VIEWER,
        Role.TRADER: _VIEWER | {Scope.ORDERS_PLACE, Scope.ORDERS_CANCEL, Scope.ORDERS_AMEND, Scope.SAFETY_HALT},
        Role.RISK: _VIEWER | {Scope.ORDERS_CANCEL, Scope.SAFETY_HALT, Scope.SAFETY_WRITE, Scope.AUDIT_READ},
        Role.OPERATOR: _VIEWER | {Scope.ACCOUNTS_WRITE, Scope.WEBHOOKS_WRITE},
        Role.ADMIN: frozenset(Scope),
    }
)


class Environment(StrEnum):
    """What a connector trades with: real money, or one of the three kinds of play money."""

    LIVE = "live"
    PAPER = "paper"
    SANDBOX = "sandbox"
    TESTNET = "testnet"


class Actor(Struct, frozen=True, kw_only=True):
    """Who caused something: the name of the user or key, the key's id, the address it came from, and the request's id."""

    name: str
    key_id: str | None = None
    address: str | None = None
    request_id: str | None = None


class Caller(Struct, frozen=True, kw_only=True):
    """A user or an API key, with what it may do. None as a bound means no bound.

    ``environment`` is that of a key, LIVE or PAPER; a person has none and reaches every connector. ``version`` counts the changes
    of the stored user or key: in the journal's transaction it must still be this one.
    """

    name: str
    key_id: str | None = None
    scopes: frozenset[Scope] = SCOPES_OF[Role.ADMIN]
    accounts: frozenset[str] | None = None
    connectors: frozenset[str] | None = None
    pairs: frozenset[str] | None = None
    environment: Environment | None = None
    version: int | None = None

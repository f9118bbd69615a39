"""API keys to rows and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from app.domain.api_key import ApiKey
from app.domain.enums import Environment, Scope
from app.storage.types import Codec


class _Bounds(Struct, omit_defaults=True):
    """The part of a key that is stored as JSON."""

    scopes: list[Scope]
    accounts: list[str] | None = None
    connectors: list[str] | None = None
    pairs: list[str] | None = None
    allowed_ips: list[str] | None = None


def key_row(key: ApiKey, version: int, codec: Codec) -> tuple[Any, ...]:
    """``key`` as a new row of ``api_keys``."""
    bounds = _Bounds(
        scopes=sorted(key.scopes),
        accounts=_sorted(key.accounts),
        connectors=_sorted(key.connectors),
        pairs=_sorted(key.pairs),
        allowed_ips=None if key.allowed_ips is None else list(key.allowed_ips),
    )
    return (
        key.key_id,
        codec.text(key.name),
        key.environment.value,
        msgspec.json.encode(bounds).decode(),
        key.secret_hash,
        key.previous_hash,
        codec.time(key.previous_until),
        codec.time(key.created_at),
        codec.text(key.created_by),
        codec.time(key.expires_at),
        codec.time(key.disabled_at),
        codec.time(key.deleted_at),
        codec.time(key.last_used_at),
        version,
        msgspec.json.encode(key.told).decode(),
    )


def key_of(row: Sequence[Any]) -> ApiKey:
    """The key in a row of ``api_keys``."""
    bounds = msgspec.json.decode(row[3], type=_Bounds)
    return ApiKey(
        key_id=row[0],
        name=row[1],
        environment=Environment(row[2]),
        scopes=frozenset(bounds.scopes),
        accounts=_set(bounds.accounts),
        connectors=_set(bounds.connectors),
        pairs=_set(bounds.pairs),
        allowed_ips=None if bounds.allowed_ips is None else tuple(bounds.allowed_ips),
        secret_hash=bytes(row[4]),
        previous_hash=None if row[5] is None else bytes(row[5]),
        previous_until=row[6],
        created_at=row[7],
        created_by=row[8],
        expires_at=row[9],
        disabled_at=row[10],
        deleted_at=row[11],
        last_used_at=row[12],
        version=row[13],
        told=msgspec.json.decode(row[14], type=tuple[str, ...]),
    )


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)

"""API keys over HTTP. A secret is in the answer that makes it, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from app.domain.api_key import ApiKey
from app.domain.caller import SCOPES_OF
from app.domain.enums import Environment
from app.domain.errors import InvalidArgument
from app.domain.safety.limits import NO_LIMITS, Limits
from app.handlers.forms.limits import changes_of, given, refuse_unknown_limits
from app.handlers.schemas import ApiKeyRequestSchema, ApiKeySchema, NewApiKeySchema
from app.services.acting import ActingGateway

_REQUEST = ApiKeyRequestSchema()
_KEY = ApiKeySchema()
_NEW_KEY = NewApiKeySchema()


async def list_keys(gateway: ActingGateway) -> Any:
    """GET /api-keys"""
    limits = await gateway.keys.limits()
    return {"data": [_KEY.dump(_row(key, limits)) for key in await gateway.keys.list()]}


async def create_key(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /api-keys"""
    key, secret = await gateway.keys.create(**wanted_key(body))
    return _NEW_KEY.dump({**_row(key, await gateway.keys.limits()), "secret": secret}), 201


def wanted_key(body: Mapping[str, Any]) -> dict[str, Any]:
    """The key that ``body``, which fits its schema, asks for, as ``ApiKeys.create`` takes it. Raises ``InvalidArgument``."""
    refuse_unknown_limits(body.get("limits") or {})
    asked = _REQUEST.load(body)
    if (asked.get("role") is None) == (asked.get("scopes") is None):
        raise InvalidArgument("Either role or scopes is required, and not both")
    return {
        "name": asked["name"],
        "environment": Environment(asked["environment"]),
        "scopes": asked.get("scopes") or SCOPES_OF[asked["role"]],
        "accounts": asked.get("accounts"),
        "connectors": asked.get("connectors"),
        "pairs": asked.get("pairs"),
        "allowed_ips": asked.get("allowed_ips"),
        "expires_at": asked.get("expires_at"),
        "limits": NO_LIMITS.changed(changes_of(asked.get("limits") or {})),
    }


async def rotate_key(gateway: ActingGateway, key_id: str, overlap: int) -> Any:
    """POST /api-keys/{key_id}/rotate"""
    key, secret = await gateway.keys.rotate(key_id, timedelta(seconds=overlap))
    return _NEW_KEY.dump({**_row(key, await gateway.keys.limits()), "secret": secret})


async def disable_key(gateway: ActingGateway, key_id: str) -> Any:
    """POST /api-keys/{key_id}/disable"""
    key = await gateway.keys.disable(key_id)
    return _KEY.dump(_row(key, await gateway.keys.limits()))


async def enable_key(gateway: ActingGateway, key_id: str) -> Any:
    """POST /api-keys/{key_id}/enable"""
    key = await gateway.keys.enable(key_id)
    return _KEY.dump(_row(key, await gateway.keys.limits()))


async def delete_key(gateway: ActingGateway, key_id: str) -> Any:
    """DELETE /api-keys/{key_id}"""
    await gateway.keys.delete(key_id)
    return {"message": f"API key {key_id} deleted."}


def _row(key: ApiKey, limits: Mapping[str, Limits]) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "environment": key.environment,
        "scopes": sorted(key.scopes),
        "accounts": _names(key.accounts),
        "connectors": _names(key.connectors),
        "pairs": _names(key.pairs),
        "allowed_ips": None if key.allowed_ips is None else list(key.allowed_ips),
        "limits": given(limits.get(key.key_id, NO_LIMITS)),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "last_used_at": key.last_used_at,
    }


def _names(names: Collection[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)

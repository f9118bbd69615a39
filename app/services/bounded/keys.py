"""API keys, within what one caller may give away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.domain.api_key import ApiKey
from app.domain.caller import Caller
from app.domain.errors import UnknownKey
from app.domain.safety.limits import Limits
from app.services.accounts.keys import ApiKeys
from app.services.bounded.accounts import Record


class CallersKeys:
    """The verbs on keys, for one caller. A bounded key sees and changes only keys that reach no further than itself."""

    def __init__(self, keys: ApiKeys, caller: Caller, record: Record, noted: Callable[[], None]) -> None:
        self._keys = keys
        self._caller = caller
        self._record = record
        self._noted = noted

    async def list(self) -> Sequence[ApiKey]:
        """The keys, by their age."""
        return [key for key in await self._keys.list() if self._caller.covers(key.caller)]

    async def limits(self) -> Mapping[str, Limits]:
        """The limits of keys' own, by the key's id."""
        return await self._keys.limits()

    async def create(self, **wanted: Any) -> tuple[ApiKey, str]:
        """As ``ApiKeys.create``."""
        made = await self._keys.create(
            self._caller, lambda key_id: self._record("api_keys.create_key", key_id), **wanted
        )
        self._noted()
        return made

    async def rotate(self, key_id: str, overlap: timedelta) -> tuple[ApiKey, str]:
        """As ``ApiKeys.rotate``."""
        await self._check(key_id)
        rotated = await self._keys.rotate(key_id, self._record("api_keys.rotate_key", key_id), overlap)
        self._noted()
        return rotated

    async def disable(self, key_id: str) -> ApiKey:
        """As ``ApiKeys.disable``."""
        await self._check(key_id)
        key = await self._keys.disable(key_id, self._record("api_keys.disable_key", key_id))
        self._noted()
        return key

    async def enable(self, key_id: str) -> ApiKey:
        """As ``ApiKeys.enable``."""
        await self._check(key_id)
        key = await self._keys.enable(key_id, self._record("api_keys.enable_key", key_id))
        self._noted()
        return key

    async def delete(self, key_id: str) -> None:
        """As ``ApiKeys.delete``."""
        await self._check(key_id)
        await self._keys.delete(key_id, self._record("api_keys.delete_key", key_id))
        self._noted()

    async def _check(self, key_id: str) -> None:
        if all(key.key_id != key_id for key in await self.list()):
            raise UnknownKey(key_id)

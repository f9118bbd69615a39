"""A value of the exchange that is kept for a while: asked for once by however many wait, then renewed beside the calls that use it.

No loop and no timer: only use renews it, so a gateway that does not trade on Binance does not talk to Binance either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

from app.connectors.binance_clock import ServerClock
from app.domain.errors import OrdergateError

T = TypeVar("T")

#: After a renewal that failed: long enough not to press an exchange that is down.
_RETRY_MS = 5_000


class Kept(Generic[T]):
    """``value`` is None until it was read once. ``problem`` says why the last attempt failed, None if it did not."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], *, server_clock: ServerClock, good_for: timedelta) -> None:
        self._fetch = fetch
        self._now_ms = server_clock.monotonic_ms
        self._good_for_ms = good_for // timedelta(milliseconds=1)
        self._renew_at_ms = 0
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self.value: T | None = None
        self.problem: str | None = None

    async def get(self) -> T:
        """The value, waiting only for the very first one. Raises what the question raises."""
        value = self.value
        if value is None:
            async with self._lock:
                value = self.value
                if value is None:
                    value = await self._read()
        self._renew_if_old()
        return value

    async def renew(self) -> T:
        """Ask now, unless somebody else's question that began after this call has been answered."""
        before = self.value
        async with self._lock:
            if self.value is not None and self.value is not before:
                return self.value
            return await self._read()

    async def settled(self) -> None:
        """Return when no renewal is under way."""
        if self._renewal is not None:
            await asyncio.wait({self._renewal})

    def close(self) -> None:
        """Stop a renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()

    async def _read(self) -> T:
        try:
            self.value = await self._fetch()
        except OrdergateError as error:
            self.problem = error.detail
            self._renew_at_ms = self._now_ms() + _RETRY_MS
            raise
        self.problem = None
        self._renew_at_ms = self._now_ms() + self._good_for_ms
        return self.value

    def _renew_if_old(self) -> None:
        is_running = self._renewal is not None and not self._renewal.done()
        if self._now_ms() >= self._renew_at_ms and not is_running:
            self._renewal = asyncio.create_task(self._renew_aside())

    async def _renew_aside(self) -> None:
        async with self._lock:
            try:
                await self._read()
            except OrdergateError:  # kept in ``problem``, and asked again by later use; the old value stays good enough
                return

"""One cached value: fetched once for all who wait for it, and stored with its age.

A value is fetched on use only. A gateway that does not use an exchange does not send it requests either.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import structlog

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight

log = structlog.get_logger(__name__)

T = TypeVar("T")

Fetch = Callable[[], Coroutine[Any, Any, T]]


class Cached(Generic[T]):
    """The last value that was fetched, its age, and the last failure.

    ``fetch`` may be given here, or with each call. For ``retry_after`` seconds after a failure, ``get`` raises the failure again
    instead of fetching, so that an exchange in trouble does not get more requests for it.
    """

    def __init__(self, clock: Clock, fetch: Fetch[T] | None = None, *, retry_after: float = 0.0) -> None:
        self._clock = clock
        self._fetch = fetch
        self._retry_after = retry_after
        self._flights: SingleFlight[None, T] = SingleFlight()
        self._generation = 0
        #: The value, None until it was fetched once.
        self.value: T | None = None
        #: Why the last fetch failed, None if it succeeded.
        self.error: Exception | None = None
        self._value_at = 0.0  # the clock's monotonic seconds
        self._tried_at = 0.0  # the clock's monotonic seconds

    @property
    def age(self) -> float | None:
        """How old the value is in seconds, None without a value."""
        return None if self.value is None else self._clock.monotonic() - self._value_at

    def fresh(self, max_age: float) -> T | None:
        """The value if it is younger than ``max_age`` seconds, even if a later fetch failed. Never fetches."""
        is_fresh = self.value is not None and self._clock.monotonic() - self._value_at < max_age
        return self.value if is_fresh else None

    async def get(self, max_age: float, fetch: Fetch[T] | None = None) -> T:
        """The value if it is younger than ``max_age`` seconds and no later fetch failed, else a new one.

        Raises what the fetch raises.
        """
        if self.error is None:
            value = self.fresh(max_age)
            if value is not None:
                return value
        elif self._clock.monotonic() - self._tried_at < min(self._retry_after, max_age):
            raise self.error
        return await self.renew(fetch)

    async def get_or_renew_behind(self, max_age: float) -> T:
        """The value whatever its age; one older than ``max_age`` seconds is renewed in the background. Only the first caller waits.

        Raises what the fetch raises if there is no value yet.
        """
        value = self.value
        if value is None:
            return await self.renew()
        now = self._clock.monotonic()
        is_due = now - self._value_at >= max_age if self.error is None else now - self._tried_at >= self._retry_after
        if is_due:
            self._flights.start(None, self._renewing_behind)
        return value

    async def renew(self, fetch: Fetch[T] | None = None) -> T:
        """A new value. Concurrent callers share one fetch. Raises what the fetch raises."""
        return await self._flights.run(None, self._fetching(fetch or self._fetch))

    def put(self, value: T, at: float | None = None) -> None:
        """Store a value that came without a fetch, at the monotonic time ``at``, else now."""
        self.value, self.error = value, None
        self._value_at = self._clock.monotonic() if at is None else at

    def expire(self, max_age: float) -> None:
        """Drop a value or failure that is at least ``max_age`` seconds old. A fetch that is under way is not affected."""
        now = self._clock.monotonic()
        if self.value is not None and now - self._value_at >= max_age:
            self.value = None
        if self.error is not None and now - self._tried_at >= max_age:
            self.error = None

    def clear(self) -> None:
        """Drop the value. A fetch that is under way still answers its callers, but its result is not stored."""
        self._generation += 1
        self.value = self.error = None
        self._flights.forget(None)

    async def close(self) -> None:
        """Cancel a fetch that is under way; may be called twice."""
        await self._flights.close()

    async def _renewing_behind(self) -> T:
        try:
            return await self._fetching(self._fetch)()
        except Exception as error:
            # Nobody waits for this fetch, so nobody else would hear of its failure.
            log.warning("cached value not renewed", error=type(error).__name__, text=str(error))
            raise

    def _fetching(self, fetch: Fetch[T] | None) -> Fetch[T]:
        assert fetch is not None, "a Cached without a fetch is given one by each call"
        generation = self._generation

        async def run() -> T:
            try:
                value = await fetch()
            except Exception as error:
                if generation == self._generation:
                    self.error, self._tried_at = error, self._clock.monotonic()
                raise
            if generation == self._generation:
                self.put(value)
            return value

        return run

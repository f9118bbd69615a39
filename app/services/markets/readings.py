"""Readings: the last answer to each question about a market. One request to the exchange serves all concurrent callers.

A reading begins with its first caller and is dropped when nobody has asked for it for ten minutes. However many callers ask the
same question, the exchange gets one request at a time, and no new one while the last answer, or the last failure, is fresh enough.
Each request has a time limit. Every failure is raised as an error of the tree, and no answer has less than was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import structlog

from app.clock import Clock
from app.concurrency.cached import Cached
from app.domain.errors import ExchangeReadError, ExchangeReadTimeout, OrdergateError
from app.domain.wording import in_words

log = structlog.get_logger(__name__)

#: A reading that nobody has asked for in this time is dropped; the numbers that callers of hummingbot-api know.
FEED_TIMEOUT = timedelta(seconds=600)
CLEANUP_INTERVAL = timedelta(seconds=300)

#: Seconds after which the value of a reading is dropped. No caller accepts one so old, and candles are large.
_VALUE_TTL = 60.0
#: Seconds between looks for what can be dropped.
_SWEEP = 10.0
#: Seconds for which a failure is raised again: an exchange in trouble does not get more requests for it.
_FAILURE_TTL = 1.0
#: Readings in memory. Callers who ask more different questions in ten minutes cause the oldest to be dropped earlier.
_MOST = 2_000

Kind = Literal["ticker", "tickers", "order_book", "candles", "trades", "funding_info"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingKey:
    """What is read. ``detail`` is what else makes a difference: the depth of a book, the interval and number of candles."""

    kind: Kind
    connector_name: str
    trading_pair: str = ""
    detail: tuple[str | int, ...] = ()

    @property
    def name(self) -> str:
        """The key as text, for people."""
        parts = (self.kind, self.connector_name, self.trading_pair, *self.detail)
        return "_".join(str(part) for part in parts if part != "")


@dataclass(slots=True, kw_only=True)
class Reading:
    """The last answer to one question, and who asked for it when."""

    key: ReadingKey
    cached: Cached[Any]
    last_access_at: datetime
    accessed_at: float  # the clock's monotonic seconds
    #: How many requests the exchange got, and how many of them failed.
    questions: int = 0
    failures: int = 0

    @property
    def value(self) -> Any:
        """The last answer; None where the last request failed, or the answer is more than a minute old."""
        age = self.cached.age
        return None if self.cached.error is not None or age is None or age >= _VALUE_TTL else self.cached.value

    @property
    def error(self) -> OrdergateError | None:
        """Why the last request failed; None if it succeeded."""
        error = self.cached.error
        return None if error is None else read_error(self.key.connector_name, error)


class Readings:
    """The readings of this process."""

    def __init__(self, clock: Clock, timeout: timedelta) -> None:
        self._clock = clock
        self._timeout = timeout
        self._readings: dict[ReadingKey, Reading] = {}
        self._swept_at = clock.monotonic()

    async def get(
        self, key: ReadingKey, max_age: float, question: Callable[[], Awaitable[T]], *, limit: timedelta | None = None
    ) -> T:
        """The answer to ``question``, or an earlier one for ``key`` that is not older than ``max_age`` seconds.

        Raises what the connector raises: ``ExchangeReadFailed``, ``Refused``, ``RequestError`` or ``UnsupportedFeature``.
        """
        reading = self._touch(key)
        found: T = await reading.cached.get(max_age, lambda: self._ask(reading, question, limit or self._timeout))
        return found

    def put(self, key: ReadingKey, value: Any, read_at: float) -> None:
        """Store a value that came without a request at ``read_at``. Counts as access."""
        self._touch(key).cached.put(value, read_at)

    def active(self) -> Sequence[Reading]:
        """The readings that have not been dropped, by name."""
        self._sweep()
        return sorted(self._readings.values(), key=lambda reading: reading.key.name)

    def forget(self, key: ReadingKey) -> bool:
        """Drop a reading now; False if there is none."""
        return self._readings.pop(key, None) is not None

    async def close(self) -> None:
        """Cancel the requests that are under way."""
        for reading in list(self._readings.values()):
            await reading.cached.close()

    def _touch(self, key: ReadingKey) -> Reading:
        now = self._clock.monotonic()
        if now - self._swept_at >= _SWEEP:
            self._sweep()
        reading = self._readings.pop(key, None)
        if reading is None:
            if len(self._readings) >= _MOST:
                # A dictionary has the order of insertion, and each access inserts anew: the first is the longest unused.
                del self._readings[next(iter(self._readings))]
            cached: Cached[Any] = Cached(self._clock, retry_after=_FAILURE_TTL)
            reading = Reading(key=key, cached=cached, last_access_at=self._clock.now(), accessed_at=now)
        reading.last_access_at, reading.accessed_at = self._clock.now(), now
        self._readings[key] = reading
        return reading

    async def _ask(self, reading: Reading, question: Callable[[], Awaitable[T]], limit: timedelta) -> T:
        reading.questions += 1
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await question()
        except (
            Exception
        ) as fault:  # whatever an SDK raises, the question was not answered; it is raised as an error of the tree
            error = read_error(reading.key.connector_name, fault)
            reading.failures += 1
            log.info("market not read", reading=reading.key.name, error=type(fault).__name__, problem=error.detail)
            if error is fault:
                raise
            raise error from fault

    def _sweep(self) -> None:
        now = self._swept_at = self._clock.monotonic()
        for key, reading in list(self._readings.items()):
            if now - reading.accessed_at >= FEED_TIMEOUT.total_seconds():
                del self._readings[key]
            else:
                reading.cached.expire(_VALUE_TTL)


def read_error(connector_name: str, fault: Exception) -> OrdergateError:
    """``fault`` as an error of the tree: itself, or ``ExchangeReadFailed``."""
    if isinstance(fault, OrdergateError):
        return fault
    if isinstance(fault, TimeoutError):
        return ExchangeReadTimeout(f"{connector_name} did not answer in time")
    log.warning("not answered", connector_name=connector_name, error=type(fault).__name__, text=str(fault))
    return ExchangeReadError(f"{connector_name} did not answer: {in_words(fault)}")

"""What exchanges were asked of their markets last: one question serves everybody who asks it within a moment.

A reading begins on the first demand and is let go of when nobody has asked for it for ten minutes. However many callers want the
same thing, the exchange is asked once at a time, and not again while the last answer, or the last failure, is fresh enough. Every
question has a time limit, and whatever goes wrong comes out as an error of the tree; nothing is answered with less than was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import structlog

from app.clock import Clock
from app.concurrency.single_flight import SingleFlight
from app.domain.errors import ExchangeReadError, ExchangeReadTimeout, OrdergateError

log = structlog.get_logger(__name__)

#: How long nobody need have asked for a reading to be let go of; the numbers that callers of hummingbot-api know.
FEED_TIMEOUT = timedelta(seconds=600)
CLEANUP_INTERVAL = timedelta(seconds=300)

#: Seconds after which the value of a reading is dropped. No caller takes one so old, and candles are large.
_KEEP = 60.0
#: Seconds between looks for what can be dropped.
_SWEEP = 10.0
#: Seconds for which a failure serves: an exchange that is in trouble is not asked more often for it.
_FAILED = 1.0
#: Readings that are remembered; whoever asks for more different things in ten minutes makes the oldest go earlier.
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
        """As text, for people."""
        parts = (self.kind, self.connector_name, self.trading_pair, *self.detail)
        return "_".join(str(part) for part in parts if part != "")


@dataclass(slots=True, kw_only=True)
class Reading:
    """The last outcome of one question."""

    key: ReadingKey
    last_access_at: datetime
    accessed_at: float  # float: the clock's monotonic seconds, no money
    value: Any = None
    error: OrdergateError | None = None
    read_at: float | None = None  # float: when the outcome came
    #: How often the exchange was asked, and how often that failed.
    questions: int = 0
    failures: int = 0


class Readings:
    """The readings of this process."""

    def __init__(self, clock: Clock, timeout: timedelta) -> None:
        self._clock = clock
        self._timeout = timeout
        self._readings: dict[ReadingKey, Reading] = {}
        self._flights: SingleFlight[ReadingKey, Any] = SingleFlight()
        self._swept_at = clock.monotonic()

    async def get(
        self, key: ReadingKey, max_age: float, question: Callable[[], Awaitable[T]], *, limit: timedelta | None = None
    ) -> T:
        """The answer to ``question``, or to an earlier one for ``key`` that is not older than ``max_age`` seconds.

        Raises what the connector raises: ``ExchangeReadFailed``, ``Refused``, ``RequestError`` or ``UnsupportedFeature``.
        """
        reading = self._touch(key)
        if self._fresh(reading, max_age):
            if reading.error is not None:
                raise reading.error
            value: T = reading.value
            return value
        found: T = await self._flights.run(key, lambda: self._ask(reading, question, limit or self._timeout))
        return found

    def note(
        self, key: ReadingKey, value: Any, read_at: float
    ) -> None:  # float: the clock's monotonic seconds, no money
        """Take over a value that came without a question at ``read_at``, and count it as asked for now."""
        reading = self._touch(key)
        reading.value, reading.error, reading.read_at = value, None, read_at

    def active(self) -> Sequence[Reading]:
        """The readings that have not been let go of, by name."""
        self._sweep()
        return sorted(self._readings.values(), key=lambda reading: reading.key.name)

    def forget(self, key: ReadingKey) -> bool:
        """Let go of a reading now; False if there is none."""
        self._flights.forget(key)
        return self._readings.pop(key, None) is not None

    async def close(self) -> None:
        """Give up on what is under way."""
        await self._flights.close()

    def _touch(self, key: ReadingKey) -> Reading:
        now = self._clock.monotonic()
        if now - self._swept_at >= _SWEEP:
            self._sweep()
        reading = self._readings.pop(key, None)
        if reading is None:
            if len(self._readings) >= _MOST:
                # A dictionary keeps the order of insertion, and each access inserts anew: the first is the longest unused.
                del self._readings[next(iter(self._readings))]
            reading = Reading(key=key, last_access_at=self._clock.now(), accessed_at=now)
        reading.last_access_at, reading.accessed_at = self._clock.now(), now
        self._readings[key] = reading
        return reading

    def _fresh(self, reading: Reading, max_age: float) -> bool:
        if reading.read_at is None:
            return False
        age = self._clock.monotonic() - reading.read_at
        return age < (max_age if reading.error is None else min(max_age, _FAILED))

    async def _ask(self, reading: Reading, question: Callable[[], Awaitable[T]], limit: timedelta) -> T:
        reading.questions += 1
        try:
            async with asyncio.timeout(limit.total_seconds()):
                value = await question()
        except Exception as fault:  # whatever an SDK raises, the question was not answered; it is raised in our words
            error = read_error(reading.key.connector_name, fault)
            reading.failures += 1
            reading.value, reading.error, reading.read_at = None, error, self._clock.monotonic()
            log.info("market not read", reading=reading.key.name, error=type(fault).__name__, problem=error.detail)
            if error is fault:
                raise
            raise error from fault
        reading.value, reading.error, reading.read_at = value, None, self._clock.monotonic()
        return value

    def _sweep(self) -> None:
        now = self._swept_at = self._clock.monotonic()
        for key, reading in list(self._readings.items()):
            if now - reading.accessed_at >= FEED_TIMEOUT.total_seconds():
                del self._readings[key]
            elif reading.read_at is not None and now - reading.read_at >= _KEEP:
                reading.value, reading.error, reading.read_at = None, None, None


def read_error(connector_name: str, fault: Exception) -> OrdergateError:
    """``fault`` as an error of the tree: itself, or a question to the exchange that failed."""
    if isinstance(fault, OrdergateError):
        return fault
    if isinstance(fault, TimeoutError):
        return ExchangeReadTimeout(f"{connector_name} did not answer in time")
    return ExchangeReadError(f"{connector_name} did not answer: {type(fault).__name__}")

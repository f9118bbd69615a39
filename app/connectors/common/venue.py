"""What the accounts on one market of an exchange share in a process: rate limits, the exchange's clock, trading rules, the SDK.

Opening a venue needs no network and imports no SDK. Everything is read on first use and renewed by later use, so an exchange that
is down at start-up stops nothing: ``problem`` says what is missing, and the next use asks again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.clock import ServerClock
from app.connectors.common.judging import Outcomes, read_failure
from app.connectors.common.limits import AddressLimits
from app.connectors.common.markets import NO_MARKETS, Markets
from app.domain.errors import OrdergateError

log = structlog.get_logger(__name__)

#: Seconds. A quartz clock drifts a few milliseconds in three minutes; exchanges refuse a timestamp that is a second ahead.
_CLOCK_MAX_AGE = 180.0

#: Seconds. Filters change a few times a month, a pair's status a few times a day; the answer has megabytes.
_RULES_MAX_AGE = 600.0

#: Seconds after a failed question: long enough not to press an exchange that is down.
_RETRY_AFTER = 5.0


class Client(Protocol):
    """The client of one account, made of an exchange's SDK. Its calls are coroutines; ``AccountCalls`` names them."""

    def check_order_count(self) -> None:
        """Raise ``RateLimited`` if the account may place no order now."""

    async def close(self) -> None:
        """Close the connections; may be called twice."""


ClientT = TypeVar("ClientT", bound=Client)
T = TypeVar("T")


class RestVenue(ABC, Generic[ClientT]):
    """One market as all accounts of the process see it."""

    def __init__(self, outcomes: Outcomes, server_clock: ServerClock, limits: AddressLimits, clock: Clock) -> None:
        self.outcomes = outcomes
        self.server_clock = server_clock
        self.limits = limits
        self._client_class: type[ClientT] | None = None
        self._public: ClientT | None = None
        self._markets = Cached(clock, self._load_markets, retry_after=_RETRY_AFTER)
        self._time = Cached(clock, self._load_time, retry_after=_RETRY_AFTER)

    @property
    def problem(self) -> str | None:
        """Why the venue is not ready for orders, None if it is. Not having been asked yet is not a problem."""
        error = self._markets.error or self._time.error
        if error is None:
            return None
        return error.detail if isinstance(error, OrdergateError) else type(error).__name__

    @property
    def known_markets(self) -> Markets:
        """The markets as last read, empty before the first time."""
        return self._markets.value or NO_MARKETS

    async def markets(self, max_age: timedelta | None = None) -> Markets:
        """The markets; without ``max_age`` at most some minutes old and renewed in the background. Raises ``ExchangeReadFailed``
        or ``Refused``.
        """
        if max_age is None:
            return await self._markets.get_or_renew_behind(_RULES_MAX_AGE)
        return await self._markets.get(max_age.total_seconds())

    async def ready_to_sign(self) -> None:
        """Return when the exchange's clock is known and a client can be built. Raises ``ExchangeReadFailed`` or ``Refused``."""
        await self._time.get_or_renew_behind(_CLOCK_MAX_AGE)

    async def distrust_clock(self) -> None:
        """Read the exchange's clock anew, because it disagreed with a timestamp. ``problem`` shows a failure."""
        try:
            await self._time.renew()
        except OrdergateError:  # the caller reports the disagreement itself, and the next use asks again
            return

    @property
    def client_class(self) -> type[ClientT]:
        """The class of the clients, imported before by ``public_client``, ``markets`` or ``ready_to_sign``."""
        assert self._client_class is not None, "a client is built after the SDK was imported off the event loop"
        return self._client_class

    async def public_client(self) -> ClientT:
        """The client without an account. The first call imports the SDK, in a thread: orders of other exchanges go on meanwhile."""
        if self._client_class is None:
            self._client_class = await asyncio.to_thread(self._import_client_class)
        if self._public is None:
            self._public = self._build_public()
        return self._public

    async def read(self, question: Awaitable[T]) -> T:
        """The answer to a question, or ``ExchangeReadFailed``, or the ``Refused`` that is about us and not about an order."""
        try:
            return await question
        except (ErrorAnswer, NoAnswer) as error:
            raise read_failure(error, self.outcomes, self.limits.hold) from error

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        await self._markets.close()
        await self._time.close()
        if self._public is not None:
            await self._public.close()

    @abstractmethod
    def _import_client_class(self) -> type[ClientT]:
        """The class of the clients. Imports every module that needs the SDK; runs in a thread, perhaps twice at a time."""

    @abstractmethod
    def _build_public(self) -> ClientT:
        """A client without an account on the running loop."""

    @abstractmethod
    async def _fetch_markets(self, client: ClientT) -> Markets:
        """Ask the exchange for its markets. Raises ``ExchangeReadFailed`` or ``Refused``."""

    @abstractmethod
    async def _fetch_server_ms(self, client: ClientT) -> int:
        """Ask the exchange for its time in milliseconds after 1970. Raises ``ExchangeReadFailed`` or ``Refused``."""

    async def _load_markets(self) -> Markets:
        markets = await self._fetch_markets(await self.public_client())
        self.limits.limits = markets.rate_limits
        if markets.unreadable != self.known_markets.unreadable:
            log.warning("pairs left out", exchange=self.outcomes.exchange, unreadable=markets.unreadable)
        return markets

    async def _load_time(self) -> int:
        clock, client = self.server_clock, await self.public_client()
        asked_ms = clock.monotonic_ms()
        server_ms = await self._fetch_server_ms(client)
        answered_ms = clock.monotonic_ms()
        clock.set(server_ms, asked_ms=asked_ms, answered_ms=answered_ms)
        return answered_ms

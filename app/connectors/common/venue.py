"""What the accounts on one market of an exchange share in a process: rate limits, the exchange's clock, trading rules, the SDK.

Opening a venue needs no network and imports no SDK. Everything is read on first use and renewed by later use, so an exchange that
is down at start-up stops nothing: ``problem`` says what is missing, and the next use asks again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

import structlog

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.base import PAIRS_MAX_AGE
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.judging import Outcomes, read_failure
from app.connectors.common.limits import AddressLimits, RateLimit
from app.connectors.common.lists import OddRows
from app.connectors.common.numbers import instant, milliseconds_of
from app.domain.errors import OrdergateError, UnsupportedPair
from app.domain.markets.trading_rule import TradingRule
from app.domain.wording import in_words

log = structlog.get_logger(__name__)

#: Seconds. A quartz clock drifts a few milliseconds in three minutes; exchanges refuse a timestamp that is a second ahead.
_CLOCK_MAX_AGE = 180.0

#: Seconds. No order is checked by older rules, as long as the exchange can be asked.
_RULES_MAX_AGE = 600.0

#: Seconds after which the next use renews the rules in the background, so that few orders wait for them. Filters change a few times
#: per month, a pair's status a few times per day; the answer has megabytes.
_RULES_RENEWAL = 300.0

#: Seconds after a failed question: long enough not to press an exchange that is down.
_RETRY_AFTER = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Markets:
    """All pairs of one market: rules by trading pair, and the names of the pairs in both directions.

    ``separator`` stands between the two assets in the exchange's name of a pair. ``unreadable`` says of each pair that was left out
    what was wrong with it.
    """

    rules: Mapping[str, TradingRule]
    symbols: Mapping[str, str]
    pairs: Mapping[str, str]
    rate_limits: tuple[RateLimit, ...] = ()
    separator: str = ""
    unreadable: tuple[str, ...] = ()

    def symbol(self, trading_pair: str) -> str:
        """The exchange's name of ``trading_pair``; one that is no longer listed is named by its two assets."""
        return self.symbols.get(trading_pair) or trading_pair.replace("-", self.separator)

    def pair(self, symbol: str) -> str:
        """Our name of ``symbol``; one that is no pair of ours (a dated future, for example) keeps its own name."""
        return self.pairs.get(symbol, symbol)


NO_MARKETS = Markets(rules=MappingProxyType({}), symbols=MappingProxyType({}), pairs=MappingProxyType({}))


class ServerClock:
    """The exchange's time as seen from here: the base of every signed timestamp.

    It runs on the monotonic clock from the exchange's last answer, so a jump of the local clock moves nothing. Before the first
    answer the local time is used. It does no I/O; the venue asks.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_ms: int | None = None

    def monotonic_ms(self) -> int:
        """Milliseconds that never jump."""
        return int(self._clock.monotonic() * 1000)

    def now_ms(self) -> int:
        """The exchange's time in milliseconds after 1970."""
        if self._base_ms is None:
            return milliseconds_of(self._clock.now())
        return self._base_ms + self.monotonic_ms()

    def now(self) -> datetime:
        """The exchange's time."""
        return instant(self.now_ms())

    def set(self, server_ms: int, *, asked_ms: int, answered_ms: int) -> None:
        """Set the clock to ``server_ms``, which the exchange read half way between the two monotonic times."""
        self._base_ms = server_ms - (asked_ms + answered_ms) // 2


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
        self.odd_rows = OddRows(outcomes.exchange)
        #: Whether ``close`` was called.
        self.is_closed = False
        self._client_class: type[ClientT] | None = None
        self._public: ClientT | None = None
        self._markets = Cached(clock, self._load_markets, retry_after=_RETRY_AFTER)
        self._time = Cached(clock, self._load_time, retry_after=_RETRY_AFTER)
        #: Whether the exchange has contradicted the markets since they were asked for.
        self._is_doubtful = False

    @property
    def problem(self) -> str | None:
        """Why the venue is not ready for orders, None if it is. Not having been asked yet is not a problem."""
        error = self._markets.error or self._time.error
        if error is None:
            return None
        return in_words(error)

    @property
    def known_markets(self) -> Markets:
        """The markets as last read, empty before the first time."""
        return self._markets.value or NO_MARKETS

    async def markets(self, max_age: timedelta | None = None) -> Markets:
        """The markets; without ``max_age`` ten minutes old at most, or the last known ones where the exchange can't be asked.

        Raises ``ExchangeReadFailed`` or ``Refused``.
        """
        if max_age is not None:
            return await self._markets.get(max_age.total_seconds())
        known, age = self._markets.value, self._markets.age
        is_old = age is not None and age >= (PAIRS_MAX_AGE.total_seconds() if self._is_doubtful else _RULES_MAX_AGE)
        if known is None or not is_old:
            return await self._markets.get_or_renew_behind(_RULES_RENEWAL)
        try:
            return await self._markets.get(PAIRS_MAX_AGE.total_seconds())
        except OrdergateError as error:
            # Nothing is refused by these: whoever would refuse asks for younger ones, and the exchange judges what is sent.
            log.warning("markets not renewed", exchange=self.outcomes.exchange, age=age, problem=error.detail)
            return known

    async def markets_for(self, trading_pair: str) -> Markets:
        """The markets; the exchange is asked again where they lack ``trading_pair``. Raises what ``markets`` raises."""
        markets = await self.markets()
        return markets if trading_pair in markets.symbols else await self.markets(PAIRS_MAX_AGE)

    async def listed(self, trading_pair: str, connector_name: str) -> Markets:
        """The markets, which have ``trading_pair``. Raises ``UnsupportedPair``, and what ``markets`` raises."""
        markets = await self.markets_for(trading_pair)
        if trading_pair not in markets.symbols:
            raise UnsupportedPair(trading_pair, connector_name, list(markets.symbols))
        return markets

    async def doubt_markets(self, error: ErrorAnswer) -> None:
        """Renew the markets if ``error`` says that they are not what they were; at most every ten seconds. Waits for nothing."""
        if self.outcomes.contradicts_rules(error) and self._markets.value is not None:
            self._is_doubtful = True
            await self._markets.get_or_renew_behind(PAIRS_MAX_AGE.total_seconds())

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
            if isinstance(error, ErrorAnswer):
                await self.doubt_markets(error)
            raise read_failure(error, self.outcomes, self.limits.hold) from error

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        self.is_closed = True
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
        client, was_doubtful = await self.public_client(), self._is_doubtful
        # What is contradicted from now on may be newer than the answer.
        self._is_doubtful = False
        try:
            markets = await self._fetch_markets(client)
        except BaseException:
            self._is_doubtful |= was_doubtful
            raise
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

"""What the Binance accounts of one connector share in a process: addresses, rate limits, the exchange's clock, trading rules, and
the connections to the market's streams.

Opening one needs no network and imports no SDK. Everything is read on first use and renewed by later use, so an exchange that is
down at start-up stops nothing: ``problem`` says what is missing, and the next use asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from app.clock import Clock
from app.concurrency.cached import Cached
from app.connectors.base import MarketTopic
from app.connectors.binance.credentials import Credentials
from app.connectors.binance.endpoints import Endpoints
from app.connectors.binance.limits import AddressLimits
from app.connectors.binance.market_events import MarketReader, stream_name
from app.connectors.binance.market_streams import MarketStreams
from app.connectors.binance.outcomes import PERPETUAL, SPOT, Outcomes, read_failure, reading
from app.connectors.binance.rules import NO_MARKETS, Markets, perpetual_markets, spot_markets
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.clock import ServerClock, milliseconds_of
from app.connectors.common.numbers import mapping, time
from app.domain.errors import OrdergateError, UnsupportedFeature, UnsupportedPair
from app.domain.reports import MarketEvent
from app.settings import Settings

if TYPE_CHECKING:
    from app.connectors.binance.client import TamedClient

T = TypeVar("T")

#: Seconds. A quartz clock drifts a few milliseconds in three minutes; Binance refuses what is a second ahead.
_CLOCK_MAX_AGE = 180.0

#: Seconds. Filters change a few times a month, a symbol's status a few times a day; the answer has megabytes.
_RULES_MAX_AGE = 600.0

#: Seconds after a failed question: long enough not to press an exchange that is down.
_RETRY_AFTER = 5.0


class BinanceVenue:
    """One market of Binance as all accounts of the process see it."""

    def __init__(self, endpoints: Endpoints, settings: Settings, clock: Clock) -> None:
        self.endpoints = endpoints
        self.outcomes: Outcomes = PERPETUAL if endpoints.is_perpetual else SPOT
        self.server_clock = ServerClock(clock)
        self.limits = AddressLimits(self.server_clock.now_ms, self.server_clock.monotonic_ms)
        self._timeout = settings.exchange_timeout.total_seconds()
        self._clock = clock
        self._public: TamedClient | None = None
        self._streams: dict[str, MarketStreams] = {}
        self._is_closed = False
        self._markets = Cached(clock, self._fetch_markets, retry_after=_RETRY_AFTER)
        self._time = Cached(clock, self._fetch_time, retry_after=_RETRY_AFTER)

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

    async def markets(self) -> Markets:
        """The markets, at most some minutes old. Raises ``ExchangeReadFailed`` or ``Refused``."""
        return await self._markets.get_or_renew_behind(_RULES_MAX_AGE)

    async def ready_to_sign(self) -> None:
        """Return when the exchange's clock is known. Raises ``ExchangeReadFailed`` or ``Refused``."""
        await self._time.get_or_renew_behind(_CLOCK_MAX_AGE)

    async def distrust_clock(self) -> None:
        """Read the exchange's clock anew, since it disagreed with a timestamp. A failure is kept in ``problem``."""
        try:
            await self._time.renew()
        except OrdergateError:  # the caller reports the disagreement itself, and the next use asks again
            return

    @property
    def public(self) -> TamedClient:
        """The client without an account."""
        if self._public is None:
            self._public = self.new_client(None)
        return self._public

    def new_client(self, credentials: Credentials | None) -> TamedClient:
        """A client on the running loop; the caller closes it. The first one imports the SDK."""
        from app.connectors.binance.client import TamedClient

        return TamedClient(
            self.endpoints,
            credentials,
            server_clock=self.server_clock,
            address_limits=self.limits,
            timeout=self._timeout,
        )

    async def read(self, question: Awaitable[T]) -> T:
        """The answer to a question, or ``ExchangeReadFailed``, or the ``Refused`` that is about us and not about an order."""
        try:
            return await question
        except (ErrorAnswer, NoAnswer) as error:
            raise read_failure(error, self.outcomes, self.limits.hold) from error

    async def follow(self, topic: MarketTopic, connector_name: str) -> AsyncGenerator[MarketEvent, None]:
        """What happens in a market: ``Connector.follow``. All who follow markets below one address share a connection."""
        base_url = self.endpoints.market_base(topic.kind)
        if base_url is None:
            raise UnsupportedFeature(f"Connector '{connector_name}' was given no address of market streams")
        markets = await self.markets()
        if topic.trading_pair not in markets.symbols:
            raise UnsupportedPair(topic.trading_pair, connector_name, list(markets.symbols))
        streams = self._streams_below(base_url)
        name = stream_name(topic, markets.symbol(topic.trading_pair))
        async with aclosing(streams.follow(name, MarketReader(topic, self.server_clock.now))) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Let go of the network; may be called twice."""
        self._is_closed = True
        await self._markets.close()
        await self._time.close()
        for streams in self._streams.values():
            await streams.close()
        if self._public is not None:
            await self._public.close()

    def _streams_below(self, base_url: str) -> MarketStreams:
        if base_url not in self._streams:
            self._streams[base_url] = MarketStreams(base_url, self._clock, is_closed=self._is_closed)
        return self._streams[base_url]

    async def _fetch_markets(self) -> Markets:
        is_perpetual = self.endpoints.is_perpetual
        client = self.public
        payload = await self.read(client.futures_exchange_info() if is_perpetual else client.get_exchange_info())
        with reading():  # thousands of symbols: beside the loop, so that no order waits for them
            markets = await asyncio.to_thread(perpetual_markets if is_perpetual else spot_markets, payload)
        self.limits.limits = markets.rate_limits
        return markets

    async def _fetch_time(self) -> int:
        clock, client = self.server_clock, self.public
        asked_ms = clock.monotonic_ms()
        payload = await self.read(client.futures_time() if self.endpoints.is_perpetual else client.get_server_time())
        answered_ms = clock.monotonic_ms()
        with reading():
            server_ms = milliseconds_of(time(mapping(payload), "serverTime"))
        clock.set(server_ms, asked_ms=asked_ms, answered_ms=answered_ms)
        return answered_ms

"""Market data of any connector, without credentials: prices, books, candles, trades, funding terms.

Callers are served from ``Readings``, so that a hundred of them cost an exchange one request. A market that has subscribers is kept
up to date by the exchange's stream where it has one (``LiveMarkets``); its data serves all callers while it is as fresh as an
answer of REST would be. Numbers are the exchange's own. Data that a connector does not have is an error that says so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from app.clock import Clock
from app.connectors.base import Connector
from app.connectors.registry import connector_class, served_names
from app.domain.errors import ExchangeReadTimeout, InvalidArgument, MarketDataNotFound, OrdergateError
from app.domain.markets.rates import split_pair
from app.domain.order import AccountKey
from app.domain.reports import Candle, FundingInfo, OrderBook, PublicTrade, Ticker
from app.services.markets.candle_pages import MOST_CANDLES, CandleRange, fetch_last, fetch_range
from app.services.markets.live_markets import LiveMarkets
from app.services.markets.price_lists import PriceList, price_list
from app.services.markets.readings import Reading, ReadingKey, Readings, read_error
from app.services.sessions import Sessions

#: Seconds for which one answer serves all callers. A book is asked for by callers who are about to trade.
_BOOK_AGE = 0.25
_DEFAULT_AGE = 1.0
#: All tickers at once are expensive (80 of 6000 units per minute at Binance), so they serve longer.
TICKERS_AGE = 10.0
#: Funding terms change every few hours, their mark price every second or so.
_FUNDING_AGE = 1.0

#: Depths that exchanges are asked for: the cheap book, which nearly all callers need, and the deep one.
_DEPTHS = (100, 1000)
#: Numbers of candles and trades that exchanges are asked for, so that callers who want a few more or less share one request.
_COUNTS = (100, 500, 1000, 5000)
#: Where more tickers than this are wanted, all are requested at once if the connector can. At Binance twenty cost half of all.
_SINGLE_TICKERS = 20
#: Concurrent requests for tickers of one connector; enough for twenty in half a second, few enough for any exchange's limits.
_AT_ONCE = 5
#: How long a long range of history may take. It is read in pages, each of which has the ordinary limit.
_HISTORY_LIMIT = timedelta(seconds=60)
#: Long histories that are read at once; others wait within the same time.
_HISTORIES = 2
#: Trades in memory for each followed market: what exchanges give in one answer.
_FOLLOWED_TRADES = 1000

#: For subscribers: seconds for which the last message of a stream serves, because a stream of a quiet market is silent. After that,
#: until its next message, they are served over REST, so that a stream which has stopped without notice hides nothing.
SUBSCRIBED_AGE = 5.0


class MarketData:
    """Questions about markets, and the list of those that are being asked."""

    def __init__(self, sessions: Sessions, readings: Readings, clock: Clock) -> None:
        self._sessions = sessions
        self._readings = readings
        self._clock = clock
        #: By connector, so that an exchange which lets every request time out does not delay the others.
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
        self._histories = asyncio.Semaphore(_HISTORIES)
        self._live = LiveMarkets(sessions, clock, _HISTORY_LIMIT)
        #: Set when the server stops: every subscription must end.
        self.ended = asyncio.Event()

    # -- questions ------------------------------------------------------------------------------------------------------

    async def ticker(
        self,
        connector_name: str,
        trading_pair: str,
        *,
        max_age: float = _DEFAULT_AGE,
        live_age: float = _DEFAULT_AGE,
    ) -> Ticker:
        """The last trade and the day's volume of one pair."""
        connector = await self._sessions.keyless(connector_name)
        key = _ticker_key(connector_name, trading_pair)
        live: Ticker | None = self._live_value(key, live_age)
        if live is not None:
            return live

        async def ask() -> Ticker:
            async with self._slots[connector_name]:
                return await connector.fetch_ticker(trading_pair)

        return await self._readings.get(key, max_age, ask)

    async def tickers(self, connector_name: str, max_age: float = TICKERS_AGE) -> Mapping[str, Ticker]:
        """The tickers of all pairs of a connector, by pair, at most ``max_age`` seconds old, or a second if that is more."""
        connector = await self._sessions.keyless(connector_name)
        key = ReadingKey(kind="tickers", connector_name=connector_name)

        async def ask() -> Mapping[str, Ticker]:
            return {ticker.trading_pair: ticker for ticker in await connector.fetch_tickers()}

        return await self._readings.get(key, max(max_age, _DEFAULT_AGE), ask)

    async def prices(self, connector_name: str, trading_pairs: Sequence[str]) -> PriceList:
        """The last price of each pair that is trading, and why the others have none.

        Raises the first of these reasons if there is no price at all.
        """
        connector = await self._sessions.keyless(connector_name)
        try:
            rules = await connector.load_trading_rules()
        except Exception as fault:
            # Whatever an SDK raises, it is raised as an error of the tree.
            raise read_error(connector_name, fault) from fault
        trading = [pair for pair in dict.fromkeys(trading_pairs) if pair in rules and rules[pair].is_trading]
        tickers: Mapping[str, Ticker | OrdergateError]
        if len(trading) > _SINGLE_TICKERS and connector.has_verb("fetch_tickers"):
            tickers = await self.tickers(connector_name, _DEFAULT_AGE)
        else:
            found = await asyncio.gather(*(self._ticker_or_error(connector_name, pair) for pair in trading))
            tickers = dict(zip(trading, found, strict=True))
        return price_list(connector_name, trading_pairs, rules, tickers)

    async def _ticker_or_error(self, connector_name: str, trading_pair: str) -> Ticker | OrdergateError:
        try:
            return await self.ticker(connector_name, trading_pair)
        except OrdergateError as error:
            return error

    async def order_book(
        self,
        connector_name: str,
        trading_pair: str,
        depth: int,
        *,
        limit: timedelta | None = None,
        live_age: float = _BOOK_AGE,
    ) -> OrderBook:
        """The ``depth`` best levels of each side, up to a thousand; fewer where the book holds no more."""
        connector = await self._sessions.keyless(connector_name)
        levels = connector.capabilities.followed_levels
        book: Any = (
            self._live_value(_book_key(connector_name, trading_pair, levels), live_age) if depth <= levels else None
        )
        if book is None:
            asked = next((each for each in _DEPTHS if each >= depth), _DEPTHS[-1])
            book = await self._readings.get(
                _book_key(connector_name, trading_pair, asked),
                _BOOK_AGE,
                lambda: connector.fetch_order_book(trading_pair, asked),
                limit=limit,
            )
        return OrderBook(
            trading_pair=trading_pair,
            bids=book.bids[:depth],
            asks=book.asks[:depth],
            reported_at=book.reported_at,
        )

    async def recent_trades(
        self, connector_name: str, trading_pair: str, count: int, *, live_age: float = _BOOK_AGE
    ) -> Sequence[PublicTrade]:
        """The market's last trades, at most ``count`` of them, oldest first."""
        connector = await self._sessions.keyless(connector_name)
        followed = _trades_key(connector_name, trading_pair, _FOLLOWED_TRADES)
        trades: Any = self._live_value(followed, live_age) if count <= _FOLLOWED_TRADES else None
        if trades is None:
            asked = _count(count)
            key = _trades_key(connector_name, trading_pair, asked)
            trades = await self._readings.get(
                key, _BOOK_AGE, lambda: connector.fetch_recent_trades(trading_pair, asked)
            )
        found: Sequence[PublicTrade] = trades[-count:]
        return found

    async def funding_info(self, connector_name: str, trading_pair: str) -> FundingInfo:
        """The funding terms of a perpetual. Raises ``InvalidArgument`` for a connector that has none."""
        connector = await self._sessions.keyless(connector_name)
        if not connector.capabilities.is_perpetual:
            raise InvalidArgument(
                "Funding info is only available for perpetual trading pairs.",
                hint="Ask a perpetual connector, such as paper_perpetual; GET /connectors/ lists them",
            )
        key = ReadingKey(kind="funding_info", connector_name=connector_name, trading_pair=trading_pair)
        return await self._readings.get(key, _FUNDING_AGE, lambda: connector.fetch_funding_info(trading_pair))

    async def candles(
        self, connector_name: str, trading_pair: str, interval: str, count: int, *, live_age: float = _DEFAULT_AGE
    ) -> Sequence[Candle]:
        """The last ``count`` candles, oldest first; the last is still growing. Raises ``MarketDataNotFound`` if there are none."""
        connector = await self._candle_connector(connector_name, trading_pair)
        asked = _count(count)
        key = _candles_key(connector_name, trading_pair, interval, asked)
        is_long = asked > connector.capabilities.candles_page

        async def ask() -> Sequence[Candle]:
            async with self._histories if is_long else nullcontext():
                return await fetch_last(connector, trading_pair, interval, asked)

        found: Sequence[Candle] = self._live_value(key, live_age) or await self._readings.get(
            key, _DEFAULT_AGE, ask, limit=_HISTORY_LIMIT if is_long else None
        )
        if not found:
            raise MarketDataNotFound("No candles data available")
        return found[-count:]

    async def historical_candles(
        self, connector_name: str, trading_pair: str, interval: str, wanted: CandleRange
    ) -> Sequence[Candle]:
        """All candles that open within ``wanted``. Raises ``MarketDataNotFound`` if there are none, ``InvalidArgument`` if there
        are more than one answer may hold.
        """
        connector = await self._candle_connector(connector_name, trading_pair)
        _check_range(interval, wanted, wanted.count(interval, self._clock.now()))
        bounds = (interval, int(wanted.start_at.timestamp()), int(wanted.end_at.timestamp()))
        key = ReadingKey(kind="candles", connector_name=connector_name, trading_pair=trading_pair, detail=bounds)

        async def ask() -> Sequence[Candle]:
            async with self._histories:
                return await fetch_range(connector, trading_pair, interval, wanted)

        try:
            found = await self._readings.get(key, 0, ask, limit=_HISTORY_LIMIT)
        finally:
            # History is large and rarely asked for twice: it serves the callers who wait for it now, and no later ones.
            self._readings.forget(key)
        if not found:
            raise MarketDataNotFound("No historical data available")
        _check_range(interval, wanted, len(found))
        return found

    # -- following ------------------------------------------------------------------------------------------------------

    def follow_book(self, connector_name: str, trading_pair: str, depth: int) -> Callable[[], None]:
        """Let the exchange push the book, if it can and as deep. Call the result to stop. Before and after that REST serves."""
        levels = connector_class(connector_name).capabilities.followed_levels
        if depth > levels:
            return _not_followed
        return self._live.follow(_book_key(connector_name, trading_pair, levels))

    def follow_ticker(self, connector_name: str, trading_pair: str) -> Callable[[], None]:
        """Let the exchange push the ticker in the same way."""
        if "ticker" not in connector_class(connector_name).capabilities.followed:
            return _not_followed
        return self._live.follow(_ticker_key(connector_name, trading_pair))

    def follow_trades(self, connector_name: str, trading_pair: str) -> Callable[[], None]:
        """Let the exchange push the market's trades in the same way."""
        if "trades" not in connector_class(connector_name).capabilities.followed:
            return _not_followed
        return self._live.follow(_trades_key(connector_name, trading_pair, _FOLLOWED_TRADES))

    def follow_candles(self, connector_name: str, trading_pair: str, interval: str, count: int) -> Callable[[], None]:
        """Let the exchange push the last candles in the same way."""
        if "candles" not in connector_class(connector_name).capabilities.followed:
            return _not_followed
        return self._live.follow(_candles_key(connector_name, trading_pair, interval, _count(count)))

    def _live_value(self, key: ReadingKey, max_age: float) -> Any:
        """The value of the exchange's stream, if it is young enough. It counts as access, like an answer of REST."""
        live = self._live.value(key, max_age)
        if live is None:
            return None
        self._readings.put(key, *live)
        return live[0]

    # -- what is being asked --------------------------------------------------------------------------------------------

    def candle_connectors(self) -> list[str]:
        """The names of the connectors that have candles, sorted."""
        return connectors_with("fetch_candles")

    def active(self) -> Sequence[Reading]:
        """What has been asked for in the last ten minutes, by name."""
        return self._readings.active()

    async def check_names(self, connector_name: str, account_name: str | None) -> None:
        """Raise ``UnknownConnector``, ``UnknownAccount`` or ``ConnectorNotConfigured`` for names that do not exist."""
        if account_name is None:
            await self._sessions.keyless(connector_name)
        else:
            await self._sessions.connector(AccountKey(account_name, connector_name))

    async def add_pair(self, connector_name: str, trading_pair: str, limit: timedelta) -> OrderBook:
        """Ask for the book of a pair, so that it is among the active readings and known to be there."""
        try:
            return await self.order_book(connector_name, trading_pair, _DEPTHS[0], limit=limit)
        except ExchangeReadTimeout as error:
            raise ExchangeReadTimeout(f"Failed to initialize order book for {trading_pair}: {error.detail}") from error

    def remove_pair(self, connector_name: str, trading_pair: str) -> bool:
        """Drop the book of a pair; False if nobody had asked for it."""
        keys = [reading.key for reading in self.books(connector_name) if reading.key.trading_pair == trading_pair]
        for key in keys:
            self._readings.forget(key)
        return bool(keys)

    def books(self, connector_name: str) -> Sequence[Reading]:
        """The readings of the connector's books."""
        return [
            reading
            for reading in self.active()
            if reading.key.kind == "order_book" and reading.key.connector_name == connector_name
        ]

    async def restart_books(self, connector_name: str) -> tuple[list[str], Mapping[str, str]]:
        """Read every active book of the connector anew. Return the pairs that were read, and by pair why others were not."""
        keys = [reading.key for reading in self.books(connector_name)]
        for key in keys:
            self._readings.forget(key)
        pairs = sorted({key.trading_pair for key in keys})
        asked = (self.order_book(connector_name, pair, _DEPTHS[0]) for pair in pairs)
        errors = {}
        for pair, outcome in zip(pairs, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(outcome, OrdergateError):
                errors[pair] = outcome.detail
            elif isinstance(outcome, BaseException):
                raise outcome
        return [pair for pair in pairs if pair not in errors], errors

    def end(self) -> None:
        """End every subscription; may be called twice."""
        self.ended.set()

    async def close(self) -> None:
        """Cancel everything that is under way; may be called twice."""
        self.end()
        await self._live.close()
        await self._readings.close()

    async def _candle_connector(self, connector_name: str, trading_pair: str) -> Connector:
        available = self.candle_connectors()
        if connector_name not in available:
            raise InvalidArgument(f"Unsupported connector '{connector_name}'. Available connectors: {available}")
        try:
            split_pair(trading_pair)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None
        return await self._sessions.keyless(connector_name)


def connectors_with(verb: str) -> list[str]:
    """The names of the connectors that have the optional verb ``verb``, sorted."""
    return sorted(name for name in served_names() if connector_class(name).has_verb(verb))


def _check_range(interval: str, wanted: CandleRange, count: int | None) -> None:
    if wanted.start_at > wanted.end_at:
        raise InvalidArgument("start_time must not be after end_time")
    if count is not None and count > MOST_CANDLES:
        raise InvalidArgument(
            f"More than {MOST_CANDLES} candles of {interval} lie between start_time and end_time;"
            " ask for a shorter time or a longer interval"
        )


def _ticker_key(connector_name: str, trading_pair: str) -> ReadingKey:
    return ReadingKey(kind="ticker", connector_name=connector_name, trading_pair=trading_pair)


def _book_key(connector_name: str, trading_pair: str, depth: int) -> ReadingKey:
    return ReadingKey(kind="order_book", connector_name=connector_name, trading_pair=trading_pair, detail=(depth,))


def _trades_key(connector_name: str, trading_pair: str, count: int) -> ReadingKey:
    return ReadingKey(kind="trades", connector_name=connector_name, trading_pair=trading_pair, detail=(count,))


def _candles_key(connector_name: str, trading_pair: str, interval: str, count: int) -> ReadingKey:
    return ReadingKey(
        kind="candles", connector_name=connector_name, trading_pair=trading_pair, detail=(interval, count)
    )


def _not_followed() -> None:
    """Stop following a market that is not followed."""


def _count(count: int) -> int:
    return next((each for each in _COUNTS if each >= count), count)

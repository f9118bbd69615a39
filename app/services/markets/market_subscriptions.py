"""Subscriptions to one market: what is new since the last poll.

A subscription belongs to one subscriber and remembers only what that subscriber has seen. The exchange is asked through
``MarketData``, so that many subscriptions to one market cost one request. From its first poll until it is closed, a subscription
lets the exchange push the market where it can; a poll then mostly needs no request. ``poll`` raises what a question to the exchange
raises, and may be called again after that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.domain.reports import BookLevel, Candle, OrderBook, PublicTrade, Ticker
from app.services.markets.market_data import SUBSCRIBED_AGE, MarketData

#: Trades read per poll. If a pair had more since the last poll, the largest number is read; trades beyond it are lost.
_TRADES = 100
_MOST_TRADES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleUpdate:
    """All candles if a new one has opened since the last poll (``is_new``), else the growing one."""

    candles: Sequence[Candle]
    is_new: bool


class MarketSubscription(Protocol):
    """What every subscription can do."""

    async def start(self) -> None:
        """Ask the exchange once, to find out whether there is such a market. Raises what a question raises."""

    async def poll(self) -> object | None:
        """What is new, or None."""

    def close(self) -> None:
        """End the subscription; may be called twice. No poll may follow."""


class _Stream:
    """The exchange's stream of one market, followed from the first poll until the end."""

    def __init__(self, follow: Callable[[], Callable[[], None]]) -> None:
        self._follow = follow
        self._stop: Callable[[], None] | None = None

    def begin(self) -> None:
        if self._stop is None:
            self._stop = self._follow()

    def end(self) -> None:
        if self._stop is not None:
            self._stop()


class BookSubscription:
    """The book, whenever it has changed."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str, depth: int) -> None:
        self._market_data = market_data
        self._market = (connector_name, trading_pair)
        self._depth = depth
        self._stream = _Stream(lambda: market_data.follow_book(connector_name, trading_pair, depth))
        self._seen: tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]] | None = None

    async def start(self) -> None:
        await self._market_data.order_book(*self._market, self._depth)

    def close(self) -> None:
        self._stream.end()

    async def poll(self) -> OrderBook | None:
        self._stream.begin()
        book = await self._market_data.order_book(*self._market, self._depth, live_age=SUBSCRIBED_AGE)
        if (book.bids, book.asks) == self._seen:
            return None
        self._seen = (book.bids, book.asks)
        return book


class TickerSubscription:
    """The last price and the day's volume, whenever one of them has changed."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str) -> None:
        self._market_data = market_data
        self._market = (connector_name, trading_pair)
        self._stream = _Stream(lambda: market_data.follow_ticker(connector_name, trading_pair))
        self._seen: tuple[Decimal, Decimal | None, Decimal | None] | None = None

    async def start(self) -> None:
        await self._market_data.ticker(*self._market)

    def close(self) -> None:
        self._stream.end()

    async def poll(self) -> Ticker | None:
        self._stream.begin()
        ticker = await self._market_data.ticker(*self._market, live_age=SUBSCRIBED_AGE)
        shown = (ticker.price, ticker.base_volume, ticker.quote_volume)
        if shown == self._seen:
            return None
        self._seen = shown
        return ticker


class CandleSubscription:
    """All candles at first and whenever one opens, otherwise the growing one."""

    def __init__(
        self, market_data: MarketData, connector_name: str, trading_pair: str, interval: str, count: int
    ) -> None:
        self._market_data = market_data
        self._asked = (connector_name, trading_pair, interval, count)
        self._stream = _Stream(lambda: market_data.follow_candles(*self._asked))
        self._opened_at: datetime | None = None
        self._last: Candle | None = None

    async def start(self) -> None:
        await self._market_data.candles(*self._asked)

    def close(self) -> None:
        self._stream.end()

    async def poll(self) -> CandleUpdate | None:
        self._stream.begin()
        candles = await self._market_data.candles(*self._asked, live_age=SUBSCRIBED_AGE)
        last = candles[-1]
        if last == self._last:
            return None
        is_new = last.opened_at != self._opened_at
        self._last, self._opened_at = last, last.opened_at
        return CandleUpdate(candles=candles if is_new else [last], is_new=is_new)


class TradeSubscription:
    """The trades since the last poll, oldest first, beginning with the first one after ``start``."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str) -> None:
        self._market_data = market_data
        self._market = (connector_name, trading_pair)
        self._stream = _Stream(lambda: market_data.follow_trades(connector_name, trading_pair))
        #: The ids of the last two polls: the short list may be a little older than the long one that was read between them.
        self._seen: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._last_at: datetime | None = None

    async def start(self) -> None:
        self._remember(await self._market_data.recent_trades(*self._market, _TRADES))

    def close(self) -> None:
        self._stream.end()

    async def poll(self) -> Sequence[PublicTrade] | None:
        self._stream.begin()
        trades = await self._market_data.recent_trades(*self._market, _TRADES, live_age=SUBSCRIBED_AGE)
        if len(trades) == _TRADES and not self._seen[0] & _ids(trades):
            trades = await self._market_data.recent_trades(*self._market, _MOST_TRADES, live_age=SUBSCRIBED_AGE)
        new = [trade for trade in trades if self._is_new(trade)]
        self._remember(trades)
        return new or None

    def _is_new(self, trade: PublicTrade) -> bool:
        # The long list reaches further back than the remembered ids.
        is_old = self._last_at is not None and trade.traded_at < self._last_at
        return not is_old and not any(trade.exchange_trade_id in ids for ids in self._seen)

    def _remember(self, trades: Sequence[PublicTrade]) -> None:
        if trades:
            self._seen = (_ids(trades), self._seen[0])
            newest = max(trade.traded_at for trade in trades)
            self._last_at = newest if self._last_at is None else max(self._last_at, newest)


def _ids(trades: Sequence[PublicTrade]) -> frozenset[str]:
    return frozenset(trade.exchange_trade_id for trade in trades)

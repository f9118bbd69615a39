"""Following one market: what is new since the last look.

A watch belongs to one subscriber and holds only what that one has seen; the exchange is asked through ``MarketData``, so that many
watches of one market cost what one does. From its first look until it is closed, a watch has the exchange push the market, where it
can; what is looked at is then mostly there already. ``look`` raises what a question raises, and may be called again after that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.domain.reports import BookLevel, Candle, OrderBook, PublicTrade, Ticker
from app.services.markets.market_data import WATCHED_AGE, MarketData

#: Trades asked for at a look. A pair with more in one interval is asked for the most there is, and what is lost is not made up.
_TRADES = 100
_MOST_TRADES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleNews:
    """All candles if a new one has opened since the last look (``is_new``), else the growing one."""

    candles: Sequence[Candle]
    is_new: bool


class Watch(Protocol):
    """What every watch can do."""

    async def start(self) -> None:
        """Ask once, to find out whether there is such a market. Raises what a question raises."""

    async def look(self) -> object | None:
        """What is new, or None."""

    def close(self) -> None:
        """Let go of the market; may be called twice. No look may follow."""


class _Following:
    """The exchange's stream of one market, from the first look until the end."""

    def __init__(self, follow: Callable[[], Callable[[], None]]) -> None:
        self._follow = follow
        self._let_go: Callable[[], None] | None = None

    def begin(self) -> None:
        if self._let_go is None:
            self._let_go = self._follow()

    def end(self) -> None:
        if self._let_go is not None:
            self._let_go()


class BookWatch:
    """The book, whenever it has changed."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str, depth: int) -> None:
        self._market_data = market_data
        self._place = (connector_name, trading_pair)
        self._depth = depth
        self._following = _Following(lambda: market_data.follow_book(connector_name, trading_pair, depth))
        self._seen: tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]] | None = None

    async def start(self) -> None:
        await self._market_data.order_book(*self._place, self._depth)

    def close(self) -> None:
        self._following.end()

    async def look(self) -> OrderBook | None:
        self._following.begin()
        book = await self._market_data.order_book(*self._place, self._depth, live_age=WATCHED_AGE)
        if (book.bids, book.asks) == self._seen:
            return None
        self._seen = (book.bids, book.asks)
        return book


class TickerWatch:
    """The last price and the day's volume, whenever one of them has changed."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str) -> None:
        self._market_data = market_data
        self._place = (connector_name, trading_pair)
        self._following = _Following(lambda: market_data.follow_ticker(connector_name, trading_pair))
        self._seen: tuple[Decimal, Decimal, Decimal] | None = None

    async def start(self) -> None:
        await self._market_data.ticker(*self._place)

    def close(self) -> None:
        self._following.end()

    async def look(self) -> Ticker | None:
        self._following.begin()
        ticker = await self._market_data.ticker(*self._place, live_age=WATCHED_AGE)
        told = (ticker.price, ticker.base_volume, ticker.quote_volume)
        if told == self._seen:
            return None
        self._seen = told
        return ticker


class CandleWatch:
    """All candles at first and when one opens, between that the one that grows."""

    def __init__(
        self, market_data: MarketData, connector_name: str, trading_pair: str, interval: str, count: int
    ) -> None:
        self._market_data = market_data
        self._asked = (connector_name, trading_pair, interval, count)
        self._following = _Following(lambda: market_data.follow_candles(*self._asked))
        self._opened_at: datetime | None = None
        self._last: Candle | None = None

    async def start(self) -> None:
        await self._market_data.candles(*self._asked)

    def close(self) -> None:
        self._following.end()

    async def look(self) -> CandleNews | None:
        self._following.begin()
        candles = await self._market_data.candles(*self._asked, live_age=WATCHED_AGE)
        last = candles[-1]
        if last == self._last:
            return None
        is_new = last.opened_at != self._opened_at
        self._last, self._opened_at = last, last.opened_at
        return CandleNews(candles=candles if is_new else [last], is_new=is_new)


class TradeWatch:
    """The trades since the last look, oldest first, beginning with the first one after ``start``."""

    def __init__(self, market_data: MarketData, connector_name: str, trading_pair: str) -> None:
        self._market_data = market_data
        self._place = (connector_name, trading_pair)
        self._following = _Following(lambda: market_data.follow_trades(connector_name, trading_pair))
        #: The ids of the last look and of the one before: the short list may be a little older than the long one that was asked for
        #: in between.
        self._seen: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._last_at: datetime | None = None

    async def start(self) -> None:
        self._remember(await self._market_data.recent_trades(*self._place, _TRADES))

    def close(self) -> None:
        self._following.end()

    async def look(self) -> Sequence[PublicTrade] | None:
        self._following.begin()
        trades = await self._market_data.recent_trades(*self._place, _TRADES, live_age=WATCHED_AGE)
        if len(trades) == _TRADES and not self._seen[0] & _ids(trades):
            trades = await self._market_data.recent_trades(*self._place, _MOST_TRADES, live_age=WATCHED_AGE)
        new = [trade for trade in trades if self._is_new(trade)]
        self._remember(trades)
        return new or None

    def _is_new(self, trade: PublicTrade) -> bool:
        # The long list reaches further back than what is remembered by id.
        is_old = self._last_at is not None and trade.traded_at < self._last_at
        return not is_old and not any(trade.exchange_trade_id in ids for ids in self._seen)

    def _remember(self, trades: Sequence[PublicTrade]) -> None:
        if trades:
            self._seen = (_ids(trades), self._seen[0])
            newest = max(trade.traded_at for trade in trades)
            self._last_at = newest if self._last_at is None else max(self._last_at, newest)


def _ids(trades: Sequence[PublicTrade]) -> frozenset[str]:
    return frozenset(trade.exchange_trade_id for trade in trades)

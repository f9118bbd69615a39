"""The events of both markets' streams in one second: trades, candles, tickers and books. Used on the exchange's thread.

A stream's name is ``<symbol in lower case>@<kind>``, or ``!<kind>@arr`` for all symbols. Each market adds its own streams, and its
own members of the events.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from app.domain.enums import TradeType
from app.paper.candles import INTERVALS
from app.paper.market import TapeTrade
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.books import Books, Difference
from app.sandbox.times import milliseconds

#: How many trades are sent at most after a pause.
_MAX_TRADES = 100

#: The update speeds that names may ask for; all are served each second.
_SPEED = re.compile(r"@((100|250|500|1000|2000|3000)ms|1s)$")
#: The streams of all symbols together.
_OF_ALL = re.compile(r"!((?:mini)?[tT]icker(?:_[0-9a-z]+)?)@arr")
_PARTIAL = re.compile(r"depth(5|10|20)")

Events = list[Any]

#: An event's keys, and those of the row that its values are from.
Keys = Mapping[str, str]

TICKER: Keys = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}
_MINI_TICKER: Keys = {name: TICKER[name] for name in "cohlvq"}
_BOOK_TICKER: Keys = {"s": "symbol", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}


class StreamEvents(ABC):
    """One second of market data, for the streams that clients listen to. ``start_second`` comes first."""

    ticker_keys: ClassVar[Keys] = TICKER

    def __init__(self, venue: BinanceVenue, books: Books) -> None:
        self._exchange = venue.exchange
        self._symbols = venue.symbols
        self._books = books
        self._last_tick = 0
        self._trades = 0
        self._now_ms = 0
        self._differences: dict[str, Difference | None] = {}
        self._opened: dict[str, int] = {}
        self._kinds: dict[str, Callable[[Pair], Events]] = {
            "trade": self._trade,
            "aggTrade": self._aggregate_trade,
            "miniTicker": self._mini_ticker,
            "ticker": self._ticker,
            "bookTicker": self._book_ticker,
            "depth": self._depth,
            "avgPrice": self._average_price,
        }

    def start_second(self, now_ms: int) -> None:
        """Start a second; ``events`` is about it until the next."""
        tick = now_ms // 1_000
        self._trades = min(tick - self._last_tick, _MAX_TRADES) if self._last_tick else 1
        self._last_tick = tick
        self._now_ms = now_ms
        self._differences = {}

    def events(self, stream: str) -> Events:
        """The stream's events in this second; none for an unknown name, as on Binance."""
        unpaced = _SPEED.sub("", stream)
        if (every := _OF_ALL.fullmatch(unpaced)) and every[1] in self._kinds:
            return self._of_all(self._kinds[every[1]])
        name, _, kind = unpaced.partition("@")
        pair = self._symbols.pairs.get(name.upper())
        if pair is None:
            return []
        if kind in self._kinds:
            return self._kinds[kind](pair)
        if kind.startswith("kline_") and kind.removeprefix("kline_") in INTERVALS:
            return self._kline(pair, kind.removeprefix("kline_"), stream)
        partial = _PARTIAL.fullmatch(kind)
        return [] if partial is None else self._partial_depth(pair, int(partial[1]))

    @abstractmethod
    def _partial_depth(self, pair: Pair, depth: int) -> Events:
        """The first levels of a book."""

    def _of_all(self, kind: Callable[[Pair], Events]) -> Events:
        """The events of all symbols, as one."""
        return [[row for pair in self._symbols.pairs.values() for row in kind(pair)]]

    def _tape(self, pair: Pair) -> Sequence[TapeTrade]:
        return self._exchange.trades(pair.trading_pair, self._trades) if self._trades else ()

    def _event(self, kind: str, pair: Pair) -> Row:
        return {"e": kind, "E": self._now_ms, "s": symbol_of(pair.trading_pair)}

    def _trade(self, pair: Pair) -> Events:
        return [
            {
                **self._event("trade", pair),
                "t": trade.trade_id,
                "p": wire(trade.price),
                "q": wire(trade.amount),
                "T": milliseconds(trade.traded_at),
                "m": trade.taker_side is TradeType.SELL,
            }
            for trade in self._tape(pair)
        ]

    def _aggregate_trade(self, pair: Pair) -> Events:
        return [{**self._event("aggTrade", pair), **market_rows.aggregate_trade(trade)} for trade in self._tape(pair)]

    def _ticker(self, pair: Pair) -> Events:
        return [{**self._event("24hrTicker", pair), **renamed(self._day_ticker(pair), self.ticker_keys)}]

    def _mini_ticker(self, pair: Pair) -> Events:
        return [{**self._event("24hrMiniTicker", pair), **renamed(self._day_ticker(pair), _MINI_TICKER)}]

    def _book_ticker(self, pair: Pair) -> Events:
        numbered = self._books.current(pair.trading_pair)
        return [{"u": numbered.update_id, **renamed(market_rows.book_ticker(numbered), _BOOK_TICKER)}]

    def _depth(self, pair: Pair) -> Events:
        name = pair.trading_pair
        if name not in self._differences:
            self._differences[name] = self._books.difference(name)
        change = self._differences[name]
        if change is None:
            return []
        return [
            {
                **self._event("depthUpdate", pair),
                "U": change.first_id,
                "u": change.last_id,
                "b": market_rows.levels(change.bids),
                "a": market_rows.levels(change.asks),
            }
        ]

    def _average_price(self, pair: Pair) -> Events:
        ticker = self._exchange.ticker(pair.trading_pair)
        return [
            {**self._event("avgPrice", pair), "i": "0m", "w": wire(ticker.price), "T": milliseconds(ticker.at)},
        ]

    def _kline(self, pair: Pair, interval: str, stream: str) -> Events:
        """The current candle, after the final version of the one before it, once."""
        before, current = self._exchange.candles(pair.trading_pair, interval, limit=2)
        opened = milliseconds(current.opened_at)
        is_new = self._opened.get(stream, opened) != opened
        self._opened[stream] = opened
        candles = [(before, True), (current, False)] if is_new else [(current, False)]
        return [
            {**self._event("kline", pair), "k": _candle(market_rows.kline(candle, interval), pair, interval, is_closed)}
            for candle, is_closed in candles
        ]

    def _day_ticker(self, pair: Pair) -> Row:
        return market_rows.day_ticker(self._exchange, pair.trading_pair)


def renamed(row: Row, keys: Keys) -> Row:
    """The values of ``row`` under the keys of an event."""
    return {short: row[long] for short, long in keys.items()}


def _candle(row: Sequence[Any], pair: Pair, interval: str, is_closed: bool) -> Row:
    opened, open_, high, low, close, volume, closed, quote_volume, trades, bought, bought_quote, _ = row
    return {
        "t": opened,
        "T": closed,
        "s": symbol_of(pair.trading_pair),
        "i": interval,
        "f": opened // 1_000,
        "L": opened // 1_000 + trades - 1,
        "o": open_,
        "c": close,
        "h": high,
        "l": low,
        "v": volume,
        "n": trades,
        "x": is_closed,
        "q": quote_volume,
        "V": bought,
        "Q": bought_quote,
        "B": "0",
    }

"""What each market stream says in one second: the events of trades, candles, tickers and books. Used on the exchange's thread.

A stream's name is ``<symbol in lower case>@<what>``, or ``!<what>@arr`` for all symbols.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from app.domain.enums import TradeType
from app.paper.candles import INTERVALS
from app.paper.exchange import PaperExchange
from app.paper.market import TapeTrade
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import Symbols, symbol_of
from app.sandbox.books import Books, Difference
from app.sandbox.times import milliseconds

#: After a pause at most this many trades are told.
_MOST_TRADES = 100

#: The update speeds that names may ask for; all are served each second.
_SPEED = re.compile(r"@((100|250|500|1000)ms|1s)$")
_PARTIAL = re.compile(r"depth(5|10|20)")

Payload = Any
Events = list[Payload]


class StreamEvents:
    """One second of market data, for as many streams as somebody listens to. ``begin`` opens the second."""

    def __init__(self, exchange: PaperExchange, symbols: Symbols, books: Books) -> None:
        self._exchange = exchange
        self._symbols = symbols
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

    def begin(self, now_ms: int) -> None:
        """A new second: what ``events`` says is about it until the next."""
        tick = now_ms // 1_000
        self._trades = min(tick - self._last_tick, _MOST_TRADES) if self._last_tick else 1
        self._last_tick = tick
        self._now_ms = now_ms
        self._differences = {}

    def events(self, stream: str) -> Events:
        """What the stream says in this second; nothing for a name that means nothing, as on Binance."""
        if stream in ("!miniTicker@arr", "!ticker@arr"):
            kind = self._kinds[stream[1:].partition("@")[0]]
            return [[row for pair in self._symbols.pairs.values() for row in kind(pair)]]
        name, _, what = _SPEED.sub("", stream).partition("@")
        pair = self._symbols.pairs.get(name.upper())
        if pair is None:
            return []
        if what in self._kinds:
            return self._kinds[what](pair)
        if what.startswith("kline_") and what.removeprefix("kline_") in INTERVALS:
            return self._kline(pair, what.removeprefix("kline_"), stream)
        partial = _PARTIAL.fullmatch(what)
        return [] if partial is None else [market_rows.depth(self._books.look(pair.trading_pair), int(partial[1]))]

    def _tape(self, pair: Pair) -> Sequence[TapeTrade]:
        return self._exchange.trades(pair.trading_pair, self._trades) if self._trades else ()

    def _event(self, kind: str, pair: Pair) -> dict[str, Any]:
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
                "M": True,
            }
            for trade in self._tape(pair)
        ]

    def _aggregate_trade(self, pair: Pair) -> Events:
        return [{**self._event("aggTrade", pair), **market_rows.aggregate_trade(trade)} for trade in self._tape(pair)]

    def _ticker(self, pair: Pair) -> Events:
        row = market_rows.day_ticker(self._exchange, self._books.look(pair.trading_pair), pair.trading_pair)
        return [{**self._event("24hrTicker", pair), **{short: row[long] for short, long in _TICKER.items()}}]

    def _mini_ticker(self, pair: Pair) -> Events:
        row = market_rows.day_ticker(self._exchange, self._books.look(pair.trading_pair), pair.trading_pair)
        return [{**self._event("24hrMiniTicker", pair), **{short: row[long] for short, long in _MINI_TICKER.items()}}]

    def _book_ticker(self, pair: Pair) -> Events:
        numbered = self._books.look(pair.trading_pair)
        row = market_rows.book_ticker(numbered)
        return [{"u": numbered.update_id, **{short: row[long] for short, long in _BOOK_TICKER.items()}}]

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
        """The candle as far as it has come, after the final picture of the one before it, once."""
        before, current = self._exchange.candles(pair.trading_pair, interval, limit=2)
        opened = milliseconds(current.opened_at)
        is_new = self._opened.get(stream, opened) != opened
        self._opened[stream] = opened
        told = [(before, True), (current, False)] if is_new else [(current, False)]
        return [
            {**self._event("kline", pair), "k": _candle(market_rows.kline(candle, interval), pair, interval, is_closed)}
            for candle, is_closed in told
        ]


_TICKER = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "x": "prevClosePrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
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

_MINI_TICKER = {
    "c": "lastPrice",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
}

_BOOK_TICKER = {"s": "symbol", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}


def _candle(row: Sequence[Any], pair: Pair, interval: str, is_closed: bool) -> dict[str, Any]:
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

"""What the futures market's streams say in one second: spot's in futures' words, and mark prices."""

from __future__ import annotations

import re
from typing import Any

from app.paper.candles import INTERVALS
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.futures.market import premium_row
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.spot.stream_events import Events, StreamEvents
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import Books

_MARKS = ("!markPrice@arr", "!markPrice@arr@1s")
_PARTIAL = re.compile(r"([a-z0-9]+)@depth(5|10|20)(@(100|250|500)ms)?")
_CONTINUOUS = re.compile(r"([a-z0-9]+)_perpetual@continuousKline_([0-9a-zA-Z]+)")

#: What spot's events have and futures' do not.
_SPOT_ONLY = frozenset({"M", "x", "b", "B", "a", "A"})


class FuturesStreamEvents(StreamEvents):
    """One second of futures' market data."""

    def __init__(self, venue: FuturesVenue, books: Books) -> None:
        super().__init__(venue.exchange, venue.symbols, books)
        self._futures = venue.exchange
        self._kinds["markPrice"] = self._mark_price

    def events(self, stream: str) -> Events:
        if stream in _MARKS:
            return [[row for pair in self._symbols.pairs.values() for row in self._mark_price(pair)]]
        if continuous := _CONTINUOUS.fullmatch(stream):
            return self._continuous(continuous[1], continuous[2], stream)
        if partial := _PARTIAL.fullmatch(stream):
            pair = self._symbols.pairs.get(partial[1].upper())
            return [] if pair is None else self._partial_depth(pair, int(partial[2]))
        return super().events(stream)

    def _mark_price(self, pair: Pair) -> Events:
        row = premium_row(self._futures.funding_terms(pair.trading_pair), self._now_ms)
        told = {short: row[long] for short, long in _MARK_PRICE.items()}
        return [{**self._event("markPriceUpdate", pair), **told}]

    def _trade(self, pair: Pair) -> Events:
        return [{**_without(row), "X": "MARKET"} for row in super()._trade(pair)]

    def _aggregate_trade(self, pair: Pair) -> Events:
        rows = [market_rows.aggregate_trade(trade) for trade in self._tape(pair)]
        return [{**self._event("aggTrade", pair), **{name: row[name] for name in row if name != "M"}} for row in rows]

    def _ticker(self, pair: Pair) -> Events:
        return [_without(row) for row in super()._ticker(pair)]

    def _book_ticker(self, pair: Pair) -> Events:
        return [{**self._event("bookTicker", pair), "T": self._now_ms, **row} for row in super()._book_ticker(pair)]

    def _depth(self, pair: Pair) -> Events:
        """Each difference also names the one before it."""
        return [{**row, "T": self._now_ms, "pu": row["U"] - 1} for row in super()._depth(pair)]

    def _partial_depth(self, pair: Pair, depth: int) -> Events:
        numbered = self._books.look(pair.trading_pair)
        return [
            {
                **self._event("depthUpdate", pair),
                "T": self._now_ms,
                "U": numbered.update_id,
                "u": numbered.update_id,
                "pu": numbered.update_id - 1,
                "b": market_rows.levels(numbered.book.bids, depth),
                "a": market_rows.levels(numbered.book.asks, depth),
            }
        ]

    def _continuous(self, name: str, interval: str, stream: str) -> Events:
        pair = self._symbols.pairs.get(name.upper())
        if pair is None or interval not in INTERVALS:
            return []
        return [
            {
                "e": "continuous_kline",
                "E": self._now_ms,
                "ps": symbol_of(pair.trading_pair),
                "ct": "PERPETUAL",
                "k": {name: row["k"][name] for name in row["k"] if name != "s"},
            }
            for row in self._kline(pair, interval, stream)
        ]


_MARK_PRICE = {
    "p": "markPrice",
    "i": "indexPrice",
    "P": "estimatedSettlePrice",
    "r": "lastFundingRate",
    "T": "nextFundingTime",
}


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _SPOT_ONLY}

"""The futures market's stream events, among them mark prices."""

from __future__ import annotations

import re

from app.paper.candles import INTERVALS
from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.futures.market_data import premium_row
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.sockets.events import Events, Keys, StreamEvents, renamed
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.books import Books

_MARKS = ("!markPrice@arr", "!markPrice@arr@1s")
_CONTINUOUS = re.compile(r"([a-z0-9]+)_perpetual@continuousKline_([0-9a-zA-Z]+)")

_MARK_PRICE: Keys = {
    "p": "markPrice",
    "i": "indexPrice",
    "P": "estimatedSettlePrice",
    "r": "lastFundingRate",
    "T": "nextFundingTime",
}


class FuturesStreamEvents(StreamEvents):
    """One second of the futures market's data."""

    def __init__(self, venue: FuturesVenue, books: Books) -> None:
        super().__init__(venue, books)
        self._perpetuals = venue.exchange
        self._kinds["markPrice"] = self._mark_price

    def events(self, stream: str) -> Events:
        if stream in _MARKS:
            return self._of_all(self._mark_price)
        if continuous := _CONTINUOUS.fullmatch(stream):
            return self._continuous(continuous[1], continuous[2], stream)
        if stream == "!bookTicker":
            return [event for pair in self._symbols.pairs.values() for event in self._book_ticker(pair)]
        return super().events(stream)

    def _mark_price(self, pair: Pair) -> Events:
        row = premium_row(self._perpetuals.funding_terms(pair.trading_pair), self._now_ms)
        return [{**self._event("markPriceUpdate", pair), **renamed(row, _MARK_PRICE)}]

    def _trade(self, pair: Pair) -> Events:
        return [{**row, "X": "MARKET"} for row in super()._trade(pair)]

    def _book_ticker(self, pair: Pair) -> Events:
        return [{**self._event("bookTicker", pair), "T": self._now_ms, **row} for row in super()._book_ticker(pair)]

    def _depth(self, pair: Pair) -> Events:
        """The difference, with the id of the one before it."""
        return [{**row, "T": self._now_ms, "pu": row["U"] - 1} for row in super()._depth(pair)]

    def _partial_depth(self, pair: Pair, depth: int) -> Events:
        numbered = self._books.current(pair.trading_pair)
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

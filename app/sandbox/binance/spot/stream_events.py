"""The spot market's stream events."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import ClassVar

from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.sockets.events import TICKER, Events, Keys, StreamEvents, renamed
from app.sandbox.binance.spot.market_data import with_best_prices
from app.sandbox.binance.venue import BinanceVenue
from app.sandbox.books import Books
from app.sandbox.times import moment

#: The windows of rolling tickers.
_WINDOWS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1)}
_WINDOW_TICKER: Keys = {short: long for short, long in TICKER.items() if long != "lastQty"}


class SpotStreamEvents(StreamEvents):
    """One second of the spot market's data."""

    ticker_keys: ClassVar[Keys] = {
        **TICKER,
        "x": "prevClosePrice",
        "b": "bidPrice",
        "B": "bidQty",
        "a": "askPrice",
        "A": "askQty",
    }

    def __init__(self, venue: BinanceVenue, books: Books) -> None:
        super().__init__(venue, books)
        for size in _WINDOWS:
            self._kinds[f"ticker_{size}"] = partial(self._window_ticker, size)

    def _window_ticker(self, size: str, pair: Pair) -> Events:
        began = (moment(self._now_ms) - _WINDOWS[size]).replace(second=0, microsecond=0)
        row = market_rows.window_ticker(self._exchange, pair.trading_pair, began, self._now_ms)
        return [{**self._event(f"{size}Ticker", pair), **renamed(row, _WINDOW_TICKER)}]

    def _partial_depth(self, pair: Pair, depth: int) -> Events:
        return [market_rows.depth(self._books.current(pair.trading_pair), depth)]

    def _trade(self, pair: Pair) -> Events:
        return [{**row, "M": True} for row in super()._trade(pair)]

    def _aggregate_trade(self, pair: Pair) -> Events:
        return [{**row, "M": True} for row in super()._aggregate_trade(pair)]

    def _day_ticker(self, pair: Pair) -> Row:
        return with_best_prices(super()._day_ticker(pair), self._books.current(pair.trading_pair))

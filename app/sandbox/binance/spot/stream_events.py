"""The spot market's stream events."""

from __future__ import annotations

from typing import ClassVar

from app.paper.pairs import Pair
from app.sandbox.binance import market_rows
from app.sandbox.binance.market_rows import Row
from app.sandbox.binance.spot.market_data import with_best_prices
from app.sandbox.binance.stream_events import TICKER, Events, Keys, StreamEvents


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

    def _partial_depth(self, pair: Pair, depth: int) -> Events:
        return [market_rows.depth(self._books.current(pair.trading_pair), depth)]

    def _trade(self, pair: Pair) -> Events:
        return [{**row, "M": True} for row in super()._trade(pair)]

    def _aggregate_trade(self, pair: Pair) -> Events:
        return [{**row, "M": True} for row in super()._aggregate_trade(pair)]

    def _day_ticker(self, pair: Pair) -> Row:
        return with_best_prices(super()._day_ticker(pair), self._books.current(pair.trading_pair))

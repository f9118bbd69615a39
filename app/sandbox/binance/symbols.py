"""Binance's names for pairs and ids: BTCUSDT for BTC-USDT, and order and trade ids that count per symbol.

The paper exchange numbers over all pairs. Each symbol's ids are shifted by its place in the list, so that two symbols can have
equal ids: a client that takes ids for unique over all symbols fails its tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.clock import Clock
from app.paper.pairs import Pair
from app.sandbox.binance.failures import invalid_symbol
from app.sandbox.listings import Listings


class Symbols(Listings):
    """The symbols of one market."""

    def __init__(self, pairs: Mapping[str, Pair], clock: Clock) -> None:
        super().__init__(pairs, clock, symbol_of)
        self._shifts = {name: index for index, name in enumerate(pairs)}

    def pair(self, symbol: str) -> Pair:
        """The pair of ``symbol``. Raises ``ApiError`` for an invalid one."""
        try:
            return self.pairs[symbol]
        except KeyError:
            raise invalid_symbol() from None

    def wire_id(self, trading_pair: str, number: int) -> int:
        """An order's or a trade's id as Binance would number it."""
        return number + self._shifts[trading_pair]

    def paper_id(self, trading_pair: str, number: int) -> int:
        """The paper exchange's id of an id on the wire."""
        return number - self._shifts[trading_pair]


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")

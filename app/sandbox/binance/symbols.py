"""Binance's names for pairs and ids: BTCUSDT for BTC-USDT, and order and trade ids that count per symbol.

The paper exchange numbers over all pairs. Each symbol's ids are shifted by its place in the list, so that two symbols can have
equal ids: a client that takes ids for unique over all symbols fails its tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.clock import Clock
from app.paper.pairs import Pair
from app.sandbox.binance.failures import invalid_symbol


class Symbols:
    """The symbols of one market. Faults take one off the list, or change its rules, for a while."""

    def __init__(self, pairs: Mapping[str, Pair], clock: Clock) -> None:
        self._all = {symbol_of(pair.trading_pair): pair for pair in pairs.values()}
        self._clock = clock
        self._shifts = {name: index for index, name in enumerate(pairs)}
        self._unlisted_until: dict[str, datetime] = {}
        self._new_rules_until: dict[str, datetime] = {}

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """The pairs that are listed now, by symbol, with the rules that hold now."""
        now = self._clock.now()
        return {
            symbol: _for_large_orders(pair) if now < self._new_rules_until.get(symbol, now) else pair
            for symbol, pair in self._all.items()
            if self._unlisted_until.get(symbol, now) <= now
        }

    def delist(self, symbol: str, seconds: float) -> None:  # float: seconds, never money
        """Take ``symbol`` off the list for so long."""
        self._unlisted_until[symbol] = self._clock.now() + timedelta(seconds=seconds)

    def change_rules(self, symbol: str, seconds: float) -> None:  # float: seconds, never money
        """Take only orders of the largest size on ``symbol`` for so long."""
        self._new_rules_until[symbol] = self._clock.now() + timedelta(seconds=seconds)

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


def _for_large_orders(pair: Pair) -> Pair:
    return replace(pair, min_amount=pair.max_market_amount)


def symbol_of(trading_pair: str) -> str:
    return trading_pair.replace("-", "")

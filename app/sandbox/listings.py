"""The pairs that a market lists, by the protocol's names for them. Faults unlist one, or change its rules, for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.clock import Clock
from app.paper.pairs import Pair


class Listings:
    """The pairs of one market; ``name_of`` is the protocol's name of a trading pair."""

    def __init__(self, pairs: Mapping[str, Pair], clock: Clock, name_of: Callable[[str], str]) -> None:
        self._all = {name_of(pair.trading_pair): pair for pair in pairs.values()}
        self._clock = clock
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

    def delist(self, symbol: str, seconds: float) -> None:
        """Take ``symbol`` off the list for so long."""
        self._unlisted_until[symbol] = self._clock.now() + timedelta(seconds=seconds)

    def change_rules(self, symbol: str, seconds: float) -> None:
        """Take only orders of the largest size on ``symbol`` for so long."""
        self._new_rules_until[symbol] = self._clock.now() + timedelta(seconds=seconds)


def _for_large_orders(pair: Pair) -> Pair:
    return replace(pair, min_amount=pair.max_market_amount)

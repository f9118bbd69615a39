"""The price path: the synthetic one, except for pairs whose price the operator has set."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.paper.market import SyntheticPath
from app.paper.pairs import Pair


class SteeredPath:
    """A price path that the operator may override, pair by pair. A change is effective from the market's next second."""

    def __init__(self, seed: int) -> None:
        self._synthetic = SyntheticPath(seed)
        self.prices: dict[str, Decimal] = {}

    def mid(self, pair: Pair, tick: int) -> int:
        price = self.prices.get(pair.trading_pair)
        return self._synthetic.mid(pair, tick) if price is None else max(1, int(price / pair.tick))

    def mids(self, pair: Pair, ticks: Sequence[int]) -> list[int]:
        """The mid price at each of ``ticks``, which are sorted."""
        price = self.prices.get(pair.trading_pair)
        return self._synthetic.mids(pair, ticks) if price is None else [max(1, int(price / pair.tick))] * len(ticks)

"""Where the market is: the synthetic path, except for pairs whose price somebody has set by hand."""

from __future__ import annotations

from decimal import Decimal

from app.paper.market import SyntheticPath
from app.paper.pairs import Pair


class SteeredPath:
    """A price path that an operator may take over, pair by pair. A change shows from the market's next second."""

    def __init__(self, seed: int) -> None:
        self._synthetic = SyntheticPath(seed)
        self.prices: dict[str, Decimal] = {}

    def mid(self, pair: Pair, tick: int) -> int:
        price = self.prices.get(pair.trading_pair)
        return self._synthetic.mid(pair, tick) if price is None else max(1, int(price / pair.tick))

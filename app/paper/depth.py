"""What of the synthetic book is left in the present tick: the market draws levels, users take from them.

What was taken stays taken until the next tick. ``taken`` is all there is to remember, so it is what the store keeps; the levels
are drawn again when they are needed, and only as far as somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.paper.market import Level, Market
from app.paper.pairs import Pair

#: (trading pair, side, price) -> amount taken at that price.
Taken = dict[tuple[str, TradeType, Decimal], Decimal]


class Depth:
    """The synthetic depth of all pairs at one tick."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._taken: Taken = {}
        self._drawn: dict[tuple[str, TradeType], tuple[list[Level], Iterator[Level]]] = {}
        self.tick = 0

    @property
    def taken(self) -> Mapping[tuple[str, TradeType, Decimal], Decimal]:
        return self._taken

    def turn(self, tick: int, taken: Taken | None = None) -> None:
        """Go to ``tick``, of which ``taken`` is gone already."""
        self.tick = tick
        self._taken = taken or {}
        self._drawn = {}

    def levels(self, pair: Pair, side: TradeType) -> Iterator[Level]:
        """What is left on one side, best first, without empty levels."""
        for level in self._levels(pair, side):
            left = level.amount - self._taken.get((pair.trading_pair, side, level.price), ZERO)
            if left > ZERO:
                yield Level(level.price, left)

    def take(self, pair: Pair, side: TradeType, price: Decimal, amount: Decimal) -> None:
        """Remember that ``amount`` was taken at ``price``."""
        key = (pair.trading_pair, side, price)
        self._taken[key] = self._taken.get(key, ZERO) + amount

    def _levels(self, pair: Pair, side: TradeType) -> Iterator[Level]:
        key = (pair.trading_pair, side)
        if key not in self._drawn:
            self._drawn[key] = ([], self._market.levels(pair, self.tick, side))
        drawn, rest = self._drawn[key]
        index = 0
        while True:
            if index == len(drawn):
                level = next(rest, None)
                if level is None:
                    return
                drawn.append(level)
            yield drawn[index]
            index += 1

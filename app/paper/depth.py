"""The synthetic depth that is left in the current tick: the market generates levels, users take from them.

What was taken stays taken until the next tick. Only ``taken`` is stored; levels are generated when they are read, and only as far
as they are read.
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
        self._generated: dict[tuple[str, TradeType], tuple[list[Level], Iterator[Level]]] = {}
        self.tick = 0

    @property
    def taken(self) -> Mapping[tuple[str, TradeType, Decimal], Decimal]:
        return self._taken

    def move_to(self, tick: int, taken: Taken | None = None) -> None:
        """Move to ``tick``, in which ``taken`` was already taken."""
        self.tick = tick
        self._taken = taken or {}
        self._generated = {}

    def levels(self, pair: Pair, side: TradeType) -> Iterator[Level]:
        """What is left on one side, best price first, without empty levels."""
        for level in self._levels(pair, side):
            left = level.amount - self._taken.get((pair.trading_pair, side, level.price), ZERO)
            if left > ZERO:
                yield Level(level.price, left)

    def take(self, pair: Pair, side: TradeType, price: Decimal, amount: Decimal) -> None:
        """Record that ``amount`` was taken at ``price``."""
        key = (pair.trading_pair, side, price)
        self._taken[key] = self._taken.get(key, ZERO) + amount

    def _levels(self, pair: Pair, side: TradeType) -> Iterator[Level]:
        key = (pair.trading_pair, side)
        if key not in self._generated:
            self._generated[key] = ([], self._market.levels(pair, self.tick, side))
        generated, rest = self._generated[key]
        index = 0
        while True:
            if index == len(generated):
                level = next(rest, None)
                if level is None:
                    return
                generated.append(level)
            yield generated[index]
            index += 1

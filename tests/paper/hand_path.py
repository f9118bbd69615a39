"""A price path that a test sets by hand."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.paper.pairs import Pair


@dataclass(slots=True)
class HandPath:
    """``prices`` are by trading pair; a pair without one has its base price."""

    prices: MutableMapping[str, Decimal] = field(default_factory=dict)

    def mid(self, pair: Pair, tick: int) -> int:
        return max(1, int(self.prices.get(pair.trading_pair, pair.base_price) / pair.tick))

"""The synthetic market of perpetuals: the spot market's path, a premium that comes and goes, and the funding that follows from it.

As pure as the spot market: index, mark and rate at any moment depend on seed, pair and tick only.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from app.domain.decimals import EXACT
from app.paper.market import Market, PricePath, SyntheticMarket, SyntheticPath
from app.paper.noise import SCALE, fractal, salt_of
from app.paper.pairs import Pair

#: Seconds between two fundings, which fall on multiples of it: midnight, eight and sixteen o'clock UTC, as on most exchanges.
FUNDING_INTERVAL = 28_800

#: Curves of 9 hours, 68 and 8.5 minutes, in millionths: the price strays from the spot market by seven basis points at most.
_PREMIUM = ((15, 400), (12, 200), (9, 100))

#: What longs pay shorts in one interval while the prices are equal; Binance's interest of 0.03 % a day.
_INTEREST = Decimal("0.0001")
#: No single funding is more than this part of the position.
_HIGHEST_RATE = Decimal("0.003")
_RATE_PLACES = Decimal("1e-8")


class FundedMarket(Market, Protocol):
    """What the engine of perpetuals needs to know besides."""

    def index(self, pair: Pair, tick: int) -> Decimal:
        """The price on spot markets, in quote units."""

    def funding_rate(self, pair: Pair, tick: int) -> Decimal:
        """The part of a position's value that a long pays a short in the interval that ``tick`` lies in or ends."""


class PremiumPath:
    """A path near another."""

    def __init__(self, index: PricePath, seed: int) -> None:
        self._index = index
        self._seed = seed
        self._salts: dict[str, int] = {}

    def mid(self, pair: Pair, tick: int) -> int:
        salt = self._salts.get(pair.trading_pair)
        if salt is None:
            salt = self._salts[pair.trading_pair] = salt_of(self._seed, "premium", pair.trading_pair)
        index = self._index.mid(pair, tick)
        return max(1, index * (SCALE + fractal(salt, tick, _PREMIUM)) // SCALE)


class PerpetualMarket(SyntheticMarket):
    """Depth and trades around the spot path and its premium; around ``path``, without a premium, where one is given.

    The mark price is the middle of the market.
    """

    def __init__(self, seed: int, path: PricePath | None = None) -> None:
        # A seed of its own: the books of both markets must not be twins.
        super().__init__(seed + 1, path or PremiumPath(SyntheticPath(seed), seed))
        self._index_path = path or SyntheticPath(seed)

    def index(self, pair: Pair, tick: int) -> Decimal:
        return self._index_path.mid(pair, tick) * pair.tick

    def funding_rate(self, pair: Pair, tick: int) -> Decimal:
        """The interest, and the premium of the moment at which the interval ends, within bounds."""
        end = -(-tick // FUNDING_INTERVAL) * FUNDING_INTERVAL
        index = self.index(pair, end)
        premium = EXACT.divide(self.mid(pair, end) - index, index)
        rate = max(-_HIGHEST_RATE, min(_HIGHEST_RATE, _INTEREST + premium))
        return rate.quantize(_RATE_PLACES, context=EXACT)

"""The synthetic market of perpetuals: the spot market's path, a changing premium, and the funding rate that follows from it.

Pure, as the spot market: index, mark and rate at any moment depend on seed, pair and tick only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from app.domain.decimals import EXACT
from app.paper.market import Market, PricePath, SyntheticMarket, SyntheticPath, mids_of
from app.paper.noise import SCALE, fractal, fractals, salt_of
from app.paper.pairs import Pair

#: Seconds between fundings, which are at multiples of it: 00:00, 08:00 and 16:00 UTC, as on most exchanges.
FUNDING_INTERVAL = 28_800

#: Curves of 9 hours, 68 and 8.5 minutes, in millionths: the premium is at most seven basis points.
_PREMIUM = ((15, 400), (12, 200), (9, 100))

#: The rate per interval while the prices are equal; Binance's interest of 0.03 % per day.
_INTEREST = Decimal("0.0001")
#: The bound of a rate, either way.
_HIGHEST_RATE = Decimal("0.003")
_RATE_PLACES = Decimal("1e-8")


class FundedMarket(Market, Protocol):
    """A market as the engine of perpetuals needs it."""

    def index(self, pair: Pair, tick: int) -> Decimal:
        """The price on spot markets, in quote units."""

    def funding_rate(self, pair: Pair, tick: int) -> Decimal:
        """The part of a position's value that longs pay shorts in the interval that ``tick`` lies in or ends."""


class PremiumPath:
    """A path at a changing premium over ``index``."""

    def __init__(self, index: PricePath, seed: int) -> None:
        self._index = index
        self._seed = seed
        self._salts: dict[str, int] = {}

    def mid(self, pair: Pair, tick: int) -> int:
        index = self._index.mid(pair, tick)
        return max(1, index * (SCALE + fractal(self._salt(pair), tick, _PREMIUM)) // SCALE)

    def mids(self, pair: Pair, ticks: Sequence[int]) -> list[int]:
        """The mid price at each of ``ticks``, which are sorted."""
        premiums = fractals(self._salt(pair), ticks, _PREMIUM)
        indices = mids_of(self._index, pair, ticks)
        return [max(1, index * (SCALE + each) // SCALE) for index, each in zip(indices, premiums, strict=True)]

    def _salt(self, pair: Pair) -> int:
        salt = self._salts.get(pair.trading_pair)
        if salt is None:
            salt = self._salts[pair.trading_pair] = salt_of(self._seed, "premium", pair.trading_pair)
        return salt


class PerpetualMarket(SyntheticMarket):
    """Depth and trades around the spot path with a premium, or around ``path`` without one. The mark price is the mid price."""

    def __init__(self, seed: int, path: PricePath | None = None) -> None:
        # Another seed, so that the books of the two markets differ.
        super().__init__(seed + 1, path or PremiumPath(SyntheticPath(seed), seed))
        self._index_path = path or SyntheticPath(seed)

    def index(self, pair: Pair, tick: int) -> Decimal:
        return self._index_path.mid(pair, tick) * pair.tick

    def prices(self, pair: Pair, ticks: Sequence[int]) -> list[tuple[int, int]]:
        """Mark and index price at each of ``ticks``, which are sorted, in whole price ticks."""
        marks, indices = mids_of(self._path, pair, ticks), mids_of(self._index_path, pair, ticks)
        return list(zip(marks, indices, strict=True))

    def funding_rate(self, pair: Pair, tick: int) -> Decimal:
        """The interest plus the premium at the interval's end, within bounds."""
        end = -(-tick // FUNDING_INTERVAL) * FUNDING_INTERVAL
        index = self.index(pair, end)
        premium = EXACT.divide(self.mid(pair, end) - index, index)
        rate = max(-_HIGHEST_RATE, min(_HIGHEST_RATE, _INTEREST + premium))
        return rate.quantize(_RATE_PLACES, context=EXACT)

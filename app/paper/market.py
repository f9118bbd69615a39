"""The synthetic market: its price at a moment, and the depth around it.

Everything is a pure function of (seed, pair, tick), a tick being a second since 1970, so every process and every restart sees the
same market. ``depth`` records what users take from it. Arithmetic is in whole ticks of price and whole steps of amount, without
floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Protocol, runtime_checkable

from app.domain.enums import TradeType
from app.paper.noise import SCALE, draw, fractal, fractals, salt_of
from app.paper.pairs import Pair

#: Curves of 24 days, 3 days, 9 hours, 68 minutes, 8.5 minutes, 64 and 8 seconds. Each is lower by about the root of 8, as in a
#: random walk. Together they bound the price to 22 % around its base, so BTC never comes near 123.
_OCTAVES = ((21, 120_000), (18, 60_000), (15, 22_000), (12, 8_000), (9, 2_800), (6, 1_000), (3, 350))

#: Half the spread is half a basis point of the base price, and at least one tick.
_HALF_SPREAD_PARTS = 20_000
#: Levels stand about half a basis point apart, a hundred on each side: the book reaches half a percent from the middle.
_SPACING_PARTS = 20_000
LEVELS = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tick_of(moment: datetime) -> int:
    """The tick that ``moment`` lies in: whole seconds since 1970."""
    elapsed = moment - _EPOCH
    return elapsed.days * 86_400 + elapsed.seconds


def moment_of(tick: int) -> datetime:
    """When ``tick`` began."""
    return datetime.fromtimestamp(tick, UTC)


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the synthetic book and how much rests there."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBook:
    """The order book of a pair, synthetic depth and users' orders together, best price first."""

    trading_pair: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class TapeTrade:
    """One trade of the synthetic market with itself."""

    trade_id: int
    price: Decimal
    amount: Decimal
    taker_side: TradeType
    traded_at: datetime


class PricePath(Protocol):
    """The mid price over time."""

    def mid(self, pair: Pair, tick: int) -> int:
        """The mid price in whole price ticks, at least 1."""


class Market(Protocol):
    """The liquidity outside the exchange's users, as the matching engine needs it."""

    def mid(self, pair: Pair, tick: int) -> Decimal:
        """The mid price, in quote units."""

    def levels(self, pair: Pair, tick: int, side: TradeType) -> Iterator[Level]:
        """The levels of one side (BUY: the bids), best price first."""


@runtime_checkable
class LongPath(PricePath, Protocol):
    """A path that tells many prices at once in less time."""

    def mids(self, pair: Pair, ticks: Sequence[int]) -> list[int]:
        """The mid price at each of ``ticks``, which are sorted."""


def mids_of(path: PricePath, pair: Pair, ticks: Sequence[int]) -> list[int]:
    """The mid price in whole price ticks at each of ``ticks``, which are sorted."""
    return path.mids(pair, ticks) if isinstance(path, LongPath) else [path.mid(pair, tick) for tick in ticks]


class SyntheticPath:
    """Fractal noise around the base price, by seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._salts: dict[str, int] = {}

    def mid(self, pair: Pair, tick: int) -> int:
        base = _steps(pair.base_price, pair.tick)
        return max(1, base * (SCALE + fractal(self._salt(pair), tick, _OCTAVES)) // SCALE)

    def _salt(self, pair: Pair) -> int:
        salt = self._salts.get(pair.trading_pair)
        if salt is None:
            salt = self._salts[pair.trading_pair] = salt_of(self._seed, "path", pair.trading_pair)
        return salt

    def mids(self, pair: Pair, ticks: Sequence[int]) -> list[int]:
        """The mid price at each of ``ticks``, which are sorted."""
        base = _steps(pair.base_price, pair.tick)
        noise = fractals(self._salt(pair), ticks, _OCTAVES)
        return [max(1, base * (SCALE + each) // SCALE) for each in noise]


class SyntheticMarket:
    """Depth and trades around a path, moving with every tick."""

    def __init__(self, seed: int, path: PricePath | None = None) -> None:
        self._seed = seed
        self._path = path or SyntheticPath(seed)
        #: Whether the past never changes. Another path may be set to a new price, which changes its history too.
        self.is_repeatable = isinstance(self._path, SyntheticPath)
        self._salts: dict[tuple[str, str], int] = {}

    def mid(self, pair: Pair, tick: int) -> Decimal:
        """The mid price at ``tick``, in quote units."""
        return self._path.mid(pair, tick) * pair.tick

    def levels(self, pair: Pair, tick: int, side: TradeType) -> Iterator[Level]:
        salt = draw(self._salt(pair, side), tick)
        base = int(pair.base_price / pair.tick)
        spacing = max(1, base // _SPACING_PARTS)
        away = -1 if side is TradeType.BUY else 1
        best = self._path.mid(pair, tick) + away * self._half_spread(pair)
        mean = max(1, int(pair.level_amount / pair.step))
        for index in range(LEVELS):
            bits = draw(salt, index)
            jitter = bits % spacing if index else 0
            price = best + away * (index * spacing + jitter)
            if price < 1:
                return
            # From a fifth to nine fifths of the mean; deeper levels hold up to three times as much.
            steps = mean * (200 + (bits >> 32) % 1_600) * (50 + index) // 50_000
            yield Level(price * pair.tick, max(1, steps) * pair.step)

    def trade(self, pair: Pair, tick: int) -> TapeTrade:
        """The market's trade in ``tick``: one per second, at the bid or the ask."""
        [(bought, price, steps)] = self.samples(pair, (tick,))
        return TapeTrade(
            trade_id=tick,
            price=price * pair.tick,
            amount=steps * pair.step,
            taker_side=TradeType.BUY if bought else TradeType.SELL,
            traded_at=moment_of(tick),
        )

    def samples(self, pair: Pair, ticks: Sequence[int]) -> list[tuple[bool, int, int]]:
        """The trades of sorted ``ticks`` as whole numbers, as candles need them: whether bought, price ticks, amount steps."""
        path, salt, spread = self._path, self._salt(pair, "tape"), self._half_spread(pair)
        mean = _steps(pair.level_amount, pair.step)
        mids = mids_of(path, pair, ticks)
        found = []
        for tick, mid in zip(ticks, mids, strict=True):
            bits = draw(salt, tick)
            bought = bits & 1 == 1
            price = max(1, mid + (spread if bought else -spread))
            found.append((bought, price, max(1, mean * ((bits >> 1) % 1_000) // 5_000)))
        return found

    def _half_spread(self, pair: Pair) -> int:
        return max(1, _steps(pair.base_price, pair.tick) // _HALF_SPREAD_PARTS)

    def _salt(self, pair: Pair, what: str) -> int:
        key = (pair.trading_pair, what)
        salt = self._salts.get(key)
        if salt is None:
            salt = self._salts[key] = salt_of(self._seed, what, pair.trading_pair)
        return salt


@lru_cache(maxsize=256)
def _steps(value: Decimal, step: Decimal) -> int:
    """How many whole ``step`` there are in ``value``. Asked thousands of times for the same few."""
    return int(value / step)

"""History of the synthetic market: candles and the day's volume, exact for a minute, sampled for longer intervals.

A longer candle samples a few moments, evenly spread and always its first and last second, so that a day costs no more than a
minute. Users' own trades are not included: they are too few to move a market.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from app.paper.market import SyntheticMarket, TapeTrade, moment_of, tick_of
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval's stretches of time, which are numbered from 1970 on: of ``seconds``, the first from ``offset`` on, or months."""

    seconds: int | None
    offset: int = 0

    def index_of(self, tick: int) -> int:
        """The number of the stretch that ``tick`` lies in."""
        if self.seconds is not None:
            return (tick - self.offset) // self.seconds
        at = moment_of(tick)
        return (at.year - _EPOCH_YEAR) * _MONTHS + at.month - 1

    def opens_at(self, index: int) -> int:
        """The first tick of a stretch."""
        if self.seconds is not None:
            return index * self.seconds + self.offset
        years, months = divmod(index, _MONTHS)
        return tick_of(datetime(_EPOCH_YEAR + years, months + 1, 1, tzinfo=UTC))

    def closes_at(self, tick: int) -> int:
        """The first tick after the stretch that ``tick`` lies in."""
        return self.opens_at(self.index_of(tick) + 1)


_EPOCH_YEAR, _MONTHS = 1970, 12

_DAY = 86_400

#: The first Monday of 1970: weeks begin on Mondays.
_MONDAY = 4 * _DAY

#: The intervals of candles, by their names.
INTERVALS: Mapping[str, Interval] = MappingProxyType(
    {
        "1s": Interval(seconds=1),
        "1m": Interval(seconds=60),
        "3m": Interval(seconds=180),
        "5m": Interval(seconds=300),
        "15m": Interval(seconds=900),
        "30m": Interval(seconds=1_800),
        "1h": Interval(seconds=3_600),
        "2h": Interval(seconds=7_200),
        "4h": Interval(seconds=14_400),
        "6h": Interval(seconds=21_600),
        "8h": Interval(seconds=28_800),
        "12h": Interval(seconds=43_200),
        "1d": Interval(seconds=_DAY),
        "3d": Interval(seconds=3 * _DAY),
        "1w": Interval(seconds=7 * _DAY, offset=_MONDAY),
        "1M": Interval(seconds=None),
    }
)

#: A minute is computed second by second, a longer interval from so many samples: 500 candles take a fraction of a second.
_MINUTE = 60
_SAMPLES = 24

#: Candles after which is rested, and how many seconds, in which the process's other threads go on.
_CANDLES_IN_A_ROW = 4
_REST = 0.00005


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCandle:
    """One candle; volumes are in base units unless named otherwise."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTicker:
    """The last price, and the volume of the last 24 hours."""

    trading_pair: str
    price: Decimal
    base_volume: Decimal
    quote_volume: Decimal
    at: datetime


def ticker(market: SyntheticMarket, pair: Pair, now: datetime) -> PaperTicker:
    """The ticker at ``now``."""
    tick = tick_of(now)
    day = _candle(market, pair, tick - _DAY + 1, tick)
    return PaperTicker(
        trading_pair=pair.trading_pair,
        price=day.close,
        base_volume=day.volume,
        quote_volume=day.quote_volume,
        at=now,
    )


def candles(
    market: SyntheticMarket,
    pair: Pair,
    interval: str,
    *,
    now: datetime,
    limit: int,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> Sequence[PaperCandle]:
    """The candles that open from ``start_at`` to ``end_at``, oldest first: the first ``limit`` if there is a start, else the last.

    The current candle ends now.
    """
    closed = _closed if market.is_repeatable else _candle
    found = []
    for number, stretch in enumerate(stretches(interval, now=now, limit=limit, start_at=start_at, end_at=end_at)):
        candle = closed if stretch.is_over else _candle
        found.append(candle(market, pair, stretch.first, stretch.last))
        # One thread at a time has the interpreter; without a rest, orders would wait five milliseconds at each of their steps.
        if number % _CANDLES_IN_A_ROW == 0:
            time.sleep(_REST)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The ticks of one candle, first and last; of the current one, those up to now."""

    first: int
    last: int
    is_over: bool


def stretches(
    interval: str, *, now: datetime, limit: int, start_at: datetime | None, end_at: datetime | None
) -> Iterator[Stretch]:
    """The stretches that begin from ``start_at`` to ``end_at`` and not before 1970, oldest first: the first ``limit`` if there is
    a start, else the last. Refuses INVALID_INTERVAL.
    """
    length = INTERVALS.get(interval)
    if length is None:
        raise PaperRefusal(
            RefusalCode.INVALID_INTERVAL,
            f"there are no candles of {interval}: the interval is one of {', '.join(INTERVALS)}",
        )
    present = tick_of(now)
    last = length.index_of(min(present, present if end_at is None else tick_of(end_at)))
    first = last - limit + 1
    if start_at is not None:
        first = length.index_of(tick_of(start_at))
        if moment_of(length.opens_at(first)) < start_at:
            first += 1
        last = min(last, first + limit - 1)
    for index in range(max(first, 0), last + 1):
        after = length.opens_at(index + 1)
        yield Stretch(first=length.opens_at(index), last=min(after - 1, present), is_over=after <= present)


def window(market: SyntheticMarket, pair: Pair, since: datetime, now: datetime) -> PaperCandle:
    """The trades from ``since`` to ``now`` as one candle."""
    return _candle(market, pair, tick_of(since), tick_of(now))


def sampled_ticks(first: int, last: int) -> list[int]:
    """The ticks that stand for those from ``first`` to ``last``, sorted."""
    length = last - first + 1
    samples = length if length <= _MINUTE else _SAMPLES
    return sorted({first + (length - 1) * sample // max(1, samples - 1) for sample in range(samples)})


def tape(market: SyntheticMarket, pair: Pair, now: datetime, limit: int) -> Sequence[TapeTrade]:
    """The last ``limit`` trades of the market, oldest first."""
    tick = tick_of(now)
    return [market.trade(pair, each) for each in range(tick - limit + 1, tick + 1)]


# A closed candle never changes and takes a millisecond to compute. A week of minutes is ten megabytes.
@lru_cache(maxsize=10_000)
def _closed(market: SyntheticMarket, pair: Pair, first: int, last: int) -> PaperCandle:
    return _candle(market, pair, first, last)


def _candle(market: SyntheticMarket, pair: Pair, first: int, last: int) -> PaperCandle:
    length = last - first + 1
    trades = market.samples(pair, sampled_ticks(first, last))
    samples = len(trades)
    prices = [price for _, price, _ in trades]
    bought = [trade for trade in trades if trade[0]]

    def base(sampled: Sequence[tuple[bool, int, int]]) -> Decimal:
        """The volume of all moments, from that of the samples."""
        return sum(steps for _, _, steps in sampled) * length // samples * pair.step

    def quote(sampled: Sequence[tuple[bool, int, int]]) -> Decimal:
        volume = sum(price * steps for _, price, steps in sampled) * pair.step
        return volume * length // samples * pair.tick

    return PaperCandle(
        opened_at=moment_of(first),
        open=prices[0] * pair.tick,
        high=max(prices) * pair.tick,
        low=min(prices) * pair.tick,
        close=prices[-1] * pair.tick,
        volume=base(trades),
        quote_volume=quote(trades),
        trades=length,
        taker_buy_volume=base(bought),
        taker_buy_quote_volume=quote(bought),
    )

"""History of the synthetic market: candles and the day's volume, exact for a minute, sampled for longer intervals.

A longer candle samples a few moments, evenly spread and always its first and last second, so that a day costs no more than a
minute. Users' own trades are not included: they are too few to move a market.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from app.paper.market import SyntheticMarket, TapeTrade, moment_of, tick_of
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode

#: Seconds of each interval.
INTERVALS: Mapping[str, int] = MappingProxyType(
    {
        "1m": 60,
        "3m": 180,
        "5m": 300,
        "15m": 900,
        "30m": 1_800,
        "1h": 3_600,
        "2h": 7_200,
        "4h": 14_400,
        "6h": 21_600,
        "8h": 28_800,
        "12h": 43_200,
        "1d": 86_400,
    }
)

#: A minute is computed second by second, a longer interval from so many samples: 500 candles take a fraction of a second.
_MINUTE = 60
_SAMPLES = 24

_DAY = 86_400

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
    if interval not in INTERVALS:
        raise PaperRefusal(
            RefusalCode.INVALID_INTERVAL,
            f"there are no candles of {interval}: the interval is one of {', '.join(INTERVALS)}",
        )
    seconds, present = INTERVALS[interval], tick_of(now)
    last = min(present, present if end_at is None else tick_of(end_at)) // seconds
    first = last - limit + 1
    if start_at is not None:
        first = -(-tick_of(start_at) // seconds)
        last = min(last, first + limit - 1)
    closed = _closed if market.is_repeatable else _candle
    found = []
    for index in range(first, last + 1):
        if (index + 1) * seconds <= present:
            found.append(closed(market, pair, index * seconds, (index + 1) * seconds - 1))
        else:
            found.append(_candle(market, pair, index * seconds, present))
        # One thread at a time has the interpreter; without a rest, orders would wait five milliseconds at each of their steps.
        if index % _CANDLES_IN_A_ROW == 0:
            time.sleep(_REST)
    return found


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
    samples = length if length <= _MINUTE else _SAMPLES
    moments = {first + (length - 1) * sample // max(1, samples - 1) for sample in range(samples)}
    trades = market.samples(pair, sorted(moments))
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

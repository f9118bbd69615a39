"""History of the mark and index prices, and of the premium between them, sampled as candles of trades are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from app.domain.decimals import EXACT
from app.paper.candles import sampled_ticks, stretches
from app.paper.market import moment_of
from app.paper.pairs import Pair
from app.paper.perpetual.market import PerpetualMarket

#: A premium is rounded to this.
_PREMIUM_STEP = Decimal("1e-8")


class PriceKind(Enum):
    """Which price a candle is of."""

    MARK = "mark"
    INDEX = "index"
    PREMIUM = "premium"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCandle:
    """One candle of a price. ``moments`` is the number of its seconds."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    moments: int


def price_candles(
    market: PerpetualMarket,
    pair: Pair,
    kind: PriceKind,
    interval: str,
    *,
    now: datetime,
    limit: int,
    start_at: datetime | None,
    end_at: datetime | None,
) -> Sequence[PriceCandle]:
    """The candles as ``candles.candles`` chooses them."""
    found = []
    for stretch in stretches(interval, now=now, limit=limit, start_at=start_at, end_at=end_at):
        sampled = market.prices(pair, sampled_ticks(stretch.first, stretch.last))
        prices = [_price(pair, kind, *each) for each in sampled]
        found.append(
            PriceCandle(
                opened_at=moment_of(stretch.first),
                open=prices[0],
                high=max(prices),
                low=min(prices),
                close=prices[-1],
                moments=stretch.last - stretch.first + 1,
            )
        )
    return found


def _price(pair: Pair, kind: PriceKind, mark: int, index: int) -> Decimal:
    """The price of that kind, from mark and index in whole price ticks."""
    match kind:
        case PriceKind.MARK:
            return mark * pair.tick
        case PriceKind.INDEX:
            return index * pair.tick
        case PriceKind.PREMIUM:
            return EXACT.divide(Decimal(mark - index), Decimal(index)).quantize(_PREMIUM_STEP, context=EXACT)

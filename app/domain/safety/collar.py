"""The arithmetic of price collars: which prices a reference and its age allow."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from app.domain.decimals import EXACT, ZERO, ceil_to, floor_to
from app.domain.enums import TradeType
from app.domain.safety.limits import Collar

_WHOLE = Decimal(10_000)


class Reference(Struct, frozen=True, kw_only=True):
    """A price that others are compared with, and when the exchange said it."""

    price: Decimal
    at: datetime


class Band(Struct, frozen=True, kw_only=True):
    """The lowest and the highest price that is allowed; None without a bound."""

    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, price: Decimal) -> bool:
        """Whether ``price`` lies in the band; its edges do."""
        return (self.low is None or price >= self.low) and (self.high is None or price <= self.high)

    def within(self, other: Band) -> Band:
        """What lies in both bands."""
        lows = [each for each in (self.low, other.low) if each is not None]
        highs = [each for each in (self.high, other.high) if each is not None]
        return Band(low=max(lows, default=None), high=min(highs, default=None))


def is_fresh(reference: Reference | None, collar: Collar, now: datetime) -> bool:
    """Whether ``reference`` may be used: it is there, above zero, and no older than the collar demands."""
    if reference is None or reference.price <= ZERO:
        return False
    return now - reference.at <= timedelta(seconds=float(collar.max_age_seconds))  # float: seconds, no money


def band(collar: Collar, reference: Reference, side: TradeType, *, tick: Decimal, reduces: bool) -> Band:
    """The prices that ``collar`` allows an order of ``side``. ``tick`` is the pair's price step, zero where it has none."""
    distance = _distance(collar, reference.price, tick, reduces=reduces)
    if distance is None:
        return Band()
    low, high = max(reference.price - distance, ZERO), reference.price + distance
    if collar.both_sides:
        return Band(low=low, high=high)
    return Band(high=high) if side is TradeType.BUY else Band(low=low)


def edge(allowed: Band, side: TradeType, tick: Decimal) -> Decimal | None:
    """The worst price of ``allowed`` for an order of ``side``, rounded to the inside; None without a bound."""
    if side is TradeType.BUY:
        return None if allowed.high is None else floor_to(allowed.high, tick)
    return None if allowed.low is None else ceil_to(allowed.low, tick)


def _distance(collar: Collar, price: Decimal, tick: Decimal, *, reduces: bool) -> Decimal | None:
    """The smaller of what the deviation and the ticks allow."""
    bps, ticks = collar.max_deviation_bps, collar.max_ticks
    if reduces:
        bps = bps if collar.reducing_deviation_bps is None else collar.reducing_deviation_bps
        ticks = ticks if collar.reducing_ticks is None else collar.reducing_ticks
    distances = []
    if bps is not None:
        distances.append(EXACT.divide(price * bps, _WHOLE))
    if ticks is not None and tick > ZERO:
        distances.append(tick * ticks)
    return min(distances, default=None)

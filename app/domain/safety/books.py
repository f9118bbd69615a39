"""The running sums of one account's trading in one pair: what its active orders reserve, what its fills have made, and how often.

A position is the sum of the fills in the journal. It is valued at the prices that its orders were reserved at, so that a fill moves
a reservation into the position without changing what is used, whatever price the exchange gave. Profit and loss are computed from
the prices of the fills, against the position's average entry.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import OrderType, TradeType
from app.domain.order import Order
from app.domain.safety.scope import Place


class Reservation(Struct, frozen=True, kw_only=True):
    """What one active order holds: ``amount`` in base and ``notional`` in quote units. ``price`` is its limit, None for a MARKET
    order. ``is_unpriced`` where nothing says what it is worth.
    """

    side: TradeType
    amount: Decimal
    notional: Decimal
    price: Decimal | None
    is_unpriced: bool = False


class Standing(NamedTuple):
    """What a fill changes: the position, what it is worth at the reserved prices, and what it was bought for."""

    net: Decimal = ZERO
    value: Decimal = ZERO
    entry: Decimal = ZERO


class Book:
    """The sums of one place. Times rise nearly always, so they are held in sorted lists."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.quote = place.trading_pair.partition("-")[2]
        self.active: dict[int, Reservation] = {}
        self.buys = self.sells = self.buy_notional = self.sell_notional = ZERO
        self.unpriced = 0
        self.standing = Standing()
        #: Realised profit less fees, in quote units, by UTC day; only the last days are of interest.
        self.days: dict[date, Decimal] = {}
        self.times: dict[str, list[datetime]] = {}

    @property
    def open_notional(self) -> Decimal:
        """What the active orders are worth, in quote units."""
        return self.buy_notional + self.sell_notional

    def put(self, number: int, reservation: Reservation | None) -> None:
        """Let order ``number`` hold ``reservation``, or nothing."""
        before = self.active.pop(number, None)
        if before is not None:
            self._add(before, -1)
        if reservation is not None:
            self.active[number] = reservation
            self._add(reservation, 1)

    def _add(self, held: Reservation, sign: int) -> None:
        if held.side is TradeType.BUY:
            self.buys += sign * held.amount
            self.buy_notional += sign * held.notional
        else:
            self.sells += sign * held.amount
            self.sell_notional += sign * held.notional
        self.unpriced += sign * held.is_unpriced

    def long(self, more: Decimal = ZERO) -> Decimal:
        """The position if all that is being bought, and ``more``, is bought and nothing sold; zero where that is still short."""
        return max(self.standing.net + self.buys + more, ZERO)

    def short(self, more: Decimal = ZERO) -> Decimal:
        """How far short the position is if all that is being sold, and ``more``, is sold and nothing bought; never negative."""
        return max(self.sells + more - self.standing.net, ZERO)

    def gross(self, bought: Decimal = ZERO, sold: Decimal = ZERO) -> Decimal:
        """The greatest value that the position can come to, in quote units, with orders worth ``bought`` and ``sold`` more."""
        value = self.standing.value
        return max(abs(value), value + self.buy_notional + bought, self.sell_notional + sold - value)

    def count(self, what: str, now: datetime, window: timedelta) -> int:
        """How many times of kind ``what`` lie within ``window`` before ``now``, or after it by a clock that is ahead."""
        times = self.times.get(what)
        return 0 if not times else len(times) - bisect_right(times, now - window)

    def note(self, what: str, at: datetime) -> None:
        """Note a time of kind ``what``."""
        insort(self.times.setdefault(what, []), at)

    def unnote(self, what: str, at: datetime) -> None:
        """Take back what ``note`` did."""
        times = self.times[what]
        del times[bisect_left(times, at)]

    def forget_before(self, what: str, moment: datetime) -> None:
        """Drop times that nothing asks about any more."""
        times = self.times.get(what)
        # Not a few at a time, since all that follow are moved.
        if times and (old := bisect_left(times, moment)) > len(times) // 8:
            del times[:old]


def reservation_of(order: Order) -> Reservation | None:
    """What ``order`` holds; None if it is not active."""
    if not order.is_active:
        return None
    price = order.price if order.order_type is not OrderType.MARKET else order.reserved_price
    if order.amount is not None:
        amount = max(order.amount - order.filled_amount, ZERO)
        notional = ZERO if price is None else amount * price
    else:
        notional = max((order.quote_amount or ZERO) - order.filled_quote, ZERO)
        amount = ZERO if price is None else EXACT.divide(notional, price)
    return Reservation(
        side=order.trade_type,
        amount=amount,
        notional=notional,
        price=order.price,
        is_unpriced=price is None,
    )


def after_fill(
    before: Standing, side: TradeType, amount: Decimal, price: Decimal, reserved: Decimal
) -> tuple[Standing, Decimal]:
    """The standing after ``amount`` was traded at ``price``, reserved at ``reserved``, and the profit that this has realised."""
    signed = amount if side is TradeType.BUY else -amount
    net, value, entry = before
    profit = ZERO
    if net * signed < ZERO:
        closed = min(amount, abs(net))
        left = abs(net) - closed
        kept_value, kept_entry = (
            (EXACT.divide(value * left, abs(net)), EXACT.divide(entry * left, abs(net))) if left else (ZERO, ZERO)
        )
        proceeds = closed * price
        gained = entry - kept_entry
        profit = proceeds - gained if net > ZERO else -gained - proceeds
        direction = Decimal(1) if net > ZERO else Decimal(-1)
        net, value, entry = left * direction, kept_value, kept_entry
        signed = signed + closed * direction
    return Standing(net + signed, value + signed * reserved, entry + signed * price), profit

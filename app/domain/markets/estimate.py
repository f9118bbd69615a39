"""What an order would come to in a book as it stands: what it takes at once, at which price, and which fee. Pure and exact.

It is an estimate: the book may move before the order arrives, and whoever rests may be gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from app.domain.decimals import EXACT, ZERO, floor_to, normal
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.markets.order_book import Sweep, middle_price, sweep_quote_volume, sweep_volume, taken_side
from app.domain.order import Order
from app.domain.reports import BookLevel, FeeRates, OrderBook

#: Basis points are told with two places.
_PLACES = Decimal("0.01")
_BASIS_POINTS = Decimal(10_000)


class Taking(Struct, frozen=True, kw_only=True):
    """What an order takes at once. ``impact_bps`` is how much worse its average price is than the middle of the book, in basis
    points; None without both sides. ``is_complete`` is False where the book, as far as it is known, does not hold so much.
    ``would_cross``: its price reaches the other side, which an order that only rests must not.
    """

    amount: Decimal
    quote: Decimal
    average_price: Decimal | None
    worst_price: Decimal | None
    best_price: Decimal | None
    impact_bps: Decimal | None
    is_complete: bool
    would_cross: bool


class Fee(Struct, frozen=True, kw_only=True):
    """The fee of what is taken at once, and of the rest if it is filled; ``amount`` is both, in ``currency``."""

    rates: FeeRates
    currency: str
    taker: Decimal
    maker: Decimal

    @property
    def amount(self) -> Decimal:
        """Both parts."""
        return self.taker + self.maker


def take(order: Order, book: OrderBook) -> Taking:
    """What ``order`` takes of ``book`` at once; nothing if it only ever rests, or must be filled whole and can't be."""
    is_buy = order.trade_type is TradeType.BUY
    side = taken_side(book, is_buy=is_buy)
    sweep = _sweep(order, side)
    would_cross = sweep.volume > ZERO
    is_killed = order.time_in_force is TimeInForce.FOK and not sweep.is_complete
    if order.order_type is OrderType.LIMIT_MAKER or is_killed:
        sweep = Sweep(volume=ZERO, quote_volume=ZERO, last_price=None, is_complete=not is_killed)
    average, middle = sweep.average_price, middle_price(book)
    impact = None
    if average is not None and middle is not None:
        worse = average - middle if is_buy else middle - average
        impact = normal(floor_to(EXACT.divide(worse * _BASIS_POINTS, middle), _PLACES))
    return Taking(
        amount=sweep.volume,
        quote=sweep.quote_volume,
        average_price=average,
        worst_price=sweep.last_price,
        best_price=side[0].price if side else None,
        impact_bps=impact,
        is_complete=sweep.is_complete,
        would_cross=would_cross,
    )


def notional_of(order: Order, taking: Taking | None) -> Decimal | None:
    """What the order is worth in quote units: at its limit, or as the book would fill it. None where the book can't tell."""
    if order.quote_amount is not None:
        return order.quote_amount
    if order.amount is None:
        return None
    if order.price is not None:
        return EXACT.multiply(order.amount, order.price)
    return taking.quote if taking is not None and taking.is_complete else None


def fee_of(order: Order, taking: Taking, rates: FeeRates, *, is_perpetual: bool) -> Fee:
    """The fee: of what is received on spot, of the value on perpetuals."""
    base, _, quote = order.trading_pair.partition("-")
    in_base = order.trade_type is TradeType.BUY and not is_perpetual
    rests = ZERO
    if order.amount is not None and order.price is not None and _rests(order):
        rests = order.amount - taking.amount
    taken = taking.amount if in_base else taking.quote
    resting = rests if in_base else rests * (order.price or ZERO)
    return Fee(
        rates=rates,
        currency=base if in_base else quote,
        taker=normal(EXACT.multiply(taken, rates.taker)),
        maker=normal(EXACT.multiply(resting, rates.maker)),
    )


def _rests(order: Order) -> bool:
    """Whether what the order does not take at once waits in the book."""
    return order.order_type is not OrderType.MARKET and order.time_in_force in (None, TimeInForce.GTC)


def _sweep(order: Order, side: Sequence[BookLevel]) -> Sweep:
    if order.quote_amount is not None:
        return sweep_quote_volume(side, order.quote_amount)
    assert order.amount is not None, "an order is by base or by quote amount"
    if order.order_type is OrderType.MARKET or order.price is None:
        return sweep_volume(side, order.amount)
    is_buy, limit = order.trade_type is TradeType.BUY, order.price
    return sweep_volume(
        [each for each in side if (each.price <= limit if is_buy else each.price >= limit)], order.amount
    )

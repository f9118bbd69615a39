"""One side of an order book: how far an order of a volume goes through it, and how much there is up to a price. Pure and exact.

A side is its levels, best price first. Volumes are in base units, quote volumes in quote units. Only the last level of a quote
volume needs a division; the base volume is rounded down there at 28 digits, so that it never costs more than was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Context, Decimal

from app.domain.decimals import EXACT, ZERO, normal
from app.domain.reports import BookLevel, OrderBook

#: More digits than any exchange's amounts have; a division that does not come out even ends here.
_QUOTIENT = Context(prec=28, rounding=ROUND_DOWN)

_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What taking a part of one side comes to. ``last_price`` is the worst price reached, None if no level was.

    ``is_complete`` is False where the book, as far as it is known, ends before the question does; the volumes are then all it has.
    """

    volume: Decimal
    quote_volume: Decimal
    last_price: Decimal | None
    is_complete: bool

    @property
    def average_price(self) -> Decimal | None:
        """What one base unit costs on average; None if nothing was taken."""
        return None if self.volume == ZERO else normal(_QUOTIENT.divide(self.quote_volume, self.volume))


def middle_price(book: OrderBook) -> Decimal | None:
    """The price half way between the best of both sides; None if a side is empty."""
    if not book.bids or not book.asks:
        return None
    return EXACT.multiply(EXACT.add(book.bids[0].price, book.asks[0].price), _HALF)


def taken_side(book: OrderBook, *, is_buy: bool) -> tuple[BookLevel, ...]:
    """The side that a buyer, or a seller, takes from."""
    return book.asks if is_buy else book.bids


def sweep_volume(levels: Iterable[BookLevel], volume: Decimal) -> Sweep:
    """Take ``volume`` base units, best price first."""
    taken: list[tuple[Decimal, Decimal]] = []
    left = volume
    for level in levels:
        amount = min(left, level.amount)
        taken.append((level.price, amount))
        left = EXACT.subtract(left, amount)
        if left == ZERO:
            break
    return _sweep(taken, is_complete=left == ZERO)


def sweep_quote_volume(levels: Iterable[BookLevel], quote_volume: Decimal) -> Sweep:
    """Take for ``quote_volume`` quote units, best price first."""
    taken: list[tuple[Decimal, Decimal]] = []
    left = quote_volume
    for level in levels:
        cost = EXACT.multiply(level.price, level.amount)
        if cost >= left:
            taken.append((level.price, normal(_QUOTIENT.divide(left, level.price))))
            return replace(_sweep(taken, is_complete=True), quote_volume=quote_volume)
        taken.append((level.price, level.amount))
        left = EXACT.subtract(left, cost)
    return _sweep(taken, is_complete=False)


def sweep_to_price(levels: Iterable[BookLevel], price: Decimal, *, is_buy: bool) -> Sweep:
    """Take everything at ``price`` or better. Complete only if a level beyond ``price`` shows that there is no more of it."""
    taken: list[tuple[Decimal, Decimal]] = []
    for level in levels:
        if level.price > price if is_buy else level.price < price:
            return _sweep(taken, is_complete=True)
        taken.append((level.price, level.amount))
    return _sweep(taken, is_complete=False)


def _sweep(taken: Sequence[tuple[Decimal, Decimal]], *, is_complete: bool) -> Sweep:
    volume = quote_volume = ZERO
    for price, amount in taken:
        volume = EXACT.add(volume, amount)
        quote_volume = EXACT.add(quote_volume, EXACT.multiply(price, amount))
    return Sweep(
        volume=volume,
        quote_volume=quote_volume,
        last_price=taken[-1][0] if taken else None,
        is_complete=is_complete,
    )

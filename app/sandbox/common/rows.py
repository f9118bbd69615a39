"""Numbers as most protocols write them: texts without exponents. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.domain.decimals import EXACT, ZERO, normal, plain
from app.paper.orders import PaperFill, PaperOrder

#: Averages and rates are shown with so many places.
_PLACES = Decimal("1e-8")


def wire(number: Decimal | None) -> str:
    """A number as text, empty where there is none."""
    return "" if number is None else plain(normal(number))


def rounded(number: Decimal) -> Decimal:
    """What is shown of a quotient."""
    return number.quantize(_PLACES, context=EXACT)


def average(order: PaperOrder) -> Decimal | None:
    """The average price of what is filled, None before."""
    if not order.filled_amount:
        return None
    return rounded(EXACT.divide(order.filled_quote, order.filled_amount))


def total_fee(fills: Iterable[PaperFill]) -> Decimal:
    """The sum of the fees."""
    total = ZERO
    for fill in fills:
        total = EXACT.add(total, fill.fee)
    return total

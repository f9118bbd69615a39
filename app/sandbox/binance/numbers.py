"""Numbers on Binance's wire: text with at least eight decimal places, and never less than the number has.

Binance itself rounds down to eight places. The paper exchange is exact, so its smaller fees are shown in full: a client's sums
equal the exchange's.
"""

from __future__ import annotations

from decimal import Decimal

from app.domain.decimals import EXACT, ZERO, normal, plain

#: Binance writes every price and amount with eight places.
PLACES = 8


def wire(number: Decimal | None) -> str:
    """``number`` as text; None is 0.00000000."""
    value = normal(ZERO if number is None else number)
    return plain(value.quantize(Decimal(1).scaleb(-max(PLACES, places(value))), context=EXACT))


def places(number: Decimal) -> int:
    """The number of decimal places that ``number`` is written with."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "not a finite number"
    return max(0, -exponent)

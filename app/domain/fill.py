"""One execution of a part of an order (the API's paths call it a trade)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity

#: The place, in an order's fees by currency, of what its exchange does not tell; its amount is None.
UNTOLD = ""


class Fill(Struct, frozen=True, kw_only=True):
    """One execution. ``fee`` is what was paid, negative for a rebate, in units of ``fee_currency``; both are None where the
    exchange does not tell, which is not zero. ``filled_at`` is the exchange's time.

    ``exchange_fill_id`` is the exchange's own and stable; with account, connector and trading pair it names the fill for ever.
    """

    exchange_fill_id: str
    price: Decimal
    amount: Decimal
    fee: Decimal | None
    fee_currency: str | None
    filled_at: datetime
    liquidity: Liquidity | None = None


def total_amount(fills: Iterable[Fill]) -> Decimal:
    """The sum of what was filled, in base units."""
    total = ZERO
    for fill in fills:
        total = EXACT.add(total, fill.amount)
    return total

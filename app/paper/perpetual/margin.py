"""Maintenance margin and liquidation prices. Margin is isolated: a liquidation takes one position's margin and nothing else.

Pure functions. A position is liquidated once its margin and its result at the mark no longer exceed the maintenance margin.
"""

from __future__ import annotations

from decimal import Decimal

from app.domain.decimals import EXACT, ZERO, ceil_to, floor_to
from app.paper.perpetual.positions import PaperPosition

#: The maintenance margin rate, of a position's value at the mark. It is that of the largest pairs' first tier on Binance, and half
#: of the initial margin at the highest leverage, so that the fee of opening liquidates nobody.
MAINTENANCE = Decimal("0.004")

#: Of every pair, as on the largest ones of Binance.
MAX_LEVERAGE = 125
#: Without leverage, until it is changed.
DEFAULT_LEVERAGE = 1

_ONE = Decimal(1)


def is_liquidable(position: PaperPosition, mark: Decimal) -> bool:
    """Whether the exchange closes ``position`` at this mark price."""
    if not position.is_open:
        return False
    return position.margin + position.pnl(mark) <= position.size * mark * MAINTENANCE


def liquidation_price(position: PaperPosition, tick: Decimal) -> Decimal | None:
    """The first mark price, a multiple of ``tick``, at which ``position`` is liquidated; None if there is none above zero."""
    if position.is_long:
        exact = EXACT.divide(position.cost - position.margin, position.size * (_ONE - MAINTENANCE))
        price = floor_to(exact, tick)
    else:
        exact = EXACT.divide(position.cost + position.margin, position.size * (_ONE + MAINTENANCE))
        price = ceil_to(exact, tick)
    return EXACT.plus(price) if price > ZERO else None

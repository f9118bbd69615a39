"""When a position is beyond saving. Margin is isolated: each position stands on its own, and the rest of the account is safe.

Pure sums. A position is liquidated once its margin and its result at the mark no longer exceed the maintenance margin.
"""

from __future__ import annotations

from decimal import Decimal

from app.domain.decimals import EXACT, ZERO, ceil_to, floor_to
from app.paper.perpetual.positions import PaperPosition

#: The part of a position's value at the mark that must be left. That of the largest pairs' first tier on Binance, and half of the
#: initial margin at the highest leverage, so that nobody is liquidated by the fee of opening.
MAINTENANCE = Decimal("0.004")

#: Of every pair, as on the largest ones of Binance.
MAX_LEVERAGE = 125
#: Until somebody asks for more, nothing is borrowed.
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

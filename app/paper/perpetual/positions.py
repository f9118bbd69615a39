"""Positions on perpetuals, and how trades change them: pure values, without payments.

A position has the value at which its amount was entered (``cost``), not an average price, so that no division changes the sums: the
results of all closes of a position add up exactly to what its trades paid and received.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionSide

#: A part of a cost may have no finite decimal form, so it is rounded; the rounding error stays in the other part.
_PLACES = Decimal("1e-18")
#: Margins are rounded up to this, in the settlement asset.
MARGIN_STEP = Decimal("1e-8")

PositionKey = tuple[str, str, PositionSide]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPosition:
    """One position of an account on a pair. ``amount`` is signed, negative is short; zero where it is closed.

    ``side`` is BOTH in one-way mode. ``cost`` is the value at entry and ``margin`` the hold for it, both in quote units and never
    negative. ``realized_pnl`` is the sum over all that was ever closed, without fees and funding.
    """

    account: str
    trading_pair: str
    side: PositionSide
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    updated_at: datetime

    @property
    def key(self) -> PositionKey:
        return (self.account, self.trading_pair, self.side)

    @property
    def is_open(self) -> bool:
        return self.amount != ZERO

    @property
    def is_long(self) -> bool:
        return self.amount > ZERO

    @property
    def size(self) -> Decimal:
        """The amount without its sign."""
        return abs(self.amount)

    @property
    def entry_price(self) -> Decimal:
        """The average price of entry."""
        return EXACT.divide(self.cost, self.size).quantize(_PLACES, context=EXACT)

    def pnl(self, price: Decimal) -> Decimal:
        """The profit (negative: the loss) of closing all of it at ``price``."""
        return self.amount * price - (self.cost if self.is_long else -self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The result of closing a part of a position: the position afterwards, the profit, and the margin released."""

    position: PaperPosition
    pnl: Decimal
    freed: Decimal


def opened(position: PaperPosition, amount: Decimal, price: Decimal, margin: Decimal, at: datetime) -> PaperPosition:
    """``position`` increased by ``amount``, which has its sign, at ``price``."""
    return replace(
        position,
        amount=position.amount + amount,
        cost=position.cost + abs(amount) * price,
        margin=position.margin + margin,
        updated_at=at,
    )


def closed(position: PaperPosition, amount: Decimal, price: Decimal, at: datetime) -> Closing:
    """``position`` reduced by ``amount``, unsigned and at most its size, at ``price``."""
    cost, freed = _part(position.cost, amount, position.size), _part(position.margin, amount, position.size)
    signed = amount if position.is_long else -amount
    pnl = signed * price - (cost if position.is_long else -cost)
    after = replace(
        position,
        amount=position.amount - signed,
        cost=position.cost - cost,
        margin=position.margin - freed,
        realized_pnl=position.realized_pnl + pnl,
        updated_at=at,
    )
    return Closing(position=after, pnl=pnl, freed=freed)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """The margin of ``notional`` at ``leverage``."""
    return EXACT.divide(notional, Decimal(leverage)).quantize(MARGIN_STEP, rounding=ROUND_CEILING, context=EXACT)


def _part(whole: Decimal, amount: Decimal, size: Decimal) -> Decimal:
    """The part of ``whole`` that belongs to ``amount`` of ``size``."""
    if amount == size:
        return whole
    return EXACT.divide(whole * amount, size).quantize(_PLACES, context=EXACT)

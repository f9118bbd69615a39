"""A position on a perpetual and what trades make of it: pure values and sums, without money changing hands.

A position counts what its amount was bought or sold for (``cost``), not an average price, so that no division touches the sums: the
result of a partial close is exact, and over its whole life a position's profits are exactly what its trades brought in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionSide

#: A share of a cost may have no end in decimals; no exchange counts beyond eighteen places. What is cut off stays in the rest.
_PLACES = Decimal("1e-18")
#: Margins are rounded up to this, in the settlement asset.
MARGIN_STEP = Decimal("1e-8")

PositionKey = tuple[str, str, PositionSide]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPosition:
    """One position of an account on a pair. ``amount`` is signed, negative is short; zero where it is closed.

    ``side`` is BOTH in one-way mode. ``cost`` is what the amount was entered for and ``margin`` what is set aside for it, both in
    quote units and never negative; ``realized_pnl`` adds up over all that was ever closed, without fees and funding.
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
        """What a unit cost on average."""
        return EXACT.divide(self.cost, self.size).quantize(_PLACES, context=EXACT)

    def pnl(self, price: Decimal) -> Decimal:
        """The profit, or below zero the loss, if all of it were closed at ``price``."""
        return self.amount * price - (self.cost if self.is_long else -self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What closing a part of a position gives: the position after it, its profit, and the margin that it sets free."""

    position: PaperPosition
    pnl: Decimal
    freed: Decimal


def opened(position: PaperPosition, amount: Decimal, price: Decimal, margin: Decimal, at: datetime) -> PaperPosition:
    """``position`` grown by ``amount``, which has its sign, at ``price``."""
    return replace(
        position,
        amount=position.amount + amount,
        cost=position.cost + abs(amount) * price,
        margin=position.margin + margin,
        updated_at=at,
    )


def closed(position: PaperPosition, amount: Decimal, price: Decimal, at: datetime) -> Closing:
    """``position`` made smaller by ``amount``, unsigned and no more than its size, at ``price``."""
    cost, freed = _share(position.cost, amount, position.size), _share(position.margin, amount, position.size)
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
    """What must be set aside for ``notional`` at ``leverage``."""
    return EXACT.divide(notional, Decimal(leverage)).quantize(MARGIN_STEP, rounding=ROUND_CEILING, context=EXACT)


def _share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    if part == of:
        return whole
    return EXACT.divide(whole * part, of).quantize(_PLACES, context=EXACT)

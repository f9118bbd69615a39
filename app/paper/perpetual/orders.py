"""The records of the perpetual exchange: what its orders and fills have beyond those of spot, and a funding payment.

Frozen values without behaviour beyond sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import PositionMode, PositionSide, TradeType
from app.paper.orders import NewOrder, PaperFill, PaperOrder
from app.paper.perpetual.positions import PaperPosition

#: Why an order expired, or what the exchange placed it for.
REDUCED = "reduce_only"
LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerpetualOrder(NewOrder):
    """What a user asks. ``position_side`` is BOTH in one-way mode and names the position in hedge mode, where an order on the
    opposite side of its position closes it and so may only reduce it.
    """

    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False

    @property
    def only_reduces(self) -> bool:
        return self.reduce_only or self.trade_type is _CLOSING.get(self.position_side)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualOrder(PaperOrder):
    """An order as the exchange has it. One that is ``reduce_only`` holds no margin, and its amount is cut to its position."""

    position_side: PositionSide
    reduce_only: bool

    @property
    def is_cut(self) -> bool:
        """Whether less is left of it than was asked, because the position became smaller."""
        return self.reason == REDUCED


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualFill(PaperFill):
    """One execution. ``realized_pnl`` is what it brought by closing, before the fee, in the settlement asset.

    What an account could not pay the insurance paid for it; the fee is smaller by that, and below zero if it was more than the
    fee. The fee of a liquidation is what was left of the margin.
    """

    position_side: PositionSide
    realized_pnl: Decimal = ZERO
    is_liquidation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFunding:
    """What a position paid (negative) or received at ``paid_at``. ``funding_id`` is unique within the account."""

    funding_id: str
    account: str
    trading_pair: str
    side: PositionSide
    payment: Decimal
    rate: Decimal
    mark_price: Decimal
    amount: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A position as its owner sees it at one moment; ``liquidation_price`` is None where no price liquidates it."""

    position: PaperPosition
    leverage: int
    mark_price: Decimal
    unrealized_pnl: Decimal
    liquidation_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingTerms:
    """The funding of a pair as it stands."""

    trading_pair: str
    rate: Decimal
    next_at: datetime
    mark_price: Decimal
    index_price: Decimal


def position_side(mode: PositionMode, trade_type: TradeType, *, closes: bool) -> PositionSide:
    """The position that an order is about which opens or ``closes`` one."""
    if mode is PositionMode.ONEWAY:
        return PositionSide.BOTH
    return PositionSide.LONG if (trade_type is TradeType.BUY) != closes else PositionSide.SHORT


#: In hedge mode, the side that closes each position.
_CLOSING = {PositionSide.LONG: TradeType.SELL, PositionSide.SHORT: TradeType.BUY}

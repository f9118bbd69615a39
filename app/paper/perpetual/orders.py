"""The records of the perpetual exchange: its orders and fills, which extend those of spot, positions as shown, and funding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import Liquidity, PositionMode, PositionSide, TradeType
from app.paper.orders import NewOrder, PaperFill, PaperOrder
from app.paper.perpetual.positions import PaperPosition

#: Reasons of orders: expired or reduced because of its position; placed by the exchange to liquidate.
REDUCED = "reduce_only"
LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerpetualOrder(NewOrder):
    """An order as a user asks for it.

    ``position_side`` is BOTH in one-way mode. In hedge mode it names the position, and an order on the position's opposite side may
    only reduce it.
    """

    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False

    @property
    def only_reduces(self) -> bool:
        return self.reduce_only or self.trade_type is _CLOSING.get(self.position_side)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualOrder(PaperOrder):
    """An order as the exchange has it. A ``reduce_only`` order takes no margin, and its amount is reduced to its position's."""

    position_side: PositionSide
    reduce_only: bool

    @property
    def is_reduced(self) -> bool:
        """Whether its amount was reduced because the position became smaller."""
        return self.reason == REDUCED


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualFill(PaperFill):
    """One execution. ``realized_pnl`` is the result of closing, before the fee, in the settlement asset.

    What the account can't pay is paid by the insurance fund and subtracted from the fee, which may become negative. The fee of a
    liquidation is the rest of the margin.
    """

    position_side: PositionSide
    realized_pnl: Decimal = ZERO
    is_liquidation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFunding:
    """A payment that a position made (negative) or received. ``funding_id`` is unique within the account."""

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
    """A position at one moment; ``liquidation_price`` is None where no price liquidates it."""

    position: PaperPosition
    leverage: int
    mark_price: Decimal
    unrealized_pnl: Decimal
    liquidation_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingTerms:
    """The next funding of a pair, and its current prices."""

    trading_pair: str
    rate: Decimal
    next_at: datetime
    mark_price: Decimal
    index_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFunding:
    """The rate and the mark price of one funding."""

    at: datetime
    rate: Decimal
    mark_price: Decimal


def execution(
    order: PerpetualOrder,
    *,
    fill_id: int,
    price: Decimal,
    amount: Decimal,
    fee: Decimal,
    fee_currency: str,
    liquidity: Liquidity,
    realized_pnl: Decimal,
    filled_at: datetime,
    is_liquidation: bool = False,
) -> PerpetualFill:
    """A fill of ``order``."""
    return PerpetualFill(
        fill_id=fill_id,
        exchange_order_id=order.exchange_order_id,
        account=order.account,
        trading_pair=order.trading_pair,
        trade_type=order.trade_type,
        price=price,
        amount=amount,
        fee=fee,
        fee_currency=fee_currency,
        liquidity=liquidity,
        filled_at=filled_at,
        position_side=order.position_side,
        realized_pnl=realized_pnl,
        is_liquidation=is_liquidation,
    )


def position_side(mode: PositionMode, trade_type: TradeType, *, closes: bool) -> PositionSide:
    """The position side of an order that opens or ``closes`` a position."""
    if mode is PositionMode.ONEWAY:
        return PositionSide.BOTH
    return PositionSide.LONG if (trade_type is TradeType.BUY) != closes else PositionSide.SHORT


#: In hedge mode, the side of the orders that close each position.
_CLOSING = {PositionSide.LONG: TradeType.SELL, PositionSide.SHORT: TradeType.BUY}

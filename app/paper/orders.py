"""The exchange's own records: an order, a fill, a balance, an event. Frozen values; how they come about is the engine's affair.

Amounts are in base units unless named ``quote``; times are aware UTC, from the exchange's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from app.domain.decimals import ZERO
from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a user asks. Exactly one of ``amount`` and ``quote_amount``; the latter, and no price, for MARKET orders only."""

    account: str
    client_order_id: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """An order as the exchange has it; ``state`` is open, filled, canceled or expired.

    ``exchange_order_id`` counts up over all pairs and so is the time priority too. An order by quote amount has the ``amount``
    that its money buys, or None where there is too little to buy it all. ``placed_tick`` is the market's second in which it
    came; ``reason`` says why an expired order did.
    """

    exchange_order_id: int
    account: str
    client_order_id: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal | None
    amount: Decimal | None
    quote_amount: Decimal | None
    state: OrderState = OrderState.OPEN
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reason: str | None = None
    placed_tick: int
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        return self.state is OrderState.OPEN

    @property
    def is_buy(self) -> bool:
        return self.trade_type is TradeType.BUY

    @property
    def remaining(self) -> Decimal:
        """What is left to fill of an order by base amount."""
        assert self.amount is not None, "an order by quote amount never rests"
        return self.amount - self.filled_amount

    @property
    def limit(self) -> Decimal:
        """The price of an order that has one."""
        assert self.price is not None, "a market order has no price"
        return self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFill:
    """One execution of part of an order. ``fee`` is in ``fee_currency``, the asset that the order received."""

    fill_id: int
    exchange_order_id: int
    account: str
    trading_pair: str
    trade_type: TradeType
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    filled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order with all its fills, oldest first."""

    order: PaperOrder
    fills: tuple[PaperFill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBalance:
    """What an account has of one asset: ``held`` of ``total`` serves open orders."""

    account: str
    asset: str
    total: Decimal
    held: Decimal

    @property
    def available(self) -> Decimal:
        return self.total - self.held


#: ``new``: the order was accepted. ``trade``: it got the event's fill. The others speak for themselves.
EventName = Literal["new", "trade", "canceled", "expired", "balance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperEvent:
    """One thing that happened to an account, in the order of ``seq``, without holes in what is committed.

    An order's event carries the order as it was then; a ``balance`` event the balances that one operation changed.
    """

    seq: int
    account: str
    name: EventName
    at: datetime
    order: PaperOrder | None = None
    fill: PaperFill | None = None
    balances: tuple[PaperBalance, ...] = ()

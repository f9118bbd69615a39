"""The exchange's records: orders, fills, balances and events. Frozen values, which the engine makes.

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
    """An order as a user asks for it, with ``amount`` or ``quote_amount``. Only a MARKET order has the latter, and no price."""

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

    ``exchange_order_id`` counts up over all pairs, so it is also the time priority. An order by quote amount has the ``amount``
    that its quote buys, or None where the depth does not suffice. ``placed_tick`` is the market's second in which it was placed;
    ``reason`` is why it expired.
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
        """The unfilled amount of an order by base amount."""
        assert self.amount is not None, "an order by quote amount never rests"
        return self.amount - self.filled_amount

    @property
    def limit(self) -> Decimal:
        """The price of a limit order."""
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
    """An account's balance of one asset: ``held`` of ``total`` is on hold for open orders."""

    account: str
    asset: str
    total: Decimal
    held: Decimal

    @property
    def available(self) -> Decimal:
        return self.total - self.held


#: ``new``: the order was accepted. ``amended``: its owner changed its amount or price. ``trade``: the order was executed, by the
#: event's fill. ``balance``: balances changed.
EventName = Literal["new", "amended", "trade", "canceled", "expired", "balance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperEvent:
    """One event of an account. Committed events are numbered by ``seq`` without gaps.

    An order's event has the order as it was then, with the amount and price that it has since; a ``balance`` event has the balances
    that one operation changed.
    """

    seq: int
    account: str
    name: EventName
    at: datetime
    order: PaperOrder | None = None
    fill: PaperFill | None = None
    balances: tuple[PaperBalance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvents:
    """A page of an account's events, oldest first, and the orders that they are about as these stand now, in the order of their
    ids. The next page begins after ``last``.
    """

    events: tuple[PaperEvent, ...]
    orders: tuple[OrderRecord, ...]
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSnapshot:
    """All orders, fills and balances at one moment, oldest first, including the exchange's own accounts."""

    orders: tuple[PaperOrder, ...]
    fills: tuple[PaperFill, ...]
    balances: tuple[PaperBalance, ...]
    at: datetime

"""What an exchange says now: about an order, a balance, a position, a market, or about the stream itself.

Reports are statements of the exchange, not conclusions of ours; ``domain.observation`` turns them into events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from app.domain.enums import OrderType, PositionSide, TradeType
from app.domain.fill import Fill

#: An order at an exchange is resting or done; how it got there is in the fills.
ReportedState = Literal["open", "filled", "canceled", "rejected", "expired"]


class OrderReport(Struct, frozen=True, kw_only=True):
    """One order as the exchange has it. ``filled_amount`` is the exchange's own total.

    ``fills`` are the executions the message carried, which may be none or only the last; they are all there are where they add
    up to ``filled_amount``. ``terms`` are present where the exchange repeats them, so that an order of ours that the journal
    does not know can be adopted. ``order_id`` is the client id that the exchange had the order under before this message, and
    ``new_client_order_id`` the one from now on, where an amendment has changed it. It is empty where the exchange names no
    client id; then its own id names the order. ``is_partial`` says that the message confirmed the order without saying how it
    stands, so that the exchange is asked. ``reported_at`` is when the exchange last changed the order; without it nothing says
    whether the report is older than what is known, so it changes no terms unless it ``tells_terms``: the amount and price of
    a resting order are the order's own there, and count as they come.
    """

    order_id: str
    exchange_order_id: str | None
    trading_pair: str
    state: ReportedState
    filled_amount: Decimal
    amount: Decimal | None = None
    fills: tuple[Fill, ...] = ()
    reported_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None
    terms: ReportedTerms | None = None
    new_client_order_id: str | None = None
    is_partial: bool = False
    tells_terms: bool = False


class ReportedTerms(Struct, frozen=True, kw_only=True):
    """The terms of an order as the exchange repeats them."""

    trade_type: TradeType
    order_type: OrderType
    price: Decimal | None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account holds of one asset; ``available`` is what of it new orders may use, None where the exchange did not say."""

    asset: str
    total: Decimal
    available: Decimal | None


class FeeRates(Struct, frozen=True, kw_only=True):
    """The shares of an order's value that are paid as a fee, by who rests and who takes; ``source`` says who said so."""

    maker: Decimal
    taker: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceReport:
    """Balances that changed, as pushed by the exchange's stream."""

    balances: tuple[Balance, ...]
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position on a perpetual. ``amount`` is in base units and signed: negative is short, in either position mode."""

    trading_pair: str
    side: PositionSide
    amount: Decimal
    entry_price: Decimal | None
    unrealized_pnl: Decimal | None
    leverage: Decimal | None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    margin: Decimal | None = None

    @property
    def direction(self) -> PositionSide:
        """Whether it is long or short, which ``side`` does not say in one-way mode."""
        if self.side is not PositionSide.BOTH:
            return self.side
        return PositionSide.SHORT if self.amount < 0 else PositionSide.LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """Funding paid (negative) or received for holding a position at ``paid_at``."""

    exchange_funding_id: str
    trading_pair: str
    payment: Decimal
    currency: str
    paid_at: datetime
    rate: Decimal | None = None
    position_size: Decimal | None = None
    position_side: PositionSide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """The last trade of a pair and its volume over 24 hours, in base and quote units, None where the exchange does not state it."""

    trading_pair: str
    price: Decimal
    reported_at: datetime
    base_volume: Decimal | None = None
    quote_volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLevel:
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """Both sides of a book, best price first."""

    trading_pair: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One candle; ``opened_at`` is its start. Volumes are in base units unless named otherwise."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_buy_base_volume: Decimal
    taker_buy_quote_volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTrade:
    """One trade of the whole market. ``taker_side`` is the side of the later order; the id is unique in the pair."""

    exchange_trade_id: str
    trading_pair: str
    price: Decimal
    amount: Decimal
    taker_side: TradeType
    traded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingInfo:
    """The funding terms of a perpetual as they stand."""

    trading_pair: str
    funding_rate: Decimal | None
    next_funding_at: datetime | None
    mark_price: Decimal | None
    index_price: Decimal | None


#: The reason of the gap that a poll is told as, where an exchange pushes nothing.
POLLED = "polled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The stream may have missed something before this point, so its reader must reconcile. Sent first of all, and after every
    reconnect.
    """

    reason: str = field(default="connected")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleReport:
    """A candle as far as it has come. Once ``is_closed``, it will not change again."""

    candle: Candle
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The stream is down. Its next event is a ``Gap``."""

    reason: str


#: What a connector's event stream yields.
ConnectorEvent = OrderReport | BalanceReport | Gap

#: What a connector's market stream yields.
MarketEvent = CandleReport | PublicTrade | OrderBook | Ticker | Gap | Lost

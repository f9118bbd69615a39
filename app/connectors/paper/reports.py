"""The paper exchange's records as the gateway's values and back: plain functions, and the only map of its refusals."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.decimals import normal
from app.domain.enums import OrderState, TimeInForce
from app.domain.errors import DuplicateOrderId, InsufficientBalance, OrderRefused, WouldTake
from app.domain.fill import Fill
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order
from app.domain.reports import (
    Balance,
    BookLevel,
    Candle,
    OrderBook,
    OrderReport,
    PublicTrade,
    ReportedState,
    ReportedTerms,
    Ticker,
)
from app.paper.candles import PaperCandle, PaperTicker
from app.paper.market import PaperBook, TapeTrade
from app.paper.orders import NewOrder, OrderRecord, PaperBalance, PaperFill
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode

_STATES: Mapping[OrderState, ReportedState] = {
    OrderState.OPEN: "open",
    OrderState.FILLED: "filled",
    OrderState.CANCELED: "canceled",
    OrderState.EXPIRED: "expired",
}

#: Why an order ended as it did, in words.
_REASONS = {
    "self_trade": "The rest would have traded with an order of the same account.",
    "no_depth": "The book did not hold enough.",
    "immediate_or_cancel": "What could not be filled at once expired.",
    "fill_or_kill": "The order could not be filled completely at once.",
    "reduce_only": "The position that the order was to reduce became smaller.",
    "liquidation": "The exchange closed the position, because its margin was used up.",
}


def refused_of(refusal: PaperRefusal) -> OrderRefused:
    """The gateway's error for a refusal of an order, with the exchange's own code."""
    classes = {
        RefusalCode.INSUFFICIENT_BALANCE: InsufficientBalance,
        RefusalCode.WOULD_TAKE: WouldTake,
        RefusalCode.DUPLICATE_ORDER_ID: DuplicateOrderId,
    }
    kind = classes.get(refusal.code, OrderRefused)
    return kind(refusal.text, exchange_code=refusal.code.value)


def new_order_of(order: Order, account: str) -> NewOrder:
    return NewOrder(
        account=account,
        client_order_id=order.order_id,
        trading_pair=order.trading_pair,
        trade_type=order.trade_type,
        order_type=order.order_type,
        amount=order.amount,
        quote_amount=order.quote_amount,
        price=order.price,
        time_in_force=order.time_in_force or TimeInForce.GTC,
    )


def report_of(record: OrderRecord) -> OrderReport:
    order = record.order
    reason = None if order.is_open else order.reason
    return OrderReport(
        order_id=order.client_order_id,
        exchange_order_id=str(order.exchange_order_id),
        trading_pair=order.trading_pair,
        state=_STATES[order.state],
        filled_amount=order.filled_amount,
        amount=order.amount,
        fills=tuple(fill_of(fill) for fill in record.fills),
        reported_at=order.updated_at,
        reason_code=reason,
        reason=None if reason is None else _REASONS[reason],
        terms=ReportedTerms(
            trade_type=order.trade_type, order_type=order.order_type, price=order.price, created_at=order.created_at
        ),
    )


def fill_of(fill: PaperFill) -> Fill:
    return Fill(
        exchange_fill_id=str(fill.fill_id),
        price=fill.price,
        amount=fill.amount,
        fee=normal(fill.fee),
        fee_currency=fill.fee_currency,
        filled_at=fill.filled_at,
        liquidity=fill.liquidity,
    )


def balance_of(balance: PaperBalance) -> Balance:
    return Balance(asset=balance.asset, total=normal(balance.total), available=normal(balance.available))


def rule_of(pair: Pair) -> TradingRule:
    return TradingRule(
        trading_pair=pair.trading_pair,
        min_order_size=pair.min_amount,
        max_order_size=pair.max_amount,
        min_base_amount_increment=pair.step,
        market_max_order_size=pair.max_market_amount,
        min_price=pair.min_price,
        max_price=pair.max_price,
        min_price_increment=pair.tick,
        min_notional_size=pair.min_notional,
        max_notional_size=pair.max_notional,
        is_trading=pair.is_trading,
        buy_order_collateral_token=pair.quote,
        sell_order_collateral_token=pair.base,
    )


def ticker_of(ticker: PaperTicker) -> Ticker:
    return Ticker(
        trading_pair=ticker.trading_pair,
        price=ticker.price,
        reported_at=ticker.at,
        base_volume=ticker.base_volume,
        quote_volume=ticker.quote_volume,
    )


def book_of(book: PaperBook) -> OrderBook:
    return OrderBook(
        trading_pair=book.trading_pair,
        bids=tuple(BookLevel(price=level.price, amount=level.amount) for level in book.bids),
        asks=tuple(BookLevel(price=level.price, amount=level.amount) for level in book.asks),
        reported_at=book.at,
    )


def public_trade_of(trade: TapeTrade, trading_pair: str) -> PublicTrade:
    return PublicTrade(
        exchange_trade_id=str(trade.trade_id),
        trading_pair=trading_pair,
        price=trade.price,
        amount=trade.amount,
        taker_side=trade.taker_side,
        traded_at=trade.traded_at,
    )


def candle_of(candle: PaperCandle) -> Candle:
    return Candle(
        opened_at=candle.opened_at,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        quote_volume=candle.quote_volume,
        trades=candle.trades,
        taker_buy_base_volume=candle.taker_buy_volume,
        taker_buy_quote_volume=candle.taker_buy_quote_volume,
    )

"""The futures market's orders and trades in REST answers and the user stream. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity, OrderState, OrderType
from app.paper.orders import PaperEvent, PaperFill
from app.paper.perpetual.orders import NewPerpetualOrder, PerpetualFill, PerpetualOrder
from app.sandbox.binance.futures.venue import is_liquidation, perpetual_fill, wire_client_id
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import Symbols, symbol_of
from app.sandbox.binance.terms import SELF_TRADE_PREVENTION, status
from app.sandbox.times import milliseconds

#: Average prices are rounded to this, as on Binance.
_AVERAGE_PLACES = Decimal("1e-8")

_EXECUTIONS = {"new": "NEW", "amended": "AMENDMENT", "canceled": "CANCELED", "expired": "EXPIRED"}


def query(order: PerpetualOrder, symbols: Symbols) -> dict[str, Any]:
    """The answer to a query of an order."""
    return {**_order(order, symbols), "time": milliseconds(order.created_at)}


def changed(order: PerpetualOrder, symbols: Symbols) -> dict[str, Any]:
    """The answer to a cancel, and to a new order of the type RESULT."""
    return {**_order(order, symbols), "cumQty": wire(order.filled_amount)}


def accepted(order: PerpetualOrder, symbols: Symbols) -> dict[str, Any]:
    """The answer to a new order of the type ACK: the order before its trades."""
    placed = replace(
        order,
        state=OrderState.OPEN,
        filled_amount=ZERO,
        filled_quote=ZERO,
        reason=None,
        updated_at=order.created_at,
    )
    return changed(placed, symbols)


def tested(new: NewPerpetualOrder, symbols: Symbols, at: datetime) -> dict[str, Any]:
    """The answer to a test of an order. No order was made, so its number is 0."""
    order = PerpetualOrder(
        exchange_order_id=0,
        account=new.account,
        client_order_id=new.client_order_id,
        trading_pair=new.trading_pair,
        trade_type=new.trade_type,
        order_type=new.order_type,
        time_in_force=new.time_in_force,
        price=new.price,
        amount=new.amount,
        quote_amount=new.quote_amount,
        placed_tick=0,
        created_at=at,
        updated_at=at,
        position_side=new.position_side,
        reduce_only=new.reduce_only,
    )
    return {**changed(order, symbols), "orderId": 0}


def trade(paper_fill: PaperFill, symbols: Symbols) -> dict[str, Any]:
    """A row of ``userTrades``."""
    fill = perpetual_fill(paper_fill)
    return {
        "symbol": symbol_of(fill.trading_pair),
        "id": symbols.wire_id(fill.trading_pair, fill.fill_id),
        "orderId": symbols.wire_id(fill.trading_pair, fill.exchange_order_id),
        "side": fill.trade_type.value,
        "positionSide": fill.position_side.value,
        "price": wire(fill.price),
        "qty": wire(fill.amount),
        "quoteQty": wire(EXACT.multiply(fill.price, fill.amount)),
        "realizedPnl": wire(fill.realized_pnl),
        "commission": wire(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": milliseconds(fill.filled_at),
        "buyer": fill.trade_type == "BUY",
        "maker": fill.liquidity is Liquidity.MAKER,
        "marginAsset": fill.fee_currency,
    }


def order_update(event: PaperEvent, order: PerpetualOrder, symbols: Symbols, sent_at: datetime) -> dict[str, Any]:
    """An order's event, as ``ORDER_TRADE_UPDATE``."""
    fill = None if event.fill is None else perpetual_fill(event.fill)
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": milliseconds(sent_at),
        "T": milliseconds(event.at),
        "o": {
            "s": symbol_of(order.trading_pair),
            "c": wire_client_id(order),
            "S": order.trade_type.value,
            "o": _type(order),
            "f": _time_in_force(order),
            "q": wire(order.amount),
            "p": wire(order.price),
            "ap": wire(_average(order)),
            "sp": wire(ZERO),
            "x": _execution(event, order),
            "X": status(order),
            "i": symbols.wire_id(order.trading_pair, order.exchange_order_id),
            "z": wire(order.filled_amount),
            "T": milliseconds(event.at),
            "b": wire(ZERO),
            "a": wire(ZERO),
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": _type(order),
            "ps": order.position_side.value,
            "cp": False,
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": SELF_TRADE_PREVENTION,
            "pm": "NONE",
            "gtd": 0,
            **_last_trade(fill, symbols),
        },
    }


def _last_trade(fill: PerpetualFill | None, symbols: Symbols) -> dict[str, Any]:
    if fill is None:
        return {"l": wire(ZERO), "L": wire(ZERO), "t": 0, "m": False, "rp": wire(ZERO)}
    return {
        "l": wire(fill.amount),
        "L": wire(fill.price),
        "n": wire(fill.fee),
        "N": fill.fee_currency,
        "t": symbols.wire_id(fill.trading_pair, fill.fill_id),
        "m": fill.liquidity is Liquidity.MAKER,
        "rp": wire(fill.realized_pnl),
    }


def _order(order: PerpetualOrder, symbols: Symbols) -> dict[str, Any]:
    return {
        "symbol": symbol_of(order.trading_pair),
        "orderId": symbols.wire_id(order.trading_pair, order.exchange_order_id),
        "clientOrderId": wire_client_id(order),
        "status": status(order),
        "side": order.trade_type.value,
        "positionSide": order.position_side.value,
        "type": _type(order),
        "origType": _type(order),
        "timeInForce": _time_in_force(order),
        "price": wire(order.price),
        "avgPrice": wire(_average(order)),
        "origQty": wire(order.amount),
        "executedQty": wire(order.filled_amount),
        "cumQuote": wire(order.filled_quote),
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "stopPrice": wire(ZERO),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
        "goodTillDate": 0,
        "updateTime": milliseconds(order.updated_at),
    }


def _type(order: PerpetualOrder) -> str:
    return "MARKET" if order.order_type is OrderType.MARKET else "LIMIT"


def _time_in_force(order: PerpetualOrder) -> str:
    return "GTX" if order.order_type is OrderType.LIMIT_MAKER else order.time_in_force.value


def _average(order: PerpetualOrder) -> Decimal:
    if order.filled_amount == ZERO:
        return ZERO
    return EXACT.divide(order.filled_quote, order.filled_amount).quantize(_AVERAGE_PLACES, context=EXACT)


def _execution(event: PaperEvent, order: PerpetualOrder) -> str:
    if event.name == "trade":
        return "CALCULATED" if is_liquidation(order) else "TRADE"
    return _EXECUTIONS[event.name]

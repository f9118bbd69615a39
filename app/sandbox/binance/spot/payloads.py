"""The spot market's orders, trades and balances in REST answers and the user stream. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity
from app.paper.fees import Fees
from app.paper.orders import OrderRecord, PaperBalance, PaperEvent, PaperFill, PaperOrder
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import Symbols, symbol_of
from app.sandbox.binance.terms import SELF_TRADE, SELF_TRADE_PREVENTION, status
from app.sandbox.times import milliseconds

#: The list id of an order that belongs to no list.
_NO_LIST = -1

_EXPIRY_REASONS = {
    "immediate_or_cancel": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "fill_or_kill": "UNFILLED_FOK_ORDER_EXPIRED",
    "no_depth": "INSUFFICIENT_LIQUIDITY",
}

_EXECUTIONS = {"new": "NEW", "amended": "REPLACED", "trade": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED"}


def ack(order: PaperOrder, symbols: Symbols) -> dict[str, Any]:
    """The shortest answer to a new order."""
    return {
        "symbol": symbol_of(order.trading_pair),
        "orderId": symbols.wire_id(order.trading_pair, order.exchange_order_id),
        "orderListId": _NO_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": milliseconds(order.updated_at),
    }


def result(order: PaperOrder, symbols: Symbols) -> dict[str, Any]:
    """The answer to a new order without its trades."""
    return {**ack(order, symbols), **_terms(order), "workingTime": milliseconds(order.created_at)} | _expiry(order)


def full(record: OrderRecord, symbols: Symbols) -> dict[str, Any]:
    """The answer to a new order with its trades."""
    return {**result(record.order, symbols), "fills": [_fill_of_answer(fill, symbols) for fill in record.fills]}


def query(order: PaperOrder, symbols: Symbols) -> dict[str, Any]:
    """The answer to a query of an order."""
    return {
        "symbol": symbol_of(order.trading_pair),
        "orderId": symbols.wire_id(order.trading_pair, order.exchange_order_id),
        "orderListId": _NO_LIST,
        "clientOrderId": order.client_order_id,
        **_terms(order),
        "stopPrice": wire(ZERO),
        "icebergQty": wire(ZERO),
        "time": milliseconds(order.created_at),
        "updateTime": milliseconds(order.updated_at),
        "isWorking": True,
        "workingTime": milliseconds(order.created_at),
    } | _expiry(order)


def canceled(order: PaperOrder, symbols: Symbols, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: the order's own id is in ``origClientOrderId``."""
    return {
        **ack(order, symbols),
        "origClientOrderId": order.client_order_id,
        "clientOrderId": cancel_id,
        **_terms(order),
    }


def trade(fill: PaperFill, symbols: Symbols) -> dict[str, Any]:
    """A row of ``myTrades``."""
    return {
        "symbol": symbol_of(fill.trading_pair),
        "id": symbols.wire_id(fill.trading_pair, fill.fill_id),
        "orderId": symbols.wire_id(fill.trading_pair, fill.exchange_order_id),
        "orderListId": _NO_LIST,
        "price": wire(fill.price),
        "qty": wire(fill.amount),
        "quoteQty": wire(EXACT.multiply(fill.price, fill.amount)),
        "commission": wire(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": milliseconds(fill.filled_at),
        "isBuyer": fill.trade_type == "BUY",
        "isMaker": fill.liquidity is Liquidity.MAKER,
        "isBestMatch": True,
    }


def balance(each: PaperBalance) -> dict[str, str]:
    """A row of ``account``."""
    return {"asset": each.asset, "free": wire(each.available), "locked": wire(each.held)}


def commission_rates(fees: Fees) -> dict[str, str]:
    """The rates of makers and takers; buyers and sellers pay nothing extra."""
    return {"maker": wire(fees.maker), "taker": wire(fees.taker), "buyer": wire(ZERO), "seller": wire(ZERO)}


def no_discount() -> dict[str, Any]:
    """The discount of accounts that pay in BNB, which there is not here."""
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": wire(ZERO)}


def rates_for_order(fees: Fees) -> dict[str, Any]:
    """The answer to a test of an order that asks for its commission: only the standard one is not zero."""
    none = {"maker": wire(ZERO), "taker": wire(ZERO)}
    return {
        "standardCommissionForOrder": {"maker": wire(fees.maker), "taker": wire(fees.taker)},
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": no_discount(),
    }


def amended(order: PaperOrder, symbols: Symbols, before: str, execution_id: int) -> dict[str, Any]:
    """The answer to an amendment; ``before`` is the client id that the order had."""
    terms = _terms(order)
    return {
        "transactTime": milliseconds(order.updated_at),
        "executionId": execution_id,
        "amendedOrder": {
            "symbol": symbol_of(order.trading_pair),
            "orderId": symbols.wire_id(order.trading_pair, order.exchange_order_id),
            "orderListId": _NO_LIST,
            "origClientOrderId": before,
            "clientOrderId": order.client_order_id,
            "price": terms["price"],
            "qty": terms["origQty"],
            "executedQty": terms["executedQty"],
            "preventedQty": wire(ZERO),
            "quoteOrderQty": terms["origQuoteOrderQty"],
            "cumulativeQuoteQty": terms["cummulativeQuoteQty"],
            "status": terms["status"],
            "timeInForce": terms["timeInForce"],
            "type": terms["type"],
            "side": terms["side"],
            "workingTime": milliseconds(order.created_at),
            "selfTradePreventionMode": SELF_TRADE_PREVENTION,
        },
    }


def user_event(event: PaperEvent, symbols: Symbols, sent_at: datetime, new_id: str | None) -> Mapping[str, Any]:
    """An event of the exchange as a user stream event; ``new_id`` is that of a cancel, or the one that an amendment gave."""
    if event.order is None:
        return _account_position(event.balances, event.at, sent_at)
    return _execution_report(event, event.order, symbols, sent_at, new_id)


def _account_position(balances: Sequence[PaperBalance], at: datetime, sent_at: datetime) -> dict[str, Any]:
    return {
        "e": "outboundAccountPosition",
        "E": milliseconds(sent_at),
        "u": milliseconds(at),
        "B": [{"a": each.asset, "f": wire(each.available), "l": wire(each.held)} for each in balances],
    }


def _execution_report(
    event: PaperEvent, order: PaperOrder, symbols: Symbols, sent_at: datetime, new_id: str | None
) -> dict[str, Any]:
    """One execution. A cancel's own id, and the one that an amendment gave, is in ``c``; the order's is in ``C`` then."""
    fill = event.fill
    report = {
        "e": "executionReport",
        "E": milliseconds(sent_at),
        "s": symbol_of(order.trading_pair),
        "c": new_id or order.client_order_id,
        "S": order.trade_type.value,
        "o": order.order_type.value,
        "f": order.time_in_force.value,
        "q": wire(_amount(order)),
        "p": wire(order.price),
        "P": wire(ZERO),
        "F": wire(ZERO),
        "g": _NO_LIST,
        "C": order.client_order_id if new_id else "",
        "x": "TRADE_PREVENTION" if order.reason == SELF_TRADE else _EXECUTIONS[event.name],
        "X": status(order),
        "r": "NONE",
        "i": symbols.wire_id(order.trading_pair, order.exchange_order_id),
        "z": wire(order.filled_amount),
        "T": milliseconds(event.at),
        "I": event.seq,
        "w": order.is_open and event.name != "trade",
        "M": False,
        "O": milliseconds(order.created_at),
        "Z": wire(order.filled_quote),
        "Q": wire(order.quote_amount),
        "W": milliseconds(order.created_at),
        "V": SELF_TRADE_PREVENTION,
        **_last_trade(fill, symbols),
    }
    reason = _EXPIRY_REASONS.get(order.reason or "")
    return report if reason is None else {**report, "eR": reason}


def _last_trade(fill: PaperFill | None, symbols: Symbols) -> dict[str, Any]:
    if fill is None:
        return {"l": wire(ZERO), "L": wire(ZERO), "Y": wire(ZERO), "n": "0", "N": None, "t": -1, "m": False}
    return {
        "l": wire(fill.amount),
        "L": wire(fill.price),
        "Y": wire(EXACT.multiply(fill.price, fill.amount)),
        "n": wire(fill.fee),
        "N": fill.fee_currency,
        "t": symbols.wire_id(fill.trading_pair, fill.fill_id),
        "m": fill.liquidity is Liquidity.MAKER,
    }


def _terms(order: PaperOrder) -> dict[str, Any]:
    return {
        "price": wire(order.price),
        "origQty": wire(_amount(order)),
        "executedQty": wire(order.filled_amount),
        "origQuoteOrderQty": wire(order.quote_amount),
        "cummulativeQuoteQty": wire(order.filled_quote),
        "status": status(order),
        "timeInForce": order.time_in_force.value,
        "type": order.order_type.value,
        "side": order.trade_type.value,
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
    }


def _amount(order: PaperOrder) -> Any:
    """The order's amount; of one by quote amount that could not spend all of it, the filled amount."""
    return order.filled_amount if order.amount is None else order.amount


def _expiry(order: PaperOrder) -> dict[str, str]:
    reason = _EXPIRY_REASONS.get(order.reason or "")
    return {} if reason is None else {"expiryReason": reason}


def _fill_of_answer(fill: PaperFill, symbols: Symbols) -> dict[str, Any]:
    return {
        "price": wire(fill.price),
        "qty": wire(fill.amount),
        "commission": wire(fill.fee),
        "commissionAsset": fill.fee_currency,
        "tradeId": symbols.wire_id(fill.trading_pair, fill.fill_id),
    }

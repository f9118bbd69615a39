"""Orders in Binance's form: their terms as parameters, and order and trade payloads of REST and the user streams as reports.

Plain functions without I/O. Terms that Binance does not have are refused, and nothing was sent. A payload that lacks what a report
must say raises ``Unreadable``: an answer to a submit then counts as unknown, which is right, because it is not a confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.connectors.common.answers import Unreadable
from app.connectors.common.numbers import (
    integer_text,
    mapping,
    number,
    optional_number,
    optional_time,
    rows,
    text,
    time,
)
from app.domain.decimals import ZERO, shortest
from app.domain.enums import Liquidity, OrderType, TimeInForce, TradeType
from app.domain.errors import OrderRefused
from app.domain.fill import Fill
from app.domain.ids import is_client_order_id
from app.domain.order import Order, OrderRef
from app.domain.reports import OrderReport, ReportedState, ReportedTerms

#: EXPIRED covers what IOC and FOK left over; EXPIRED_IN_MATCH is self-trade prevention; the NEW_ words are liquidations.
_STATES: Mapping[str, ReportedState] = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_CANCEL": "open",
    "NEW_INSURANCE": "open",
    "NEW_ADL": "open",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}

#: Which events are executions, and the smallest id they may have: a new spot symbol counts from zero, while a liquidation
#: (CALCULATED) with a zero has no id.
_FIRST_TRADE_ID = {"TRADE": 0, "CALCULATED": 1}

#: Spot's word for an order that was amended in place. Futures' is AMENDMENT, and changes no client id.
_AMENDED = "REPLACED"

#: How far our clock and Binance's may be apart. Binance refuses what is signed with more than its window of five seconds.
_CLOCKS_DIFFER = timedelta(seconds=10)

#: Streams spell "no value" in several ways.
_NO_VALUE = ("", "NONE", "null", None)


def checked_id(order_id: str) -> str:
    """``order_id`` if Binance takes it as a client order id. Raises ``OrderRefused``."""
    if not is_client_order_id(order_id):
        raise OrderRefused(f"The order id '{order_id[:40]}' is not one that Binance takes; nothing was sent")
    return order_id


def known_id(ref: OrderRef) -> str:
    """The client id that Binance has the order under. One that an amendment gave it is Binance's own and needs no check."""
    return ref.exchange_client_order_id or checked_id(ref.order_id)


def limit_terms(order: Order) -> Mapping[str, str]:
    """Quantity and price of a LIMIT or LIMIT_MAKER order on either market. Raises ``OrderRefused``."""
    if order.amount is None or order.price is None:
        raise refuse("a limit order needs an amount and a price")
    if order.order_type is OrderType.LIMIT_MAKER and order.time_in_force not in (None, TimeInForce.GTC):
        raise refuse("a LIMIT_MAKER order stays until it is canceled; it has no other time in force")
    return {"quantity": shortest(order.amount), "price": shortest(order.price)}


def refuse(why: str) -> OrderRefused:
    """The refusal of terms that Binance does not have."""
    return OrderRefused(f"Not sent to Binance: {why}")


def order_report(payload: Mapping[str, Any], trading_pair: str) -> OrderReport:
    """An order as REST shows it: answers to a submit (spot's carries fills), a query and a cancel.

    The answer to a cancel has an id of its own in ``clientOrderId`` and the order's in ``origClientOrderId``.
    """
    state = _state(text(payload, "status"))
    trades = rows(payload.get("fills", []))
    reported_at = optional_time(payload, "transactTime", "updateTime", "time")
    fills = tuple(_fill_of_answer(trade, reported_at) for trade in trades if trade.get("tradeId") is not None)
    reason = _why(state, payload.get("expiryReason"), text(payload, "status"))
    return OrderReport(
        order_id=text(payload, "origClientOrderId" if payload.get("origClientOrderId") else "clientOrderId"),
        exchange_order_id=integer_text(payload, "orderId"),
        trading_pair=trading_pair,
        state=state,
        filled_amount=number(payload, "executedQty"),
        amount=_amount(number(payload, "origQty"), optional_number(payload, "origQuoteOrderQty"), state),
        fills=fills,
        reported_at=reported_at,
        reason_code=reason,
        reason=reason,
        terms=_terms(
            payload.get("side"),
            payload.get("origType") or payload.get("type"),
            payload.get("timeInForce"),
            optional_number(payload, "price"),
            optional_time(payload, "time", "workingTime"),
        ),
    )


def streamed_report(event: Mapping[str, Any], trading_pair: str) -> OrderReport:
    """An order as a user stream shows it: spot's ``executionReport``, or the ``o`` of futures' ``ORDER_TRADE_UPDATE``.

    A canceled spot order has the cancel's id in ``c`` and its own in ``C``; an amended one (REPLACED) has the id that the amendment
    gave it in ``c`` and the one before in ``C``.
    """
    state = _state(text(event, "X"))
    fill = _streamed_fill(event)
    current = text(event, "c")
    original = current if event.get("C") in _NO_VALUE else text(event, "C")
    reason = _why(state, event.get("r") if event.get("e") == "executionReport" else None, text(event, "X"))
    return OrderReport(
        order_id=original,
        exchange_order_id=integer_text(event, "i"),
        trading_pair=trading_pair,
        state=state,
        filled_amount=number(event, "z"),
        amount=_amount(number(event, "q"), optional_number(event, "Q"), state),
        fills=() if fill is None else (fill,),
        reported_at=time(event, "T"),
        reason_code=reason,
        reason=reason,
        terms=_terms(
            event.get("S"),
            event.get("ot") or event.get("o"),
            event.get("f"),
            optional_number(event, "p"),
            optional_time(event, "O"),
        ),
        new_client_order_id=current if event.get("x") == _AMENDED else None,
    )


def trade_fill(trade: Mapping[str, Any]) -> Fill:
    """One row of ``myTrades`` or ``userTrades``."""
    maker = trade.get("isMaker", trade.get("maker"))
    return Fill(
        exchange_fill_id=integer_text(trade, "id"),
        price=number(trade, "price"),
        amount=number(trade, "qty"),
        fee=number(trade, "commission"),
        fee_currency=trade.get("commissionAsset") or None,
        filled_at=time(trade, "time"),
        liquidity=_liquidity(maker),
    )


def may_be_trade_of(ref: OrderRef, trade: Mapping[str, Any]) -> bool:
    """Whether a trade that Binance lists under the order's number can be the order's: it has its side, and is not older.

    Without the order itself nothing else tells whose trade it is, and a test network gives numbers again after a reset.
    """
    is_buyer = trade.get("isBuyer", trade.get("buyer"))
    is_older = ref.created_at is not None and time(trade, "time") < ref.created_at - _CLOCKS_DIFFER
    return not is_older and (ref.trade_type is None or is_buyer is (ref.trade_type is TradeType.BUY))


def numbered_trade(row: Any) -> tuple[int, Mapping[str, Any]]:
    """One row of ``myTrades`` or ``userTrades`` with its id."""
    trade = mapping(row)
    return int(integer_text(trade, "id")), trade


def order_names(row: Mapping[str, Any]) -> Mapping[str, str | None]:
    """What names the order that a row is about, as far as that can be read."""
    order_id = row.get("clientOrderId")
    try:
        number_text = integer_text(row, "orderId")
    except Unreadable:
        number_text = None
    return {"order_id": order_id if isinstance(order_id, str) and order_id else None, "exchange_order_id": number_text}


def confirm_same(report: OrderReport, order_id: str, payload: Mapping[str, Any], symbol: str) -> OrderReport:
    """``report`` if it is about the order in question. Raises ``Unreadable``: an answer about another one confirms nothing."""
    if report.order_id != order_id or payload.get("symbol") != symbol:
        raise Unreadable(f"an answer about {payload.get('symbol')} {report.order_id} instead of {symbol} {order_id}")
    return report


def _fill_of_answer(trade: Mapping[str, Any], answered_at: datetime | None) -> Fill:
    """A fill in the answer to a submit. It was executed at once, so its liquidity is taker."""
    if answered_at is None:
        raise Unreadable("the answer has fills and no time")
    return Fill(
        exchange_fill_id=integer_text(trade, "tradeId"),
        price=number(trade, "price"),
        amount=number(trade, "qty"),
        fee=number(trade, "commission"),
        fee_currency=trade.get("commissionAsset") or None,
        filled_at=answered_at,
        liquidity=Liquidity.TAKER,
    )


def _streamed_fill(event: Mapping[str, Any]) -> Fill | None:
    trade_id = event.get("t")
    first = _FIRST_TRADE_ID.get(str(event.get("x")))
    if first is None or not isinstance(trade_id, int) or trade_id < first:
        return None
    amount = number(event, "l")
    if amount == ZERO:
        return None
    return Fill(
        exchange_fill_id=str(trade_id),
        price=number(event, "L"),
        amount=amount,
        fee=optional_number(event, "n") or ZERO,
        fee_currency=event.get("N") or None,
        filled_at=time(event, "T"),
        liquidity=_liquidity(event.get("m")),
    )


def _amount(asked: Decimal, asked_quote: Decimal | None, state: ReportedState) -> Decimal | None:
    """The order's amount in base units. One asked for in quote units has none until it is done."""
    if asked == ZERO or (asked_quote is not None and state == "open"):
        return None
    return asked


def _terms(
    side: Any, order_type: Any, time_in_force: Any, price: Decimal | None, at: datetime | None
) -> ReportedTerms | None:
    """The terms, or None for kinds of orders that the gateway does not place, such as stop orders."""
    if side not in ("BUY", "SELL") or order_type not in ("LIMIT", "MARKET", "LIMIT_MAKER"):
        return None
    kind = OrderType.LIMIT_MAKER if time_in_force == "GTX" else OrderType(order_type)
    return ReportedTerms(trade_type=TradeType(side), order_type=kind, price=price, created_at=at)


def _state(status: str) -> ReportedState:
    try:
        return _STATES[status]
    except KeyError:
        raise Unreadable(f"the order status '{status}' is not known") from None


def _why(state: ReportedState, stated: Any, status: str) -> str | None:
    """Why an order expired or was rejected: the exchange's reason, else its status word."""
    if state not in ("expired", "rejected"):
        return None
    return status if stated in _NO_VALUE else str(stated)


def _liquidity(is_maker: Any) -> Liquidity | None:
    if not isinstance(is_maker, bool):
        return None
    return Liquidity.MAKER if is_maker else Liquidity.TAKER

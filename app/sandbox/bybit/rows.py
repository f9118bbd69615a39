"""Orders, executions, positions and market data as Bybit's answers have them. Pure functions."""

from __future__ import annotations

from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity, OrderState, OrderType, TradeType
from app.paper.candles import PaperCandle
from app.paper.fees import Fees
from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.paper.perpetual.orders import PaperFunding, PerpetualOrder, PositionView
from app.sandbox.bybit.failures import LINEAR, SPOT
from app.sandbox.bybit.venue import BybitVenue, symbol_of
from app.sandbox.common.rows import average, rounded, total_fee, wire
from app.sandbox.times import milliseconds

Row = dict[str, Any]

_SIDES = {TradeType.BUY: "Buy", TradeType.SELL: "Sell"}


def order_row(record: OrderRecord, venue: BybitVenue) -> Row:
    """An order of ``realtime`` or ``history``."""
    order, is_market = record.order, record.order.order_type is OrderType.MARKET
    left = order.remaining if order.is_open else ZERO
    row: Row = {
        "orderId": venue.wire_id(order.exchange_order_id),
        "orderLinkId": venue.client_id_of(order),
        "blockTradeId": "",
        "symbol": symbol_of(order.trading_pair),
        "price": wire(order.price),
        "qty": wire(order.quote_amount if order.amount is None else order.amount),
        "side": _SIDES[order.trade_type],
        "isLeverage": "0" if venue.category == SPOT else "",
        "positionIdx": 0,
        "orderStatus": _status(order, venue.category),
        "createType": "CreateByUser" if venue.category == LINEAR else "",
        "cancelType": "CancelByUser" if order.state is OrderState.CANCELED and not order.reason else "UNKNOWN",
        "rejectReason": _reject_reason(order),
        "avgPrice": wire(average(order)),
        "leavesQty": wire(left),
        "leavesValue": wire(EXACT.multiply(left, order.price or ZERO)),
        "cumExecQty": wire(order.filled_amount),
        "cumExecValue": wire(order.filled_quote),
        "cumExecFee": wire(total_fee(record.fills)),
        "cumFeeDetail": _fees(record.fills),
        "timeInForce": _time_in_force(order),
        "orderType": "Market" if is_market else "Limit",
        "stopOrderType": "",
        "triggerPrice": "",
        "reduceOnly": isinstance(order, PerpetualOrder) and order.reduce_only,
        "closeOnTrigger": False,
        "createdTime": str(milliseconds(order.created_at)),
        "updatedTime": str(milliseconds(order.updated_at)),
    }
    if venue.category == LINEAR:
        return row | {"tpslMode": ""}
    return row | {"marketUnit": _market_unit(order) if is_market else ""}


def execution_row(fill: PaperFill, order: PaperOrder, venue: BybitVenue) -> Row:
    """A row of ``execution/list`` about a trade."""
    value = EXACT.multiply(fill.price, fill.amount)
    rate = EXACT.divide(fill.fee, value if fill.fee_currency != order.trading_pair.partition("-")[0] else fill.amount)
    return {
        "symbol": symbol_of(fill.trading_pair),
        "orderId": venue.wire_id(fill.exchange_order_id),
        "orderLinkId": venue.client_id_of(order),
        "side": _SIDES[fill.trade_type],
        "orderPrice": wire(order.price),
        "orderQty": wire(order.quote_amount if order.amount is None else order.amount),
        "leavesQty": wire(ZERO),
        "createType": "CreateByUser" if venue.category == LINEAR else "",
        "orderType": "Market" if order.order_type is OrderType.MARKET else "Limit",
        "stopOrderType": "",
        "execFee": wire(fill.fee),
        "feeCurrency": fill.fee_currency,
        "execId": venue.wire_id(fill.fill_id),
        "execPrice": wire(fill.price),
        "execQty": wire(fill.amount),
        "execType": "Trade",
        "execValue": wire(value),
        "execTime": str(milliseconds(fill.filled_at)),
        "isMaker": fill.liquidity is Liquidity.MAKER,
        "feeRate": wire(rounded(rate)),
        "seq": fill.fill_id,
    }


def funding_row(payment: PaperFunding) -> Row:
    """A row of ``execution/list`` about a funding: what was paid is a positive fee, what was received a negative one."""
    return {
        "symbol": symbol_of(payment.trading_pair),
        "orderId": payment.funding_id,
        "orderLinkId": "",
        "side": "Buy" if payment.amount > ZERO else "Sell",
        "orderType": "UNKNOWN",
        "createType": "",
        "execFee": wire(-payment.payment),
        "feeCurrency": "",
        "execId": payment.funding_id,
        "execPrice": wire(payment.mark_price),
        "execQty": wire(abs(payment.amount)),
        "execType": "Funding",
        "execValue": wire(EXACT.multiply(abs(payment.amount), payment.mark_price)),
        "execTime": str(milliseconds(payment.paid_at)),
        "isMaker": False,
        "feeRate": wire(payment.rate),
    }


def position_row(view: PositionView) -> Row:
    """A position that is open."""
    position = view.position
    return {
        **flat_row(position.trading_pair, view.leverage),
        "side": "Buy" if position.is_long else "Sell",
        "size": wire(position.size),
        "avgPrice": wire(position.entry_price),
        "positionValue": wire(position.cost),
        "positionIM": wire(position.margin),
        "markPrice": wire(view.mark_price),
        "liqPrice": wire(view.liquidation_price),
        "unrealisedPnl": wire(view.unrealized_pnl),
        "cumRealisedPnl": wire(position.realized_pnl),
        "updatedTime": str(milliseconds(position.updated_at)),
        "createdTime": str(milliseconds(position.updated_at)),
    }


def flat_row(trading_pair: str, leverage: int) -> Row:
    """What is shown of a symbol without a position."""
    return {
        "positionIdx": 0,
        "riskId": 1,
        "symbol": symbol_of(trading_pair),
        "side": "",
        "size": "0",
        "avgPrice": "0",
        "positionValue": "",
        "tradeMode": 1,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "leverage": str(leverage),
        "positionBalance": "0",
        "markPrice": "",
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": "0",
        "positionIM": "0",
        "tpslMode": "Full",
        "unrealisedPnl": "0",
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "seq": -1,
        "createdTime": "0",
        "updatedTime": "0",
    }


def candle_row(candle: PaperCandle) -> list[str]:
    """A row of ``kline``."""
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume)
    return [str(milliseconds(candle.opened_at)), *map(wire, numbers)]


def fee_rates(fees: Fees) -> Row:
    """The rates of an account."""
    return {"takerFeeRate": wire(fees.taker), "makerFeeRate": wire(fees.maker)}


def _status(order: PaperOrder, category: str) -> str:
    if order.is_open:
        return "PartiallyFilled" if order.filled_amount else "New"
    if order.state is OrderState.FILLED:
        return "Filled"
    return "PartiallyFilledCanceled" if order.filled_amount and category == SPOT else "Cancelled"


def _reject_reason(order: PaperOrder) -> str:
    if order.reason is None or order.is_open:
        return "EC_NoError"
    if order.reason.startswith("EC_"):
        return order.reason
    return "EC_NoImmediateQtyToFill" if order.state is OrderState.EXPIRED else "EC_NoError"


def _time_in_force(order: PaperOrder) -> str:
    if order.order_type is OrderType.LIMIT_MAKER:
        return "PostOnly"
    return "IOC" if order.order_type is OrderType.MARKET else order.time_in_force.value


def _market_unit(order: PaperOrder) -> str:
    return "baseCoin" if order.quote_amount is None else "quoteCoin"


def _fees(fills: tuple[PaperFill, ...]) -> Row:
    return {
        fill.fee_currency: wire(total_fee(tuple(f for f in fills if f.fee_currency == fill.fee_currency)))
        for fill in fills
    }

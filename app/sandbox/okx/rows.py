"""Orders, fills, positions and bills as OKX's answers have them. Pure functions.

Sources: "Get order details", "Get transaction details", "Get positions" and "Get bills details" in OKX's documentation
"""

from __future__ import annotations

from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity, OrderState, OrderType, PositionMode, PositionSide, TimeInForce
from app.paper.candles import PaperCandle
from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.paper.perpetual.orders import PaperFunding, PerpetualFill, PerpetualOrder, PositionView
from app.sandbox.common.rows import average, rounded, total_fee, wire
from app.sandbox.okx.venue import SPOT, SWAP, WOULD_TAKE, OkxVenue
from app.sandbox.times import milliseconds

Row = dict[str, Any]

POSITION_SIDES = {PositionSide.BOTH: "net", PositionSide.LONG: "long", PositionSide.SHORT: "short"}

#: Sources of a cancel: the user, an IOC order's rest, and of a FOK order that found too little.
_BY_USER, _IOC_REST, _FOK_UNFILLED = "1", "14", "13"


def order_row(record: OrderRecord, venue: OkxVenue, leverage: int | None) -> Row:
    """An order of ``trade/order`` and of lists."""
    order, last = record.order, record.fills[-1] if record.fills else None
    is_market = order.order_type is OrderType.MARKET
    return {
        "instType": venue.kind,
        "instId": venue.symbol_of(order.trading_pair),
        "ccy": "",
        "ordId": venue.wire_id(order.exchange_order_id),
        "clOrdId": venue.client_id_of(order),
        "tag": "",
        "px": wire(order.price),
        "sz": wire(order.quote_amount) if order.quote_amount is not None else _units(order.amount, order, venue),
        "ordType": _order_type(order),
        "side": order.trade_type.value.lower(),
        "posSide": POSITION_SIDES[order.position_side] if isinstance(order, PerpetualOrder) else "net",
        "tdMode": "cash" if venue.kind == SPOT else "cross",
        "tgtCcy": "" if not is_market or venue.kind == SWAP else _target(order),
        "accFillSz": _units(order.filled_amount, order, venue) or "0",
        "avgPx": wire(average(order)),
        "fillPx": "" if last is None else wire(last.price),
        "fillSz": "0" if last is None else _units(last.amount, order, venue),
        "fillTime": "" if last is None else str(milliseconds(last.filled_at)),
        "tradeId": "" if last is None else venue.wire_id(last.fill_id),
        "fee": wire(-total_fee(record.fills)),
        "feeCcy": order.trading_pair.partition("-")[2] if last is None else last.fee_currency,
        "state": _state(order),
        "cancelSource": _cancel_source(order),
        "lever": "" if leverage is None else str(leverage),
        "reduceOnly": "true" if isinstance(order, PerpetualOrder) and order.reduce_only else "false",
        "category": "normal",
        "cTime": str(milliseconds(order.created_at)),
        "uTime": str(milliseconds(order.updated_at)),
    }


def fill_row(fill: PaperFill, order: PaperOrder, venue: OkxVenue) -> Row:
    """A row of ``trade/fills``; what was paid is a negative fee."""
    return {
        "instType": venue.kind,
        "instId": venue.symbol_of(fill.trading_pair),
        "tradeId": venue.wire_id(fill.fill_id),
        "billId": venue.wire_id(fill.fill_id),
        "ordId": venue.wire_id(fill.exchange_order_id),
        "clOrdId": venue.client_id_of(order),
        "tag": "",
        "side": fill.trade_type.value.lower(),
        "posSide": POSITION_SIDES[fill.position_side] if isinstance(fill, PerpetualFill) else "net",
        "fillPx": wire(fill.price),
        "fillSz": _units(fill.amount, order, venue),
        "fillPnl": wire(fill.realized_pnl) if isinstance(fill, PerpetualFill) else "0",
        "execType": "M" if fill.liquidity is Liquidity.MAKER else "T",
        "fee": wire(-fill.fee),
        "feeCcy": fill.fee_currency,
        "ts": str(milliseconds(fill.filled_at)),
        "fillTime": str(milliseconds(fill.filled_at)),
    }


def position_row(view: PositionView, mode: PositionMode, venue: OkxVenue) -> Row:
    """A position that is open: in net mode with a sign."""
    position = view.position
    size = venue.units(position.trading_pair, position.size)
    is_net = mode is PositionMode.ONEWAY
    return {
        "instType": SWAP,
        "instId": venue.symbol_of(position.trading_pair),
        "posId": f"{position.trading_pair}-{position.side.value}",
        "posSide": POSITION_SIDES[position.side],
        "pos": wire(size if position.is_long or not is_net else -size),
        "availPos": wire(size),
        "ccy": position.trading_pair.partition("-")[2],
        "mgnMode": "cross",
        "avgPx": wire(position.entry_price),
        "markPx": wire(view.mark_price),
        "last": wire(view.mark_price),
        "lever": str(view.leverage),
        "liqPx": wire(view.liquidation_price),
        "imr": wire(position.margin),
        "margin": "",
        "mmr": "",
        "notionalUsd": wire(EXACT.multiply(position.size, view.mark_price)),
        "upl": wire(view.unrealized_pnl),
        "uplRatio": wire(rounded(EXACT.divide(view.unrealized_pnl, position.margin)) if position.margin else ZERO),
        "realizedPnl": wire(position.realized_pnl),
        "cTime": str(milliseconds(position.updated_at)),
        "uTime": str(milliseconds(position.updated_at)),
    }


def funding_row(payment: PaperFunding, currency: str, venue: OkxVenue) -> Row:
    """A bill about a funding: what was paid is negative."""
    return {
        "billId": payment.funding_id,
        "instType": SWAP,
        "instId": venue.symbol_of(payment.trading_pair),
        "ccy": currency,
        "type": "8",
        "subType": "173" if payment.payment < 0 else "174",
        "balChg": wire(payment.payment),
        "posBalChg": "0",
        "pnl": wire(payment.payment),
        "fee": "0",
        "mgnMode": "cross",
        "sz": wire(abs(venue.units(payment.trading_pair, payment.amount))),
        "px": wire(payment.mark_price),
        "ordId": "",
        "ts": str(milliseconds(payment.paid_at)),
    }


def candle_row(candle: PaperCandle, trading_pair: str, venue: OkxVenue) -> list[str]:
    """A row of ``market/candles``: the volume in the instrument's units, then in base (swap) or quote, then in quote."""
    prices = (candle.open, candle.high, candle.low, candle.close)
    volume = candle.volume if venue.kind == SWAP else candle.quote_volume
    volumes = (venue.units(trading_pair, candle.volume), volume, candle.quote_volume)
    return [str(milliseconds(candle.opened_at)), *map(wire, prices), *map(wire, volumes), "1"]


def _units(amount: Any, order: PaperOrder, venue: OkxVenue) -> str:
    return "" if amount is None else wire(venue.units(order.trading_pair, amount))


def _order_type(order: PaperOrder) -> str:
    if order.order_type is OrderType.LIMIT_MAKER:
        return "post_only"
    if order.order_type is OrderType.MARKET:
        return "market"
    return {TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}.get(order.time_in_force, "limit")


def _target(order: PaperOrder) -> str:
    return "base_ccy" if order.quote_amount is None else "quote_ccy"


def _state(order: PaperOrder) -> str:
    if order.is_open:
        return "partially_filled" if order.filled_amount else "live"
    return "filled" if order.state is OrderState.FILLED else "canceled"


def _cancel_source(order: PaperOrder) -> str:
    if order.is_open or order.state is OrderState.FILLED:
        return ""
    if order.reason == WOULD_TAKE:
        return WOULD_TAKE
    if order.state is OrderState.CANCELED:
        return _BY_USER
    return _FOK_UNFILLED if order.time_in_force is TimeInForce.FOK else _IOC_REST

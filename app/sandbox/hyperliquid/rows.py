"""Orders, fills and positions as Hyperliquid's answers have them. Pure functions.

Source: "Info endpoint" and "Perpetuals" in Hyperliquid's documentation
"""

from __future__ import annotations

from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.paper.perpetual.orders import PaperFunding, PerpetualFill, PerpetualOrder, PositionView
from app.sandbox.common.rows import average, rounded, wire
from app.sandbox.hyperliquid.venue import WOULD_TAKE, HyperliquidVenue, coin_of, is_unmatched
from app.sandbox.times import milliseconds

Row = dict[str, Any]

#: What a funding has in the place of a transaction.
_NO_HASH = "0x" + "0" * 64


def order_row(record: OrderRecord, venue: HyperliquidVenue) -> Row:
    """An order, open or done."""
    order = record.order
    left = EXACT.subtract(order.amount or ZERO, order.filled_amount)
    return {
        "coin": coin_of(order.trading_pair),
        "side": side_of(order.trade_type),
        "limitPx": wire(order.price),
        "sz": wire(left),
        "origSz": wire(order.amount),
        "oid": int(venue.wire_id(order.exchange_order_id)),
        "cloid": venue.client_id_of(order) or None,
        "timestamp": milliseconds(order.created_at),
        "orderType": "Limit",
        "tif": _tif(order),
        "reduceOnly": isinstance(order, PerpetualOrder) and order.reduce_only,
        "isTrigger": False,
        "triggerPx": "0.0",
        "triggerCondition": "N/A",
        "isPositionTpsl": False,
        "children": [],
    }


def status_row(record: OrderRecord, venue: HyperliquidVenue) -> Row:
    """An order with its status."""
    at = milliseconds(record.order.updated_at)
    return {"order": order_row(record, venue), "status": status_of(record.order), "statusTimestamp": at}


def placed_row(record: OrderRecord, venue: HyperliquidVenue) -> Row:
    """What became of an order at once."""
    order = record.order
    names: Row = {"oid": int(venue.wire_id(order.exchange_order_id))}
    if venue.client_id_of(order):
        names["cloid"] = venue.client_id_of(order)
    if not order.filled_amount or order.is_open:
        return {"resting": names}
    return {"filled": {"totalSz": wire(order.filled_amount), "avgPx": wire(average(order)), **names}}


def fill_row(fill: PaperFill, order: PaperOrder, venue: HyperliquidVenue) -> Row:
    """A fill. Its fee is positive."""
    return {
        "coin": coin_of(fill.trading_pair),
        "px": wire(fill.price),
        "sz": wire(fill.amount),
        "side": side_of(fill.trade_type),
        "time": milliseconds(fill.filled_at),
        "startPosition": "0.0",
        "dir": "Open Long" if fill.trade_type is TradeType.BUY else "Open Short",
        "closedPnl": wire(fill.realized_pnl) if isinstance(fill, PerpetualFill) else "0.0",
        "hash": _NO_HASH,
        "oid": int(venue.wire_id(fill.exchange_order_id)),
        "cloid": venue.client_id_of(order) or None,
        "crossed": fill.liquidity is Liquidity.TAKER,
        "fee": wire(fill.fee),
        "feeToken": "USDC",
        "tid": int(venue.wire_id(fill.fill_id)),
    }


def position_row(view: PositionView) -> Row:
    """A position that is open: with a sign."""
    position = view.position
    margin = position.margin
    return {
        "type": "oneWay",
        "position": {
            "coin": coin_of(position.trading_pair),
            "szi": wire(position.size if position.is_long else -position.size),
            "leverage": {"type": "cross", "value": view.leverage},
            "entryPx": wire(position.entry_price),
            "positionValue": wire(EXACT.multiply(position.size, view.mark_price)),
            "unrealizedPnl": wire(view.unrealized_pnl),
            "returnOnEquity": wire(rounded(EXACT.divide(view.unrealized_pnl, margin)) if margin else ZERO),
            "liquidationPx": wire(view.liquidation_price) or None,
            "marginUsed": wire(margin),
            "maxLeverage": 50,
            "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
        },
    }


def funding_row(payment: PaperFunding) -> Row:
    """A payment of funding, whose hash is the same for all."""
    return {
        "time": milliseconds(payment.paid_at),
        "hash": _NO_HASH,
        "delta": {
            "type": "funding",
            "coin": coin_of(payment.trading_pair),
            "usdc": wire(payment.payment),
            "szi": wire(payment.amount),
            "fundingRate": wire(payment.rate),
            "nSamples": None,
        },
    }


def side_of(trade_type: TradeType) -> str:
    return "B" if trade_type is TradeType.BUY else "A"


def status_of(order: PaperOrder) -> str:
    """An order's state."""
    if order.is_open:
        return "open"
    if order.state is OrderState.FILLED:
        return "filled"
    if order.reason == WOULD_TAKE:
        return WOULD_TAKE
    return "iocCancelRejected" if is_unmatched(order) else "canceled"


def _tif(order: PaperOrder) -> str:
    if order.order_type is OrderType.LIMIT_MAKER:
        return "Alo"
    return "Ioc" if order.time_in_force is TimeInForce.IOC else "Gtc"

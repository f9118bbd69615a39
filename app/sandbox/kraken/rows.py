"""Orders and trades as Kraken's answers have them: by their ids, numbers as texts, times in seconds. Pure functions.

Sources: "Get Open Orders", "Get Closed Orders" and "Get Trades History" in Kraken's documentation
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce
from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.sandbox.common.rows import average, wire
from app.sandbox.kraken.venue import WOULD_TAKE, KrakenVenue, altname_of, fee_in_quote, userref_of
from app.sandbox.times import milliseconds

Row = dict[str, Any]


def order_row(record: OrderRecord, venue: KrakenVenue, *, with_trades: bool) -> Row:
    """An order of a list."""
    order, name = record.order, venue.client_id_of(record.order)
    fee = ZERO
    for fill in record.fills:
        fee = EXACT.add(fee, fee_in_quote(fill))
    row: Row = {
        "refid": None,
        "userref": userref_of(order),
        "status": _status(order),
        "opentm": seconds(order.created_at),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": altname_of(order.trading_pair),
            "type": order.trade_type.value.lower(),
            "ordertype": "market" if order.order_type is OrderType.MARKET else "limit",
            "price": wire(order.price) or "0",
            "price2": "0",
            "leverage": "none",
            "order": described(order),
            "close": "",
        },
        "vol": wire(_volume(order)),
        "vol_exec": wire(order.filled_amount),
        "cost": wire(order.filled_quote),
        "fee": wire(fee),
        "price": wire(average(order)) or "0",
        "stopprice": "0",
        "limitprice": "0",
        "misc": "",
        "oflags": _flags(order),
    }
    if name:
        row["cl_ord_id"] = name
    if not order.is_open:
        row |= {"closetm": seconds(order.updated_at), "reason": _reason(order)}
    return row | ({"trades": [venue.trade_id(fill.fill_id) for fill in record.fills]} if with_trades else {})


def trade_row(fill: PaperFill, order: PaperOrder, venue: KrakenVenue) -> Row:
    """A trade of the account. Its fee is in the quote currency."""
    return {
        "ordertxid": venue.wire_id(fill.exchange_order_id),
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": altname_of(fill.trading_pair),
        "time": seconds(fill.filled_at),
        "type": fill.trade_type.value.lower(),
        "ordertype": "market" if order.order_type is OrderType.MARKET else "limit",
        "price": wire(fill.price),
        "cost": wire(EXACT.multiply(fill.price, fill.amount)),
        "fee": wire(fee_in_quote(fill)),
        "vol": wire(fill.amount),
        "margin": "0",
        "leverage": "0",
        "misc": "",
        "trade_id": fill.fill_id,
        "maker": fill.liquidity is Liquidity.MAKER,
    }


def described(order: PaperOrder) -> str:
    """An order in a sentence."""
    how = "market" if order.order_type is OrderType.MARKET else f"limit {wire(order.price)}"
    return f"{order.trade_type.value.lower()} {wire(_volume(order))} {altname_of(order.trading_pair)} @ {how}"


def seconds(at: datetime) -> float:
    """A time as Kraken writes it."""
    return milliseconds(at) / 1_000


def _volume(order: PaperOrder) -> Any:
    return order.amount if order.quote_amount is None else order.quote_amount


def _status(order: PaperOrder) -> str:
    if order.is_open:
        return "open"
    return "closed" if order.state is OrderState.FILLED else "canceled"


def _reason(order: PaperOrder) -> str | None:
    if order.state is OrderState.FILLED:
        return None
    if order.reason == WOULD_TAKE:
        return WOULD_TAKE
    return "User requested" if order.state is OrderState.CANCELED else "Immediate or cancel order"


def _flags(order: PaperOrder) -> str:
    """What an order receives pays its fee here."""
    flags = ["fcib" if order.is_buy else "fciq"]
    if order.order_type is OrderType.LIMIT_MAKER:
        flags.append("post")
    if order.quote_amount is not None:
        flags.append("viqc")
    return ",".join(flags)


#: The times in force that Kraken has for limit orders.
TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC}

"""The exchange endpoint: orders, cancels and the leverage, as signed actions. A market order is one at a limit that is immediate.

Each order of an action is answered by itself. Source: "Exchange endpoint" in Hyperliquid's documentation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.decimals import EXACT
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.paper.orders import OrderRecord
from app.paper.perpetual.orders import NewPerpetualOrder
from app.paper.refusals import PaperRefusal
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.venue import unnamed
from app.sandbox.hyperliquid.failures import GONE, MINIMUM, SIZE, TICK, UNMATCHED, invalid, sentence_of
from app.sandbox.hyperliquid.rows import Row, placed_row
from app.sandbox.hyperliquid.venue import WOULD_TAKE, HyperliquidVenue, is_price, is_unmatched

_TYPES = {
    "Gtc": (OrderType.LIMIT, TimeInForce.GTC),
    "Ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "FrontendMarket": (OrderType.LIMIT, TimeInForce.IOC),
    "Alo": (OrderType.LIMIT_MAKER, TimeInForce.GTC),
}

_MINIMUM = Decimal(10)
_CLOID = re.compile(r"0x[0-9a-f]{32}")


class Actions:
    """The endpoint that changes orders."""

    def __init__(self, venue: HyperliquidVenue) -> None:
        self._venue = venue

    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint(method="POST", path="/exchange", answer=self.act, route=_route),)

    async def act(self, call: Call) -> Row:
        action: Mapping[str, Any] = call.values["action"]
        handlers: Mapping[str, Callable[[Call, Mapping[str, Any]], Any]] = {
            "order": self._order,
            "cancel": self._cancel,
            "cancelByCloid": self._cancel,
            "updateLeverage": self._leverage,
        }
        kind = action.get("type")
        if kind not in handlers:
            raise invalid(f"the action {kind} is not served here")
        answer = await self._venue.run(handlers[str(kind)], call, action)
        return {"status": "ok", "response": answer}

    def _order(self, call: Call, action: Mapping[str, Any]) -> Row:
        if action.get("grouping") != "na" or action.get("builder") is not None:
            raise invalid("groupings and builders are not served here")
        return _answered("order", [self._place(call, each) for each in _rows(action, "orders")])

    def _place(self, call: Call, order: Mapping[str, Any]) -> Row:
        venue = self._venue
        pair = venue.asset(order.get("a"))

        def refused(text: str) -> Row:
            return {"error": f"{text} asset={order['a']}"}

        price, size = _number(order, "p"), _number(order, "s")
        tif = (order.get("t") or {}).get("limit", {}).get("tif")
        if tif not in _TYPES:
            raise invalid("only limit orders are served here")
        name = order.get("c")
        if name is not None and _CLOID.fullmatch(str(name)) is None:
            raise invalid("cloid")
        if not is_price(price, pair):
            return refused(TICK)
        if size % pair.step:
            return refused(SIZE)
        if EXACT.multiply(price, size) < _MINIMUM and order.get("r") is not True:
            return refused(MINIMUM)
        kind, time_in_force = _TYPES[tif]
        new = NewPerpetualOrder(
            account=call.account,
            client_order_id=name or unnamed(),
            trading_pair=pair.trading_pair,
            trade_type=TradeType.BUY if order.get("b") is True else TradeType.SELL,
            order_type=kind,
            amount=size,
            price=price,
            time_in_force=time_in_force,
            reduce_only=order.get("r") is True,
        )
        try:
            placed = venue.place(new)
        except PaperRefusal as refusal:
            return refused(sentence_of(refusal))
        if placed.reason == WOULD_TAKE:
            book = venue.exchange.book(pair.trading_pair, 1)
            return refused(
                f"Post only order would have immediately matched, bbo was {book.bids[0].price}@{book.asks[0].price}."
            )
        if is_unmatched(placed):
            return refused(UNMATCHED)
        return placed_row(OrderRecord(order=placed, fills=()), venue)

    def _cancel(self, call: Call, action: Mapping[str, Any]) -> Row:
        return _answered("cancel", [self._cancel_one(call, each) for each in _rows(action, "cancels")])

    def _cancel_one(self, call: Call, cancel: Mapping[str, Any]) -> Row | str:
        venue = self._venue
        number = cancel.get("a", cancel.get("asset"))
        pair = venue.asset(number)
        if "cloid" in cancel:
            found = venue.named(call.account, str(cancel["cloid"]))
        else:
            found = venue.numbered(call.account, str(cancel.get("o")))
        if found is None or not found.order.is_open or found.order.trading_pair != pair.trading_pair:
            return {"error": f"{GONE} asset={number}"}
        venue.exchange.cancel(call.account, exchange_order_id=found.order.exchange_order_id)
        return "success"

    def _leverage(self, call: Call, action: Mapping[str, Any]) -> Row:
        leverage = action.get("leverage")
        if action.get("isCross") is not True or not isinstance(leverage, int):
            raise invalid("only cross margin is served here")
        self._venue.perpetual.set_leverage(call.account, self._venue.asset(action.get("asset")).trading_pair, leverage)
        return {"type": "default"}


def _route(values: Mapping[str, Any]) -> str:
    kind = values["action"].get("type") if isinstance(values.get("action"), dict) else None
    return {"order": "place", "cancel": "cancel", "cancelByCloid": "cancel"}.get(str(kind), "account")


def _answered(kind: str, statuses: list[Any]) -> Row:
    return {"type": kind, "data": {"statuses": statuses}}


def _rows(action: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = action.get(name)
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        raise invalid(name)
    return rows


def _number(order: Mapping[str, Any], name: str) -> Decimal:
    """A positive number, as text without zeros at its end."""
    try:
        number = Decimal(order[name]) if isinstance(order.get(name), str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number <= 0:
        raise invalid(name)
    return number

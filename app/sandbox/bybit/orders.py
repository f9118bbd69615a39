"""Order entry: create and cancel. Both acknowledge with the order's ids and no more.

Source: "Place Order" and "Cancel Order" in Bybit's documentation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.enums import OrderType, PositionSide, TimeInForce, TradeType
from app.paper.orders import NewOrder, OrderRecord, PaperOrder
from app.paper.perpetual.orders import NewPerpetualOrder
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, SPOT, invalid, no_such_order
from app.sandbox.bybit.venue import BybitVenue
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.errors import ApiError
from app.sandbox.common.venue import unnamed

_SIDES = {"Buy": TradeType.BUY, "Sell": TradeType.SELL}
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "PostOnly": TimeInForce.GTC}

#: The longest client id.
_LONGEST_ID = 36

#: Parameters of orders that are not served here.
_UNSERVED = ("triggerPrice", "takeProfit", "stopLoss", "orderIv", "slippageTolerance")


class Orders:
    """The endpoints that change orders."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(method="POST", path="/v5/order/create", answer=self.create, route="place"),
            Endpoint(method="POST", path="/v5/order/cancel", answer=self.cancel, route="cancel"),
        )

    async def create(self, call: Call) -> dict[str, str]:
        venue = self._categories.of(call)
        return _acknowledged(await venue.run(venue.place, _new_order(call, venue)), venue)

    async def cancel(self, call: Call) -> dict[str, str]:
        venue = self._categories.of(call)
        pair = venue.pair(call.required("symbol"))

        def cancel() -> PaperOrder:
            record = find(call, venue)
            if record is None or record.order.trading_pair != pair.trading_pair or not record.order.is_open:
                raise no_such_order(venue.category)
            return venue.exchange.cancel(call.account, exchange_order_id=record.order.exchange_order_id).order

        return _acknowledged(await venue.run(cancel), venue)


def find(call: Call, venue: BybitVenue) -> OrderRecord | None:
    """The order that the parameters name. The exchange's id comes first. Used on the exchange's thread."""
    order_id, link_id = call.text("orderId"), call.text("orderLinkId")
    if order_id is not None:
        return venue.numbered(call.account, order_id)
    if link_id is not None:
        return venue.named(call.account, link_id)
    raise invalid("orderId or orderLinkId is required")


def _acknowledged(order: PaperOrder, venue: BybitVenue) -> dict[str, str]:
    return {"orderId": venue.wire_id(order.exchange_order_id), "orderLinkId": venue.client_id_of(order)}


def _new_order(call: Call, venue: BybitVenue) -> NewOrder:
    pair = venue.pair(call.required("symbol"))
    for name in _UNSERVED:
        if call.text(name) is not None:
            raise invalid(f"{name} is not served here")
    if call.text("orderFilter") not in (None, "Order"):
        raise invalid("only orders without a condition are served here")
    side, kind = call.one_of("side", *_SIDES), call.one_of("orderType", "Limit", "Market")
    amount = call.required_number("qty")
    link_id = call.text("orderLinkId") or ""
    if len(link_id) > _LONGEST_ID:
        raise invalid("orderLinkId is too long")
    time_in_force = call.text("timeInForce") or "GTC"
    if time_in_force not in _TIMES:
        raise ApiError(170115, "Invalid timeInForce.") if venue.category == SPOT else invalid("timeInForce invalid")
    terms: dict[str, Any] = {
        "account": call.account,
        "client_order_id": link_id or unnamed(),
        "trading_pair": pair.trading_pair,
        "trade_type": _SIDES[side],
    }
    if kind == "Market":
        terms["order_type"] = OrderType.MARKET
        terms["quote_amount" if _is_in_quote(call, venue) else "amount"] = amount
    else:
        is_maker = time_in_force == "PostOnly"
        terms |= {"order_type": OrderType.LIMIT_MAKER if is_maker else OrderType.LIMIT, "amount": amount}
        terms |= {"price": call.required_number("price"), "time_in_force": _TIMES[time_in_force]}
    if venue.category == LINEAR:
        if call.text("positionIdx") not in (None, "0"):
            raise invalid("position idx not match position mode")
        return NewPerpetualOrder(**terms, position_side=PositionSide.BOTH, reduce_only=call.flag("reduceOnly"))
    return NewOrder(**terms)


def _is_in_quote(call: Call, venue: BybitVenue) -> bool:
    """A MARKET order to buy on spot is measured in the quote currency, unless ``marketUnit`` says otherwise."""
    if venue.category != SPOT:
        return False
    unit = call.text("marketUnit") or ("quoteCoin" if call.required("side") == "Buy" else "baseCoin")
    if unit not in ("baseCoin", "quoteCoin"):
        raise invalid("marketUnit invalid")
    return unit == "quoteCoin"

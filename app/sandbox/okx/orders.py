"""Order entry: place, amend and cancel, one by one or up to twenty at once. All acknowledge with the order's ids and no more.

Source: "Trade", "POST / Place order", "POST / Place multiple orders", "POST / Cancel order" and "POST / Amend order" in OKX's
documentation
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT
from app.domain.enums import OrderType, PositionMode, PositionSide, TimeInForce, TradeType
from app.paper.orders import NewOrder, OrderRecord, PaperOrder
from app.paper.perpetual.orders import NewPerpetualOrder
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.errors import ApiError
from app.sandbox.common.venue import unnamed
from app.sandbox.okx.failures import NOT_AMENDABLE, NOT_CANCELABLE, enveloped, error_of, invalid
from app.sandbox.okx.gate import ORDERS
from app.sandbox.okx.instruments import Instruments
from app.sandbox.okx.venue import SPOT, OkxVenue

_TYPES = {
    "market": (OrderType.MARKET, TimeInForce.GTC),
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "post_only": (OrderType.LIMIT_MAKER, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "fok": (OrderType.LIMIT, TimeInForce.FOK),
}
_SIDES = {"buy": TradeType.BUY, "sell": TradeType.SELL}
_POSITION_SIDES = {"long": PositionSide.LONG, "short": PositionSide.SHORT}

_LONGEST_ID = 32
_MOST_AT_ONCE = 20

#: Parameters of orders that are not served here.
_UNSERVED = ("attachAlgoOrds", "tpTriggerPx", "slTriggerPx", "pxUsd", "pxVol", "quickMgnType")

#: What one order of a request is asked: it answers with the order, or raises.
Single = Callable[[Call], Awaitable[tuple[PaperOrder, OkxVenue]]]


class Orders:
    """The endpoints that change orders."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def endpoints(self) -> Sequence[Endpoint]:
        def change(path: str, single: Single, route: str) -> Endpoint:
            return Endpoint(method="POST", path=f"/api/v5/trade/{path}", answer=_each(single), route=route)

        return (
            change("order", self.place, "place"),
            change("batch-orders", self.place, "place"),
            change("cancel-order", self.cancel, "cancel"),
            change("cancel-batch-orders", self.cancel, "cancel"),
            change("amend-order", self.amend, "amend"),
            change("amend-batch-orders", self.amend, "amend"),
        )

    async def place(self, call: Call) -> tuple[PaperOrder, OkxVenue]:
        venue = self._instruments.of(call)
        return await venue.run(lambda: venue.place(_new_order(call, venue))), venue

    async def cancel(self, call: Call) -> tuple[PaperOrder, OkxVenue]:
        venue = self._instruments.of(call)

        def cancel() -> PaperOrder:
            order = _open(call, venue, NOT_CANCELABLE)
            return venue.exchange.cancel(call.account, exchange_order_id=order.exchange_order_id).order

        return await venue.run(cancel), venue

    async def amend(self, call: Call) -> tuple[PaperOrder, OkxVenue]:
        venue = self._instruments.of(call)
        size, price = call.number("newSz"), call.number("newPx")
        if size is None and price is None:
            raise invalid("newSz or newPx")

        def amend() -> PaperOrder:
            order = _open(call, venue, NOT_AMENDABLE)
            amount = order.amount if size is None else _base(size, call, venue)
            assert amount is not None, "an order by quote amount never rests"
            number = order.exchange_order_id
            try:
                return venue.exchange.amend(call.account, exchange_order_id=number, amount=amount, price=price).order
            except PaperRefusal as refusal:
                if refusal.code is RefusalCode.UNKNOWN_ORDER:
                    raise NOT_AMENDABLE from refusal
                raise

        return await venue.run(amend), venue


def find(call: Call, venue: OkxVenue) -> OrderRecord | None:
    """The order on the instrument that the parameters name. The exchange's id comes first. Used on the exchange's thread."""
    number, name = call.text("ordId"), call.text("clOrdId")
    if number is None and name is None:
        raise ApiError("51003", "Either client order ID or order ID is required.")
    found = venue.numbered(call.account, number) if number is not None else venue.named(call.account, str(name))
    if found is None or venue.symbol_of(found.order.trading_pair) != call.required("instId"):
        return None
    return found


def _open(call: Call, venue: OkxVenue, otherwise: ApiError) -> PaperOrder:
    found = find(call, venue)
    if found is None or not found.order.is_open:
        raise otherwise
    return found.order


def _each(single: Single) -> Callable[[Call], Awaitable[dict[str, Any]]]:
    """The answer to a request of one order, or of several, each of which is refused by itself."""

    async def row(call: Call) -> dict[str, str]:
        try:
            order, venue = await single(call)
        except (ApiError, PaperRefusal) as refusal:
            error = refusal if isinstance(refusal, ApiError) else error_of(refusal)
            return _row("", call.text("clOrdId") or "", str(error.code), error.message)
        return _row(venue.wire_id(order.exchange_order_id), venue.client_id_of(order), "0", "")

    async def answer(call: Call) -> dict[str, Any]:
        asked = call.values.get(ORDERS, [call.values])
        if not 1 <= len(asked) <= _MOST_AT_ONCE:
            raise ApiError("51111", f"Maximum {_MOST_AT_ONCE} orders can be placed in bulk.")
        rows = [await row(call.with_values(values)) for values in asked]
        failed = sum(each["sCode"] != "0" for each in rows)
        if not failed:
            return enveloped(rows)
        if failed < len(rows):
            return enveloped(rows, code="2", message="Bulk operation partially succeeded.")
        return enveloped(rows, code="1", message="All operations failed")

    return answer


def _row(number: str, name: str, code: str, text: str) -> dict[str, str]:
    return {"clOrdId": name, "ordId": number, "tag": "", "reqId": "", "sCode": code, "sMsg": text}


def _new_order(call: Call, venue: OkxVenue) -> NewOrder:
    """Used on the exchange's thread."""
    for name in _UNSERVED:
        if call.values.get(name):
            raise invalid(f"{name} (it is not served here)")
    kind, time_in_force = _TYPES[call.one_of("ordType", *_TYPES)]
    side, name = call.one_of("side", *_SIDES), call.text("clOrdId") or ""
    if name and (len(name) > _LONGEST_ID or not name.isascii() or not name.isalnum()):
        raise invalid("clOrdId")
    # Margin of its own for a position, or spot on margin, are not served here.
    call.one_of("tdMode", "cash" if venue.kind == SPOT else "cross")
    terms: dict[str, Any] = {
        "account": call.account,
        "client_order_id": name or unnamed(),
        "trading_pair": venue.pair(call.required("instId")).trading_pair,
        "trade_type": _SIDES[side],
        "order_type": kind,
    }
    size = call.required_number("sz")
    if kind is OrderType.MARKET:
        terms["quote_amount" if _is_in_quote(call, venue) else "amount"] = (
            size if _is_in_quote(call, venue) else _base(size, call, venue)
        )
    else:
        terms |= {"amount": _base(size, call, venue), "price": call.required_number("px")}
        terms["time_in_force"] = time_in_force
    if venue.kind == SPOT:
        return NewOrder(**terms)
    return NewPerpetualOrder(**terms, **_position_terms(call, venue))


def _position_terms(call: Call, venue: OkxVenue) -> dict[str, Any]:
    """In long/short mode an order names its position, and which way it goes says whether it closes."""
    asked = call.text("posSide")
    if venue.perpetual.position_mode(call.account) is PositionMode.ONEWAY:
        if asked not in (None, "net"):
            raise invalid("posSide")
        return {"position_side": PositionSide.BOTH, "reduce_only": call.flag("reduceOnly")}
    if asked not in _POSITION_SIDES:
        raise invalid("posSide")
    return {"position_side": _POSITION_SIDES[asked]}


def _is_in_quote(call: Call, venue: OkxVenue) -> bool:
    """A market order to buy on spot is measured in the quote currency, unless ``tgtCcy`` says otherwise."""
    if venue.kind != SPOT:
        return False
    unit = call.text("tgtCcy") or ("quote_ccy" if call.required("side") == "buy" else "base_ccy")
    if unit not in ("base_ccy", "quote_ccy"):
        raise invalid("tgtCcy")
    return unit == "quote_ccy"


def _base(size: Decimal, call: Call, venue: OkxVenue) -> Decimal:
    """A size in base units."""
    return EXACT.multiply(size, venue.contract(venue.pair(call.required("instId"))))

"""Order entry: AddOrder, AmendOrder, CancelOrder, CancelAll and CancelAllOrdersAfter. They say no more about an order than its id.

Sources: "Add Order", "Amend Order", "Cancel Order", "Cancel All Orders" and "Cancel All Orders After X" in Kraken's documentation
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.domain.enums import OrderType, TradeType
from app.paper.orders import NewOrder, OrderRecord, PaperOrder
from app.sandbox.common.calls import Call, Endpoint, Handler
from app.sandbox.common.venue import unnamed
from app.sandbox.countdowns import Countdowns
from app.sandbox.kraken import rows
from app.sandbox.kraken.failures import UNKNOWN_ORDER, invalid
from app.sandbox.kraken.rows import Row
from app.sandbox.kraken.venue import KrakenVenue, numbered_name, userref_of

_SIDES = {"buy": TradeType.BUY, "sell": TradeType.SELL}

#: A UUID, with or without dashes, or up to eighteen characters.
_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[\x21-\x7e]{1,18}")
_MOST_USERREF = (1 << 31) - 1
#: A countdown is shorter.
_MOST_SECONDS = 86_400

#: Parameters of orders that are not served here.
_UNSERVED = ("leverage", "price2", "trigger", "stptype", "starttm", "expiretm", "displayvol", "close[ordertype]")


class Orders:
    """The endpoints that change orders."""

    def __init__(self, venue: KrakenVenue, countdowns: Countdowns) -> None:
        self._venue = venue
        self._countdowns = countdowns

    def endpoints(self) -> Sequence[Endpoint]:
        def change(name: str, answer: Handler, route: str) -> Endpoint:
            return Endpoint(method="POST", path=f"/0/private/{name}", answer=answer, route=route)

        return (
            change("AddOrder", self.add, "place"),
            change("AmendOrder", self.amend, "amend"),
            change("CancelOrder", self.cancel, "cancel"),
            change("CancelAll", self.cancel_all, "cancel"),
            change("CancelAllOrdersAfter", self.cancel_all_after, "account"),
        )

    async def add(self, call: Call) -> Row:
        venue = self._venue
        order = await venue.run(venue.place, _new_order(call, venue))
        return {"descr": {"order": rows.described(order)}, "txid": [venue.wire_id(order.exchange_order_id)]}

    async def amend(self, call: Call) -> Row:
        venue = self._venue
        amount, price = call.number("order_qty"), call.number("limit_price")

        def amend() -> PaperOrder:
            record = self._named(call)
            if record is None or not record.order.is_open:
                raise UNKNOWN_ORDER
            order = record.order
            assert order.amount is not None, "an order by quote amount never rests"
            number = order.exchange_order_id
            wanted = order.amount if amount is None else amount
            return venue.exchange.amend(call.account, exchange_order_id=number, amount=wanted, price=price).order

        return {"amend_id": venue.trade_id((await venue.run(amend)).exchange_order_id)}

    async def cancel(self, call: Call) -> Row:
        """The order of an id or a client id, or all with a client's number."""
        venue, asked = self._venue, call.text("txid")

        def cancel() -> int:
            if asked is not None and asked.isascii() and asked.isdecimal():
                found = [
                    each for each in venue.exchange.open_orders(call.account) if userref_of(each.order) == int(asked)
                ]
            else:
                record = self._named(call)
                found = [] if record is None or not record.order.is_open else [record]
            if not found:
                raise UNKNOWN_ORDER
            return _cancel(found, call, venue)

        return {"count": await venue.run(cancel)}

    async def cancel_all(self, call: Call) -> Row:
        venue = self._venue
        return {"count": await venue.run(lambda: _cancel(venue.exchange.open_orders(call.account), call, venue))}

    async def cancel_all_after(self, call: Call) -> Row:
        seconds = call.whole("timeout")
        if seconds is None or not 0 <= seconds < _MOST_SECONDS:
            raise invalid("timeout")
        self._countdowns.set(call.account, milliseconds=seconds * 1_000)
        now = self._venue.clock.now()
        ends = "0" if not seconds else f"{now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        return {"currentTime": f"{now:%Y-%m-%dT%H:%M:%SZ}", "triggerTime": ends}

    def _named(self, call: Call) -> OrderRecord | None:
        """Used on the exchange's thread."""
        number, name = call.text("txid"), call.text("cl_ord_id")
        if number is not None:
            return self._venue.numbered(call.account, number)
        if name is not None:
            return self._venue.named(call.account, name)
        raise invalid("txid")


def _cancel(found: Sequence[OrderRecord], call: Call, venue: KrakenVenue) -> int:
    for each in found:
        venue.exchange.cancel(call.account, exchange_order_id=each.order.exchange_order_id)
    return len(found)


def _new_order(call: Call, venue: KrakenVenue) -> NewOrder:
    for name in _UNSERVED:
        if call.text(name) is not None:
            raise invalid(name)
    kind, side = call.one_of("ordertype", "limit", "market"), call.one_of("type", *_SIDES)
    flags = set(filter(None, (call.text("oflags") or "").split(",")))
    if flags - {"post", "fcib", "fciq", "viqc"}:
        raise invalid("oflags")
    volume = call.required_number("volume")
    terms: dict[str, Any] = {
        "account": call.account,
        "client_order_id": _name(call),
        "trading_pair": venue.pair(call.required("pair")).trading_pair,
        "trade_type": _SIDES[side],
    }
    if kind == "market":
        terms |= {"order_type": OrderType.MARKET, "quote_amount" if "viqc" in flags else "amount": volume}
        return NewOrder(**terms)
    time_in_force = call.text("timeinforce") or "GTC"
    if time_in_force not in rows.TIMES or "viqc" in flags:
        raise invalid("timeinforce" if time_in_force not in rows.TIMES else "oflags")
    return NewOrder(
        **terms,
        order_type=OrderType.LIMIT_MAKER if "post" in flags else OrderType.LIMIT,
        amount=volume,
        price=call.required_number("price"),
        time_in_force=rows.TIMES[time_in_force],
    )


def _name(call: Call) -> str:
    """The name of an order: the client's, or one with its number, or none."""
    name, number = call.text("cl_ord_id"), call.whole("userref")
    if name is not None and number is not None:
        raise invalid("cl_ord_id")
    if number is not None:
        if number > _MOST_USERREF:
            raise invalid("userref")
        return numbered_name(number)
    if name is not None and _CLIENT_ID.fullmatch(name) is None:
        raise invalid("cl_ord_id")
    return name or unnamed()

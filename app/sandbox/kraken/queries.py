"""Questions about orders and trades. An order is asked about by its id (QueryOrders), or found in the lists of open and done ones.

A list of done orders or trades holds fifty, newest first, and goes on at an offset. Sources: "Get Open Orders", "Get Closed
Orders", "Query Orders Info", "Get Trades History" and "Query Trades Info" in Kraken's documentation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.paper.orders import OrderRecord
from app.sandbox.common.calls import Call, Endpoint, Handler
from app.sandbox.kraken import rows
from app.sandbox.kraken.failures import UNKNOWN_ORDER, invalid
from app.sandbox.kraken.rows import Row
from app.sandbox.kraken.venue import KrakenVenue, userref_of
from app.sandbox.times import milliseconds

_PAGE = 50
_MOST_AT_ONCE = 50


class Queries:
    """The endpoints that read orders and trades."""

    def __init__(self, venue: KrakenVenue) -> None:
        self._venue = venue

    def endpoints(self) -> Sequence[Endpoint]:
        def question(name: str, answer: Handler, route: str | Callable[[Mapping[str, Any]], str]) -> Endpoint:
            return Endpoint(method="POST", path=f"/0/private/{name}", answer=answer, route=route)

        return (
            question("OpenOrders", self.open, _by_name_or("open")),
            question("ClosedOrders", self.closed, _by_name_or("orders")),
            question("QueryOrders", self.orders, "query"),
            question("TradesHistory", self.history, "trades"),
            question("QueryTrades", self.trades, "trades"),
        )

    async def open(self, call: Call) -> Row:
        venue = self._venue

        def read() -> Row:
            return self._shown(call, _asked(call, venue.exchange.open_orders(call.account), venue))

        return {"open": await venue.run(read)}

    async def closed(self, call: Call) -> Row:
        venue, offset = self._venue, call.whole("ofs") or 0
        start, end = _time(call, "start"), _time(call, "end")

        def read() -> Row:
            done = [each for each in venue.records(call.account) if not each.order.is_open]
            newest = sorted(_asked(call, done, venue), key=_closed_at, reverse=True)
            found = [
                each
                for each in newest
                if _is_within(_closed_at(each), start, end) or _is_within(_opened_at(each), start, end)
            ]
            return {"closed": self._shown(call, found[offset : offset + _PAGE]), "count": len(found)}

        return await venue.run(read)

    async def orders(self, call: Call) -> Row:
        venue = self._venue
        identities = call.required("txid").split(",")
        if len(identities) > _MOST_AT_ONCE:
            raise invalid("txid")

        def read() -> Row:
            found = [venue.numbered(call.account, each) for each in identities]
            records = [each for each in found if each is not None and not venue.is_forgotten(each.order)]
            if len(records) < len(identities):
                raise UNKNOWN_ORDER
            return self._shown(call, records)

        return await venue.run(read)

    async def history(self, call: Call) -> Row:
        venue, offset = self._venue, call.whole("ofs") or 0
        start, end = _time(call, "start"), _time(call, "end")

        def read() -> Row:
            found = [
                (fill, record.order)
                for record in venue.records(call.account)
                for fill in record.fills
                if _is_within(fill.filled_at, start, end)
            ]
            found.sort(key=lambda each: each[0].fill_id, reverse=True)
            shown = {
                venue.trade_id(fill.fill_id): rows.trade_row(fill, order, venue)
                for fill, order in found[offset : offset + _PAGE]
            }
            return {"trades": shown, "count": len(found)}

        return await venue.run(read)

    async def trades(self, call: Call) -> Row:
        venue, identities = self._venue, call.required("txid").split(",")

        def read() -> Row:
            return {
                venue.trade_id(fill.fill_id): rows.trade_row(fill, record.order, venue)
                for record in venue.records(call.account)
                for fill in record.fills
                if venue.trade_id(fill.fill_id) in identities
            }

        return await venue.run(read)

    def _shown(self, call: Call, records: Sequence[OrderRecord]) -> Row:
        venue, with_trades = self._venue, call.flag("trades") or call.text("trades") == "True"
        return {
            venue.wire_id(each.order.exchange_order_id): rows.order_row(each, venue, with_trades=with_trades)
            for each in records
        }


def _by_name_or(route: str) -> Callable[[Mapping[str, Any]], str]:
    """The route of a question for the orders of one name, or ``route``."""

    def found(parameters: Mapping[str, Any]) -> str:
        return "query" if parameters.get("cl_ord_id") or parameters.get("userref") else route

    return found


def _asked(call: Call, records: Sequence[OrderRecord], venue: KrakenVenue) -> Sequence[OrderRecord]:
    """Those of the client's name or number, if one is asked for."""
    name, number = call.text("cl_ord_id"), call.whole("userref")
    if name is not None:
        records = [
            each for each in records if each.order.client_order_id == name and not venue.is_forgotten(each.order)
        ]
    if number is not None:
        records = [each for each in records if userref_of(each.order) == number]
    return records


def _opened_at(record: OrderRecord) -> datetime:
    return record.order.created_at


def _closed_at(record: OrderRecord) -> datetime:
    return record.order.updated_at


def _time(call: Call, name: str) -> int | None:
    """A time in milliseconds, given in seconds."""
    text = call.text(name)
    if text is None:
        return None
    try:
        return int(Decimal(text) * 1_000)
    except (InvalidOperation, ValueError):
        raise invalid(name) from None


def _is_within(at: datetime, start: int | None, end: int | None) -> bool:
    """After the start and up to the end."""
    ms = milliseconds(at)
    return (start is None or ms > start) and (end is None or ms <= end)

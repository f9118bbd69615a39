"""Questions about orders and fills.

Of orders that were canceled without a fill two hours are kept; lists of orders that are done go back seven days, their archive and
the history of fills three months, and the plain list of fills three days. Sources: "Order details", "Order List", "Order history"
and "Transaction details" in OKX's documentation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.domain.enums import OrderState
from app.paper.orders import OrderRecord
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.common.calls import Call, Endpoint, Handler
from app.sandbox.okx import rows
from app.sandbox.okx.failures import NO_SUCH_ORDER, invalid
from app.sandbox.okx.instruments import Instruments
from app.sandbox.okx.orders import find
from app.sandbox.okx.rows import Row
from app.sandbox.okx.venue import OkxVenue

_KEPT_UNFILLED = timedelta(hours=2)
_THREE_DAYS, _WEEK, _THREE_MONTHS = timedelta(days=3), timedelta(days=7), timedelta(days=90)

#: The default and the maximum number of rows.
_ROWS = (100, 100)


class Queries:
    """The endpoints that read orders and fills."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def endpoints(self) -> Sequence[Endpoint]:
        def question(path: str, answer: Handler, route: str | Any) -> Endpoint:
            return Endpoint(method="GET", path=f"/api/v5/trade/{path}", answer=answer, route=route)

        return (
            question("order", self.order, "query"),
            question("orders-pending", self.pending, "open"),
            question("orders-history", self._done_within(_WEEK), "orders"),
            question("orders-history-archive", self._done_within(_THREE_MONTHS), "orders"),
            question("fills", self._fills_within(_THREE_DAYS), "trades"),
            question("fills-history", self._fills_within(_THREE_MONTHS), "trades"),
        )

    async def order(self, call: Call) -> tuple[Row]:
        venue = self._instruments.of(call)

        def read() -> tuple[Row]:
            record = find(call, venue)
            if record is None or venue.is_forgotten(record.order) or not _is_kept(record, venue, _THREE_MONTHS):
                raise NO_SUCH_ORDER
            return (_order_rows([record], call, venue)[0],)

        return await venue.run(read)

    async def pending(self, call: Call) -> list[Row]:
        def read(venue: OkxVenue) -> list[Row]:
            records = _matching(venue.exchange.open_orders(call.account), call, venue)
            return _order_rows(records, call, venue)

        return _page(call, await self._gathered(call, read), "ordId")

    def _done_within(self, window: timedelta) -> Handler:
        async def done(call: Call) -> list[Row]:
            call.required("instType")

            def read(venue: OkxVenue) -> list[Row]:
                records = [
                    each
                    for each in _matching(venue.records(call.account), call, venue)
                    if not each.order.is_open and _is_kept(each, venue, window)
                ]
                return _within(call, _order_rows(records, call, venue), "cTime")

            return _page(call, await self._gathered(call, read), "ordId")

        return done

    def _fills_within(self, window: timedelta) -> Handler:
        async def fills(call: Call) -> list[Row]:
            number = call.text("ordId")

            def read(venue: OkxVenue) -> list[Row]:
                now = venue.clock.now()
                found = [
                    rows.fill_row(fill, record.order, venue)
                    for record in _matching(venue.records(call.account), call, venue)
                    for fill in record.fills
                    if number in (None, venue.wire_id(record.order.exchange_order_id))
                    and now - fill.filled_at <= window
                ]
                return _within(call, found, "ts")

            return _page(call, await self._gathered(call, read), "billId")

        return fills

    async def _gathered(self, call: Call, read: Any) -> list[Row]:
        """What ``read`` finds on the venues that are asked about."""
        found: list[Row] = []
        for venue in self._instruments.typed(call):
            found += await venue.run(read, venue)
        return found


def _order_rows(records: Iterable[OrderRecord], call: Call, venue: OkxVenue) -> list[Row]:
    """Used on the exchange's thread."""
    exchange, leverages = venue.exchange, dict[str, int]()
    if isinstance(exchange, PaperPerpetualExchange):
        leverages.update(exchange.margin_account(call.account).leverages)
    return [rows.order_row(each, venue, leverages.get(each.order.trading_pair)) for each in records]


def _matching(records: Sequence[OrderRecord], call: Call, venue: OkxVenue) -> list[OrderRecord]:
    """Those on the instrument, of the type and in the state that are asked for."""
    symbol = call.text("instId")
    return [each for each in records if symbol in (None, venue.symbol_of(each.order.trading_pair))]


def _is_kept(record: OrderRecord, venue: OkxVenue, window: timedelta) -> bool:
    order = record.order
    if order.is_open:
        return True
    age = venue.clock.now() - order.updated_at
    return age <= (window if order.state is OrderState.FILLED or order.filled_amount else _KEPT_UNFILLED)


def _within(call: Call, found: Iterable[Row], name: str) -> list[Row]:
    begin, end = call.whole("begin"), call.whole("end")
    return [
        row for row in found if (begin is None or int(row[name]) >= begin) and (end is None or int(row[name]) <= end)
    ]


def _page(call: Call, found: Sequence[Mapping[str, Any]], name: str) -> list[Row]:
    """Newest first: those before the id ``after`` and after the id ``before``, in the state and of the type that are asked for."""
    limit = min(call.whole("limit") or _ROWS[0], _ROWS[1])
    for each in ("state", "ordType", "clOrdId"):
        asked = call.text(each)
        if asked is not None and name == "ordId":
            found = [row for row in found if row[each] in asked.split(",")]
    older, newer = call.whole("after"), call.whole("before")
    kept = [
        dict(row)
        for row in found
        if (older is None or int(row[name]) < older) and (newer is None or int(row[name]) > newer)
    ]
    if newer is not None and older is not None:
        raise invalid("after and before")
    kept.sort(key=lambda row: (int(row.get("cTime") or row["ts"]), int(row[name])), reverse=True)
    return kept[:limit] if newer is None else kept[-limit:]

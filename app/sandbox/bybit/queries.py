"""Questions about orders and executions.

``realtime`` has the open orders and, if asked, the last that are done; ``history`` those that are done. Nothing of ``history`` is
further back than a week unless ``startTime`` says so, and of orders that were canceled without a fill only a day is kept. Sources:
"Get Open & Closed Orders", "Get Order History" and "Get Trade History" in Bybit's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.bybit import rows
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, invalid
from app.sandbox.bybit.orders import find
from app.sandbox.bybit.rows import Row
from app.sandbox.bybit.venue import BybitVenue
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.venue import ALL
from app.sandbox.times import moment

T = TypeVar("T")

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)

#: The default and the maximum number of rows, of orders and of executions.
_ORDERS = (20, 50)
_EXECUTIONS = (50, 100)

#: How many orders that are done ``realtime`` knows.
_RECENT = 500


class Queries:
    """The endpoints that read orders and executions."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(method="GET", path="/v5/order/realtime", answer=self.realtime, route=_by_id_or("open")),
            Endpoint(method="GET", path="/v5/order/history", answer=self.history, route=_by_id_or("orders")),
            Endpoint(method="GET", path="/v5/execution/list", answer=self.executions, route="trades"),
        )

    async def realtime(self, call: Call) -> Row:
        venue = self._categories.of(call)
        if venue.category == LINEAR and not any(map(call.text, ("symbol", "baseCoin", "settleCoin", "orderId"))):
            raise invalid("symbol or settleCoin or baseCoin is required")
        limit, shows_done = call.rows(*_ORDERS), call.text("openOnly") not in (None, "0")

        def read() -> Sequence[OrderRecord]:
            if _names_one(call):
                found = _asked(call, venue)
                return [each for each in found if each.order.is_open or shows_done]
            records = _matching(call, venue, venue.exchange.open_orders(call.account))
            if shows_done:
                done = [each for each in venue.records(call.account) if not each.order.is_open]
                records = [*records, *_matching(call, venue, done)[-_RECENT:]]
            return records

        return _orders_page(call, venue, await venue.run(read), limit)

    async def history(self, call: Call) -> Row:
        venue, limit = self._categories.of(call), call.rows(*_ORDERS)
        since, until = _range(call, venue.clock.now())
        matches, status = _matcher(call, venue), call.text("orderStatus")

        def is_shown(order: PaperOrder) -> bool:
            return matches(order) and _is_kept(order, since, until, venue.clock.now())

        def read() -> Sequence[OrderRecord]:
            if _names_one(call):
                return [each for each in _asked(call, venue) if is_shown(each.order)]
            return venue.newest_orders(call.account, since, until, is_shown, call.text("cursor") or "", limit)

        page = _orders_page(call, venue, await venue.run(read), limit)
        if status is not None:
            page["list"] = [row for row in page["list"] if row["orderStatus"] == status]
        return page

    async def executions(self, call: Call) -> Row:
        venue, limit = self._categories.of(call), call.rows(*_EXECUTIONS)
        since, until = _range(call, venue.clock.now())
        if call.text("execType") == "Funding":
            return await self._fundings(call, venue, since, until, limit)
        matches = _matcher(call, venue)

        def read() -> Sequence[tuple[PaperFill, PaperOrder]]:
            if not _names_one(call):
                return venue.newest_fills(call.account, since, until, matches, call.text("cursor") or "", limit)
            records = [each for each in _asked(call, venue) if matches(each.order)]
            found = [(fill, each.order) for each in records for fill in each.fills if since <= fill.filled_at <= until]
            return sorted(found, key=lambda each: each[0].fill_id, reverse=True)

        found = await venue.run(read)
        shown, following = _shown(call, found, limit, lambda each: venue.wire_id(each[0].fill_id))
        return _page(venue, [rows.execution_row(fill, order, venue) for fill, order in shown], following)

    async def _fundings(self, call: Call, venue: BybitVenue, since: datetime, until: datetime, limit: int) -> Row:
        exchange = venue.exchange
        if not isinstance(exchange, PaperPerpetualExchange):
            return _page(venue, [], "")
        symbol = call.text("symbol")
        name = None if symbol is None else venue.pair(symbol).trading_pair

        def read() -> list[Row]:
            paid = exchange.funding_payments(call.account, trading_pair=name, since=since, until=until, limit=ALL)
            return [rows.funding_row(each) for each in reversed(paid)]

        shown, following = _shown(call, await venue.run(read), limit, lambda row: str(row["execId"]))
        return _page(venue, shown, following)


def _by_id_or(route: str) -> Any:
    """The route of a question for one order, or ``route``."""

    def found(parameters: Mapping[str, str]) -> str:
        return "query" if parameters.get("orderId") or parameters.get("orderLinkId") else route

    return found


def _names_one(call: Call) -> bool:
    return call.text("orderId") is not None or call.text("orderLinkId") is not None


def _asked(call: Call, venue: BybitVenue) -> Sequence[OrderRecord]:
    """The order that is asked for, if it is there. Used on the exchange's thread."""
    record = find(call, venue)
    return [] if record is None or venue.is_forgotten(record.order) else [record]


def _matching(call: Call, venue: BybitVenue, records: Iterable[OrderRecord]) -> list[OrderRecord]:
    """Those on the symbol, of the base coin and of the settle coin that are asked for."""
    matches = _matcher(call, venue)
    return [each for each in records if matches(each.order)]


def _matcher(call: Call, venue: BybitVenue) -> Callable[[PaperOrder], bool]:
    """Whether an order is on the symbol, of the base coin and of the settle coin that are asked for."""
    symbol, base, settle = call.text("symbol"), call.text("baseCoin"), call.text("settleCoin")
    name = None if symbol is None else venue.pair(symbol).trading_pair

    def matches(order: PaperOrder) -> bool:
        own_base, _, own_settle = order.trading_pair.partition("-")
        return name in (None, order.trading_pair) and base in (None, own_base) and settle in (None, own_settle)

    return matches


def _is_kept(order: PaperOrder, since: datetime, until: datetime, now: datetime) -> bool:
    if order.is_open or not since <= order.created_at <= until:
        return False
    return bool(order.filled_amount) or now - order.updated_at <= _DAY


def _range(call: Call, now: datetime) -> tuple[datetime, datetime]:
    """The times that are asked about: a week at most, and the last one if none is named. Raises ``ApiError``."""
    start, end = call.whole("startTime"), call.whole("endTime")
    since = None if start is None else moment(start)
    until = None if end is None else moment(end)
    if since is not None and until is not None and until - since > _WEEK:
        raise invalid("the time range between startTime and endTime must be less than 7 days")
    if since is None:
        until = until or now
        return until - _WEEK, until
    return since, until or since + _WEEK


def _orders_page(call: Call, venue: BybitVenue, records: Sequence[OrderRecord], limit: int) -> Row:
    newest = sorted(records, key=lambda each: (each.order.created_at, each.order.exchange_order_id), reverse=True)
    shown, following = _shown(call, newest, limit, lambda each: venue.wire_id(each.order.exchange_order_id))
    return _page(venue, [rows.order_row(each, venue) for each in shown], following)


def _shown(call: Call, found: Sequence[T], limit: int, identity: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """What follows the cursor, which is the id of the last that was shown, and the cursor of what follows that."""
    cursor = call.text("cursor")
    if cursor is not None:
        identities = [identity(each) for each in found]
        found = found[identities.index(cursor) + 1 :] if cursor in identities else ()
    shown = found[:limit]
    return shown, identity(shown[-1]) if len(found) > limit else ""


def _page(venue: BybitVenue, shown: Sequence[Row], following: str) -> Row:
    return {"category": venue.category, "list": list(shown), "nextPageCursor": following}

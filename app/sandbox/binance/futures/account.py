"""What an account may ask the futures market about its orders: one, open and all of them, trades, and what they earned and cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.paper.orders import PaperFill
from app.paper.perpetual.orders import PerpetualOrder
from app.sandbox.binance.futures import payloads as futures_payloads
from app.sandbox.binance.futures.income import INCOME_TYPES, income
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, paper_name, perpetual_order, recorded
from app.sandbox.endpoint import Call, Endpoint, Security, weighing, weighing_by
from app.sandbox.failures import ApiError, missing_both, no_such_order
from app.sandbox.parameters import Parameter, futures_client_id, optional, required, symbol, whole, words
from app.sandbox.times import moment

#: How many rows an answer has, unless asked otherwise, and at most.
_ROWS = 500
_INCOME_ROWS = 100
_MOST_ROWS = 1_000

#: Questions by time may span seven days, and are about the last seven where they name no time.
_SPAN = timedelta(days=7)
_DAYS = 7

_RANGE: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("limit", whole),
)

_BY_ID: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("origClientOrderId", futures_client_id),
)

_INCOME: tuple[Parameter, ...] = (
    optional("symbol", symbol),
    optional("incomeType", words(*INCOME_TYPES, code=-4085, message="Invalid income type.")),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("page", whole),
    optional("limit", whole),
)


class FuturesAccountQueries:
    """The endpoints that only read an account's orders and trades."""

    def __init__(self, venue: FuturesVenue) -> None:
        self._venue = venue
        self._symbols = venue.symbols

    def endpoints(self) -> Sequence[Endpoint]:
        pair, first = (optional("symbol", symbol),), (*_RANGE, optional("fromId", whole))
        open_weight = weighing_by("symbol", present=1, absent=40)
        return (
            _question("order", self.order, _BY_ID, "query", weighing(1)),
            _question("openOrder", self.open_order, _BY_ID, "query", weighing(1)),
            _question("openOrders", self.open_orders, pair, "open", open_weight),
            _question("allOrders", self.all_orders, _RANGE, "orders", weighing(5)),
            _question("userTrades", self.trades, first, "trades", weighing(5)),
            _question("income", self.income, _INCOME, "account", weighing(30)),
        )

    async def order(self, call: Call) -> dict[str, Any]:
        order = await self._find(call)
        if order is None:
            raise no_such_order()
        return futures_payloads.query(order, self._symbols)

    async def open_order(self, call: Call) -> dict[str, Any]:
        order = await self._find(call)
        if order is None or not order.is_open:
            raise no_such_order()
        return futures_payloads.query(order, self._symbols)

    async def open_orders(self, call: Call) -> list[dict[str, Any]]:
        asked = call.values.get("symbol")
        name = None if asked is None else self._venue.pair(asked).trading_pair
        records = await self._venue.run(self._venue.exchange.open_orders, call.account, name)
        return [futures_payloads.query(perpetual_order(record.order), self._symbols) for record in records]

    async def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """From an order id on, or within seven days."""
        name, first = self._venue.pair(call.values["symbol"]).trading_pair, call.values.get("orderId")
        since, until = (None, None) if first is not None else _span(call)
        orders = await self._venue.run(
            lambda: self._venue.exchange.orders(
                call.account,
                trading_pair=name,
                since=since,
                until=until,
                after_id=0 if first is None else self._symbols.paper_id(name, first) - 1,
                limit=_limit(call.values),
                newest=first is None and "startTime" not in call.values,
            )
        )
        shown = (perpetual_order(order) for order in orders if not is_killed(order))
        return [futures_payloads.query(order, self._symbols) for order in shown]

    async def trades(self, call: Call) -> list[dict[str, Any]]:
        """From a trade id on, or within seven days; of one order if it is named."""
        fills = await self._venue.run(self._trades, call)
        return [futures_payloads.trade(fill, self._symbols) for fill in fills]

    async def income(self, call: Call) -> list[dict[str, Any]]:
        """Oldest first, page by page."""
        values, asked = call.values, call.values.get("symbol")
        name = None if asked is None else self._venue.pair(asked).trading_pair
        limit, page = _limit(values, _INCOME_ROWS), max(1, values.get("page", 1))
        since, until = _times(values)
        since = call.now - _SPAN if since is None and until is None else since
        rows = await self._venue.run(
            lambda: income(
                self._venue,
                call.account,
                trading_pair=name,
                kind=values.get("incomeType"),
                since=since,
                until=until,
                limit=limit * page,
            )
        )
        return rows[limit * (page - 1) : limit * page]

    async def _find(self, call: Call) -> PerpetualOrder | None:
        values, name = call.values, self._venue.pair(call.values["symbol"]).trading_pair
        order_id, client_order_id = values.get("orderId"), paper_name(values.get("origClientOrderId"))
        if order_id is None and client_order_id is None:
            raise missing_both("origClientOrderId", "orderId")
        record = await self._venue.run(
            lambda: self._venue.exchange.order(
                call.account,
                client_order_id=client_order_id,
                exchange_order_id=None if order_id is None else self._symbols.paper_id(name, order_id),
                trading_pair=name,
            )
        )
        return recorded(record)

    def _trades(self, call: Call) -> Sequence[PaperFill]:
        values, name = call.values, self._venue.pair(call.values["symbol"]).trading_pair
        limit, first, order_id = _limit(values), values.get("fromId"), values.get("orderId")
        if first is not None and ("startTime" in values or "endTime" in values):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        exchange, after = self._venue.exchange, 0 if first is None else self._symbols.paper_id(name, first) - 1
        since, until = (None, None) if first is not None else _span(call)
        if order_id is not None:
            number = self._symbols.paper_id(name, order_id)
            record = exchange.order(call.account, exchange_order_id=number, trading_pair=name)
            found = () if record is None else record.fills
            return [fill for fill in found if fill.fill_id > after and _within(fill.filled_at, since, until)][:limit]
        newest = first is None and "startTime" not in values
        return exchange.fills(
            call.account, trading_pair=name, since=since, until=until, after_id=after, limit=limit, newest=newest
        )


def _question(
    name: str,
    answer: Callable[[Call], Awaitable[Any]],
    parameters: Sequence[Parameter],
    route: str,
    weigh: Callable[[Mapping[str, str]], int],
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"/fapi/v1/{name}",
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route=route,
        weigh=weigh,
    )


def _limit(values: Mapping[str, Any], usual: int = _ROWS) -> int:
    limit: int = values.get("limit", usual)
    return min(limit, _MOST_ROWS)


def _times(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))
    return since, until


def _span(call: Call) -> tuple[datetime, datetime]:
    """The times asked about: seven days from the first, or up to the last, or up to now."""
    since, until = _times(call.values)
    if since is None:
        until = until or call.now
        return until - _SPAN, until
    until = until or since + _SPAN
    if until - since > _SPAN:
        raise ApiError(-4165, f"Invalid time interval. Maximum time interval is {_DAYS} days.")
    return since, until


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)

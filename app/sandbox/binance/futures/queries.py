"""The futures market's queries for an account's orders, trades and income."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.paper.orders import PaperFill, PaperOrder
from app.sandbox.binance.endpoint import Call, Endpoint, query, weighing, weighing_by
from app.sandbox.binance.failures import ApiError, no_such_order
from app.sandbox.binance.futures import payloads
from app.sandbox.binance.futures.income import INCOME_TYPES, income
from app.sandbox.binance.futures.terms import ONE_ORDER
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, is_liquidation, paper_client_id, perpetual_order
from app.sandbox.binance.parameters import Parameter, optional, symbol, time_range, whole, words
from app.sandbox.binance.queries import ORDERS, TRADES, OrderQueries, Row, TimeRange, row_limit

_INCOME_ROWS = 100

#: The longest time range, and the one where no time is given.
_MAX_RANGE = timedelta(days=7)

#: The default and the maximum number of liquidations.
_FORCED_ROWS, _MAX_FORCED_ROWS = 50, 100

_FORCED: tuple[Parameter, ...] = (
    optional("symbol", symbol),
    optional("autoCloseType", words("LIQUIDATION", "ADL")),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("limit", whole),
)

_INCOME: tuple[Parameter, ...] = (
    optional("symbol", symbol),
    optional("incomeType", words(*INCOME_TYPES, code=-4085, message="Invalid income type.")),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("page", whole),
    optional("limit", whole),
)


class FuturesOrderQueries(OrderQueries):
    """The endpoints that read an account's orders, trades and income."""

    _venue: FuturesVenue

    def __init__(self, venue: FuturesVenue) -> None:
        super().__init__(venue)

    def endpoints(self) -> Sequence[Endpoint]:
        forced_weight = weighing_by("symbol", present=20, absent=50)
        pair, open_weight = (optional("symbol", symbol),), weighing_by("symbol", present=1, absent=40)
        return (
            query("/fapi/v1/order", self.order, ONE_ORDER, "query", weighing(1), "order.status"),
            query("/fapi/v1/openOrder", self.open_order, ONE_ORDER, "query", weighing(1)),
            query("/fapi/v1/openOrders", self.open_orders, pair, "open", open_weight),
            query("/fapi/v1/allOrders", self.all_orders, ORDERS, "orders", weighing(5)),
            query("/fapi/v1/userTrades", self.trades, TRADES, "trades", weighing(5)),
            query("/fapi/v1/forceOrders", self.force_orders, _FORCED, "orders", forced_weight),
            query("/fapi/v1/income", self.income, _INCOME, "account", weighing(30)),
        )

    async def open_order(self, call: Call) -> Row:
        order = await self._find(call)
        if order is None or not order.is_open:
            raise no_such_order()
        return self._order_row(order)

    async def force_orders(self, call: Call) -> list[Row]:
        """The account's liquidations, oldest first, of the last seven days where no time is given."""
        values, name = call.values, self._asked_pair(call)
        since, until = _last_days(call)
        limit = min(values.get("limit", _FORCED_ROWS), _MAX_FORCED_ROWS)
        # Nothing is deleveraged here.
        if values.get("autoCloseType") == "ADL":
            return []

        def read() -> list[Row]:
            found: list[PaperOrder] = []
            after = 0
            while page := self._venue.exchange.orders(
                call.account, trading_pair=name, since=since, until=until, after_id=after
            ):
                found += [order for order in page if is_liquidation(order)]
                after = page[-1].exchange_order_id
            return [self._order_row(order) for order in found[-limit:]]

        return await self._venue.run(read)

    async def income(self, call: Call) -> list[Row]:
        """One page of the account's income, oldest first."""
        values, name = call.values, self._asked_pair(call)
        limit, page = row_limit(values, _INCOME_ROWS), max(1, values.get("page", 1))
        since, until = time_range(values)
        since = call.now - _MAX_RANGE if since is None and until is None else since
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

    def _order_row(self, order: PaperOrder) -> Row:
        return payloads.query(perpetual_order(order), self._symbols)

    def _trade_row(self, fill: PaperFill) -> Row:
        return payloads.trade(fill, self._symbols)

    def _order_times(self, call: Call) -> TimeRange:
        return (None, None) if "orderId" in call.values else _last_days(call)

    def _trade_times(self, call: Call) -> TimeRange:
        if "fromId" not in call.values:
            return _last_days(call)
        if "startTime" in call.values or "endTime" in call.values:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        return None, None

    def _client_id(self, name: str | None) -> str | None:
        return paper_client_id(name)

    def _is_recorded(self, order: PaperOrder) -> bool:
        return not is_killed(order)


def _last_days(call: Call) -> TimeRange:
    """Seven days: from the first time, or up to the last, or up to now."""
    since, until = time_range(call.values)
    if since is None:
        until = until or call.now
        return until - _MAX_RANGE, until
    until = until or since + _MAX_RANGE
    if until - since > _MAX_RANGE:
        raise ApiError(-4165, f"Invalid time interval. Maximum time interval is {_MAX_RANGE.days} days.")
    return since, until

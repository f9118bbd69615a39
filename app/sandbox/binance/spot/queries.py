"""The spot market's queries for an account's orders and trades."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.paper.orders import PaperFill, PaperOrder
from app.sandbox.binance.endpoint import Call, Endpoint, query, weighing, weighing_by
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.parameters import client_id, optional, required, symbol, time_range, whole
from app.sandbox.binance.queries import ORDERS, TRADES, OrderQueries, Row, TimeRange
from app.sandbox.binance.spot import payloads
from app.sandbox.binance.spot.venue import SpotVenue

#: The longest time range.
_MAX_RANGE = timedelta(days=1)


class SpotOrderQueries(OrderQueries):
    """The endpoints that read an account's orders and trades."""

    _venue: SpotVenue

    def __init__(self, venue: SpotVenue) -> None:
        super().__init__(venue)

    def endpoints(self) -> Sequence[Endpoint]:
        by_id = (required("symbol", symbol), optional("orderId", whole), optional("origClientOrderId", client_id))
        pair = (optional("symbol", symbol),)
        open_weight = weighing_by("symbol", present=6, absent=80)
        trades_weight = weighing_by("orderId", present=5, absent=20)
        return (
            query("/api/v3/order", self.order, by_id, "query", weighing(4), "order.status"),
            query("/api/v3/openOrders", self.open_orders, pair, "open", open_weight, "openOrders.status"),
            query("/api/v3/allOrders", self.all_orders, ORDERS, "orders", weighing(20), "allOrders"),
            query("/api/v3/myTrades", self.trades, TRADES, "trades", trades_weight, "myTrades"),
        )

    def _order_row(self, order: PaperOrder) -> Row:
        return payloads.query(self._venue.named(order), self._symbols)

    def _trade_row(self, fill: PaperFill) -> Row:
        return payloads.trade(fill, self._symbols)

    def _order_times(self, call: Call) -> TimeRange:
        since, until = time_range(call.values)
        if since is not None and until is not None and until - since > _MAX_RANGE:
            raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
        return since, until

    def _trade_times(self, call: Call) -> TimeRange:
        return self._order_times(call)

"""The spot market's amendments: an order is reduced in place, and gets a new client id unless the caller keeps the old one.

Source: "Order Amend Keep Priority" in Binance's spot API documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.decimals import ZERO
from app.sandbox.binance.endpoint import Call, Endpoint, Security, weighing
from app.sandbox.binance.failures import ApiError, no_such_order
from app.sandbox.binance.parameters import Parameter, client_id, decimal, optional, required, symbol, whole
from app.sandbox.binance.spot import payloads
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.binance.terms import check_precision
from app.sandbox.binance.venue import new_id

_AMEND: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("origClientOrderId", client_id),
    optional("newClientOrderId", client_id),
    required("newQty", decimal),
)


class SpotAmendments:
    """The endpoint that amends orders."""

    def __init__(self, venue: SpotVenue) -> None:
        self._venue = venue

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="PUT",
                path="/api/v3/order/amend/keepPriority",
                answer=self.amend,
                parameters=_AMEND,
                security=Security.SIGNED,
                route="amend",
                weigh=weighing(4),
                ws_method="order.amend.keepPriority",
            ),
        )

    async def amend(self, call: Call) -> dict[str, Any]:
        return await self._venue.run(self._amend, call)

    def _amend(self, call: Call) -> dict[str, Any]:
        values, pair = call.values, self._venue.pair(call.values["symbol"])
        record = self._venue.find_order(
            call.account, pair.trading_pair, values.get("orderId"), values.get("origClientOrderId")
        )
        if record is None or not record.order.is_open:
            raise no_such_order()
        order, amount = record.order, values["newQty"]
        check_precision("newQty", amount, pair.step)
        if amount == ZERO:
            raise ApiError(-1013, "Invalid quantity.")
        if order.amount is None or amount >= order.amount:
            raise ApiError(-2038, "Order amend (quantity increase) is not supported.")
        if amount <= order.filled_amount:
            raise ApiError(-2038, "The new quantity is not above the executed quantity.")
        made = self._venue.amend(order, amount, values.get("newClientOrderId") or new_id())
        last = self._venue.exchange.last_event()
        return payloads.amended(self._venue.named(made.order), self._venue.symbols, made.client_order_id, last)

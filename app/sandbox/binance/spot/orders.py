"""The spot market's order entry: place, test, cancel, cancel all, cancel and replace.

Every operation is one call on the exchange's thread, so that nothing happens between its reads and its changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import localcontext
from typing import Any

from app.domain.decimals import EXACT
from app.paper import filters
from app.paper.orders import NewOrder, OrderRecord, PaperOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.endpoint import Call, Endpoint, Security, weighing
from app.sandbox.binance.failures import ApiError, unknown_order
from app.sandbox.binance.parameters import Parameter, client_id, optional, required, symbol, truth, whole, words
from app.sandbox.binance.spot import payloads
from app.sandbox.binance.spot.refusals import spot_error
from app.sandbox.binance.spot.terms import TERMS, new_order, response_type
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.binance.terms import status
from app.sandbox.binance.venue import new_id

#: The restrictions of a cancel, and the order's status that each requires.
_RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}

#: Asks a test for the commission.
_RATES = "computeCommissionRates"

_RESTRICTED = "Order was not canceled due to cancel restrictions."

_CANCEL: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("origClientOrderId", client_id),
    optional("newClientOrderId", client_id),
    optional("cancelRestrictions", words(*_RESTRICTIONS)),
)

_REPLACE: tuple[Parameter, ...] = (
    *TERMS,
    required("cancelReplaceMode", words("STOP_ON_FAILURE", "ALLOW_FAILURE")),
    optional("cancelNewClientOrderId", client_id),
    optional("cancelOrigClientOrderId", client_id),
    optional("cancelOrderId", whole),
    optional("cancelRestrictions", words(*_RESTRICTIONS)),
)


class SpotOrders:
    """The endpoints that change orders."""

    def __init__(self, venue: SpotVenue) -> None:
        self._venue = venue
        self._symbols = venue.symbols

    def endpoints(self) -> Sequence[Endpoint]:
        order, signed = "/api/v3/order", Security.SIGNED
        return (
            Endpoint(
                method="POST",
                path=order,
                answer=self.place,
                parameters=TERMS,
                security=signed,
                route="place",
                weigh=weighing(1),
                ws_method="order.place",
                makes_orders=True,
            ),
            Endpoint(
                method="POST",
                path=f"{order}/test",
                answer=self.test,
                parameters=(*TERMS, optional(_RATES, truth)),
                security=signed,
                weigh=lambda sent: 20 if sent.get(_RATES, "").lower() == "true" else 1,
                ws_method="order.test",
            ),
            Endpoint(
                method="DELETE",
                path=order,
                answer=self.cancel,
                parameters=_CANCEL,
                security=signed,
                route="cancel",
                weigh=weighing(1),
                ws_method="order.cancel",
            ),
            Endpoint(
                method="DELETE",
                path="/api/v3/openOrders",
                answer=self.cancel_all,
                parameters=(required("symbol", symbol),),
                security=signed,
                route="cancel",
                weigh=weighing(1),
                ws_method="openOrders.cancelAll",
            ),
            Endpoint(
                method="POST",
                path=f"{order}/cancelReplace",
                answer=self.replace,
                parameters=_REPLACE,
                security=signed,
                route="place",
                weigh=weighing(1),
                ws_method="order.cancelReplace",
                makes_orders=True,
            ),
        )

    async def place(self, call: Call) -> dict[str, Any]:
        new = new_order(call.account, call.values, self._venue.pair(call.values["symbol"]))
        record = await self._venue.run(self._venue.exchange.place, new)
        return self._answered(record, response_type(call.values))

    async def test(self, call: Call) -> dict[str, Any]:
        """Check an order without placing it; nothing, or the commission that it would pay if asked for."""
        pair = self._venue.pair(call.values["symbol"])
        new = new_order(call.account, call.values, pair)
        await self._venue.run(self._check, new, pair)
        return payloads.rates_for_order(self._venue.exchange.fees) if call.values.get(_RATES) else {}

    async def cancel(self, call: Call) -> dict[str, Any]:
        values, pair = call.values, self._venue.pair(call.values["symbol"])
        return await self._venue.run(
            self._cancel,
            call.account,
            pair,
            values.get("orderId"),
            values.get("origClientOrderId"),
            values.get("newClientOrderId"),
            values.get("cancelRestrictions"),
        )

    async def cancel_all(self, call: Call) -> list[dict[str, Any]]:
        pair = self._venue.pair(call.values["symbol"])

        def cancel_all() -> list[dict[str, Any]]:
            canceled = []
            for record in self._venue.exchange.open_orders(call.account, pair.trading_pair):
                with suppress(PaperRefusal):  # it was filled since they were listed
                    canceled.append(self._cancel_order(call.account, record.order, None))
            if not canceled:
                raise unknown_order()
            return canceled

        return await self._venue.run(cancel_all)

    async def replace(self, call: Call) -> dict[str, Any]:
        pair = self._venue.pair(call.values["symbol"])
        new = new_order(call.account, call.values, pair)
        return await self._venue.run(self._replace, call, pair, new)

    def _replace(self, call: Call, pair: Pair, new: NewOrder) -> dict[str, Any]:
        """Cancel and place, and the results of both. After a failed cancel the order is placed only if the caller allows it."""
        values = call.values
        stops = values["cancelReplaceMode"] == "STOP_ON_FAILURE"
        canceled = placed = None
        refused: dict[str, Any] = {}
        try:
            canceled = self._cancel(
                call.account,
                pair,
                values.get("cancelOrderId"),
                values.get("cancelOrigClientOrderId"),
                values.get("cancelNewClientOrderId"),
                values.get("cancelRestrictions"),
                names=("cancelOrderId", "cancelOrigClientOrderId"),
            )
        except (ApiError, PaperRefusal) as error:
            refused["cancelResponse"] = _body(error)
        if canceled is not None or not stops:
            try:
                placed = self._answered(self._venue.exchange.place(new), response_type(values))
            except (ApiError, PaperRefusal) as error:
                refused["newOrderResponse"] = _body(error)
        return _both(canceled, placed, refused)

    def _cancel(
        self,
        account: str,
        pair: Pair,
        order_id: int | None,
        client_order_id: str | None,
        cancel_id: str | None,
        restriction: str | None,
        names: tuple[str, str] = ("origClientOrderId", "orderId"),
    ) -> dict[str, Any]:
        record = self._venue.find_order(account, pair.trading_pair, order_id, client_order_id, names)
        if record is None or not record.order.is_open:
            raise unknown_order()
        if restriction is not None and status(record.order) != _RESTRICTIONS[restriction]:
            raise ApiError(-2011, _RESTRICTED)
        return self._cancel_order(account, record.order, cancel_id)

    def _cancel_order(self, account: str, order: PaperOrder, cancel_id: str | None) -> dict[str, Any]:
        cancel_id = cancel_id or new_id()
        self._venue.set_cancel_id(order.exchange_order_id, cancel_id)
        canceled = self._venue.exchange.cancel(account, exchange_order_id=order.exchange_order_id)
        return payloads.canceled(self._venue.named(canceled.order), self._symbols, cancel_id)

    def _check(self, new: NewOrder, pair: Pair) -> None:
        price = self._venue.exchange.ticker(pair.trading_pair).price
        with localcontext(EXACT):
            filters.check(new, pair, price)

    def _answered(self, record: OrderRecord, kind: str) -> dict[str, Any]:
        if kind == "ACK":
            return payloads.ack(record.order, self._symbols)
        if kind == "RESULT":
            return payloads.result(record.order, self._symbols)
        return payloads.full(record, self._symbols)


def _both(canceled: dict[str, Any] | None, placed: dict[str, Any] | None, refused: dict[str, Any]) -> dict[str, Any]:
    """The answer to a cancel-replace: 200 for both, 409 and -2021 for one, 400 and -2022 for neither."""
    data = {
        "cancelResult": "FAILURE" if canceled is None else "SUCCESS",
        "newOrderResult": _result(placed, refused),
        "cancelResponse": refused.get("cancelResponse", canceled),
        "newOrderResponse": refused.get("newOrderResponse", placed),
    }
    if canceled is not None and placed is not None:
        return data
    if canceled is None and placed is None:
        raise ApiError(-2022, "Order cancel-replace failed.", extra={"data": data})
    raise ApiError(-2021, "Order cancel-replace partially failed.", status=409, extra={"data": data})


def _result(placed: dict[str, Any] | None, refused: dict[str, Any]) -> str:
    if placed is not None:
        return "SUCCESS"
    return "FAILURE" if "newOrderResponse" in refused else "NOT_ATTEMPTED"


def _body(error: ApiError | PaperRefusal) -> dict[str, Any]:
    return (spot_error(error) if isinstance(error, PaperRefusal) else error).body()

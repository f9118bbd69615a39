"""The futures market's order entry: place, test, amend. ``cancels`` takes orders back.

Every operation is one call on the exchange's thread, so that nothing happens between its reads and its changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import localcontext
from typing import Any, TypeVar

from app.domain.decimals import EXACT
from app.paper import filters
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder
from app.paper.refusals import PaperRefusal, PaperUnavailable, RefusalCode
from app.sandbox.binance.endpoint import Call, Endpoint, Security, weighing
from app.sandbox.binance.failures import ApiError, no_such_order, service_unavailable
from app.sandbox.binance.futures import payloads
from app.sandbox.binance.futures.refusals import futures_error, killed
from app.sandbox.binance.futures.terms import ONE_ORDER, TERMS, check_amendment, new_order, too_small
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, paper_client_id, perpetual_order
from app.sandbox.binance.parameters import Parameter, as_text, decimal, listed, optional, read, required, words
from app.sandbox.binance.terms import SIDE

Answer = TypeVar("Answer")

#: How many orders one call may place.
_MOST = 5

_AMEND: tuple[Parameter, ...] = (
    *ONE_ORDER,
    SIDE,
    required("quantity", decimal),
    required("price", decimal),
    optional("priceMatch", words("NONE")),
)


class FuturesOrders:
    """The endpoints that change orders."""

    def __init__(self, venue: FuturesVenue) -> None:
        self._venue = venue
        self._symbols = venue.symbols

    def endpoints(self) -> Sequence[Endpoint]:
        signed, one = Security.SIGNED, weighing(1)
        return (
            Endpoint(
                method="POST",
                path="/fapi/v1/order",
                answer=self.place,
                parameters=TERMS,
                security=signed,
                route="place",
                weigh=one,
                ws_method="order.place",
                makes_orders=True,
            ),
            Endpoint(
                method="POST",
                path="/fapi/v1/batchOrders",
                answer=self.place_several,
                parameters=(required("batchOrders", listed(dict[str, Any], _MOST)),),
                security=signed,
                route="place",
                weigh=weighing(5),
                makes_orders=True,
            ),
            Endpoint(
                method="POST",
                path="/fapi/v1/order/test",
                answer=self.test,
                parameters=TERMS,
                security=signed,
                weigh=one,
            ),
            Endpoint(
                method="PUT",
                path="/fapi/v1/order",
                answer=self.amend,
                parameters=_AMEND,
                security=signed,
                route="amend",
                weigh=one,
                ws_method="order.modify",
                makes_orders=True,
            ),
        )

    async def place(self, call: Call) -> dict[str, Any]:
        """Place an order. A fill-or-kill order that is not filled is refused and not recorded, as on Binance."""
        pair = self._venue.pair(call.values["symbol"])
        new = new_order(call.account, call.values, pair)
        record = await self._venue.run(self._checked, new, pair, self._venue.exchange.place)
        if is_killed(record.order):
            raise killed()
        is_result = call.values.get("newOrderRespType") == "RESULT"
        answer = payloads.changed if is_result else payloads.accepted
        return answer(perpetual_order(record.order), self._symbols)

    async def place_several(self, call: Call) -> list[dict[str, Any]]:
        """Place orders one after the other; the result of each, which may be an error."""
        return [await self._result(call, terms) for terms in call.values["batchOrders"]]

    async def test(self, call: Call) -> dict[str, Any]:
        """Check an order without placing it: the order as it would be acknowledged, without a number."""
        pair = self._venue.pair(call.values["symbol"])
        new = new_order(call.account, call.values, pair)
        await self._venue.run(self._checked, new, pair, self._check)
        return payloads.tested(new, self._symbols, call.now)

    async def amend(self, call: Call) -> dict[str, Any]:
        """Change quantity and price of a limit order in place. Source: "Modify Order" in Binance's USD-M documentation."""
        return await self._venue.run(self._amend, call, self._venue.pair(call.values["symbol"]))

    async def _result(self, call: Call, terms: Mapping[str, Any]) -> dict[str, Any]:
        """The order of ``terms``, or the error."""
        try:
            pairs = [(name, as_text(value)) for name, value in terms.items()]
            return await self.place(replace(call, values=read(pairs, TERMS)))
        except ApiError as error:
            return error.body()
        except PaperRefusal as refusal:
            return futures_error(refusal).body()
        except PaperUnavailable:
            return service_unavailable().body()
        except TypeError:
            return ApiError(-1130, "Data sent for parameter 'batchOrders' is not valid.").body()

    def _checked(self, new: NewPerpetualOrder, pair: Pair, act: Callable[[NewPerpetualOrder], Answer]) -> Answer:
        """The result of ``act``. The refusal of an order's value has its error here, because it depends on the order."""
        try:
            return act(new)
        except PaperRefusal as refusal:
            if refusal.code is not RefusalCode.NOTIONAL:
                raise
            # A value that is not too large is too small.
            price = new.price or self._venue.exchange.funding_terms(pair.trading_pair).mark_price
            if new.amount is not None and EXACT.multiply(new.amount, price) >= pair.max_notional:
                raise ApiError(-2027, "Exceeded the maximum allowable position at current leverage.") from refusal
            raise too_small(pair) from refusal

    def _check(self, new: NewPerpetualOrder) -> None:
        pair = self._venue.exchange.pairs[new.trading_pair]
        mark = self._venue.exchange.funding_terms(new.trading_pair).mark_price
        with localcontext(EXACT):
            filters.check(new, pair, mark, may_be_small=new.only_reduces)

    def _amend(self, call: Call, pair: Pair) -> dict[str, Any]:
        values = call.values
        check_amendment(values["quantity"], values["price"], pair)
        client_order_id = paper_client_id(values.get("origClientOrderId"))
        record = self._venue.find_order(call.account, pair.trading_pair, values.get("orderId"), client_order_id)
        if record is None or not record.order.is_open or record.order.trade_type != values["side"]:
            raise no_such_order()
        order = record.order
        if (order.amount, order.price) == (values["quantity"], values["price"]):
            raise ApiError(-5027, "No need to modify the order.")
        amended = self._venue.exchange.amend(
            call.account,
            exchange_order_id=order.exchange_order_id,
            amount=values["quantity"],
            price=values["price"],
        )
        return payloads.changed(perpetual_order(amended.order), self._symbols)

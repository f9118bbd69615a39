"""The futures market's order entry: place, test, amend. ``cancels`` takes orders back.

Every operation is one call on the exchange's thread, so that nothing happens between its reads and its changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import localcontext
from typing import Any, TypeVar

from app.domain.decimals import EXACT
from app.paper import filters
from app.paper.pairs import Pair
from app.paper.perpetual.orders import NewPerpetualOrder
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.binance.endpoint import Call, Endpoint, Security, weighing
from app.sandbox.binance.failures import ApiError, no_such_order
from app.sandbox.binance.futures import payloads
from app.sandbox.binance.futures.refusals import killed
from app.sandbox.binance.futures.terms import ONE_ORDER, TERMS, check_amendment, new_order, too_small
from app.sandbox.binance.futures.venue import FuturesVenue, is_killed, paper_client_id, perpetual_order
from app.sandbox.binance.parameters import Parameter, decimal, optional, required, words
from app.sandbox.binance.terms import SIDE

Answer = TypeVar("Answer")

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

    async def test(self, call: Call) -> dict[str, Any]:
        """Check an order without placing it: the order as it would be acknowledged, without a number."""
        pair = self._venue.pair(call.values["symbol"])
        new = new_order(call.account, call.values, pair)
        await self._venue.run(self._checked, new, pair, self._check)
        return payloads.tested(new, self._symbols, call.now)

    async def amend(self, call: Call) -> dict[str, Any]:
        """Change quantity and price of a limit order in place. Source: "Modify Order" in Binance's USD-M documentation."""
        return await self._venue.run(self._amend, call, self._venue.pair(call.values["symbol"]))

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

"""The futures market's cancels: of one order, of several, of all on a symbol, and of all after a countdown.

Every operation is one call on the exchange's thread, so that nothing happens between its reads and its changes. Source: "Cancel
Order", "Cancel Multiple Orders", "Cancel All Open Orders" and "Auto-Cancel All Open Orders" in Binance's USD-M documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Security, weighing
from app.sandbox.binance.failures import ApiError, missing_both, unknown_order
from app.sandbox.binance.futures import payloads
from app.sandbox.binance.futures.refusals import futures_error
from app.sandbox.binance.futures.terms import ONE_ORDER
from app.sandbox.binance.futures.venue import FuturesVenue, paper_client_id, perpetual_order
from app.sandbox.binance.parameters import Parameter, futures_client_id, listed, optional, required, symbol, whole
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.countdowns import Countdowns

#: How many orders one call may cancel by their ids.
_MOST = 10

_SYMBOL: tuple[Parameter, ...] = (required("symbol", symbol),)
_SEVERAL: tuple[Parameter, ...] = (
    *_SYMBOL,
    optional("orderIdList", listed(int, _MOST)),
    optional("origClientOrderIdList", listed(str, _MOST)),
)
_COUNTDOWN: tuple[Parameter, ...] = (*_SYMBOL, required("countdownTime", whole))


class FuturesCancels:
    """The endpoints that take orders back."""

    def __init__(self, venue: FuturesVenue, countdowns: Countdowns) -> None:
        self._venue = venue
        self._countdowns = countdowns

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            _endpoint("DELETE", "order", self.cancel, ONE_ORDER, ws_method="order.cancel"),
            _endpoint("DELETE", "batchOrders", self.cancel_several, _SEVERAL),
            _endpoint("DELETE", "allOpenOrders", self.cancel_all, _SYMBOL),
            _endpoint("POST", "countdownCancelAll", self.count_down, _COUNTDOWN, weight=10),
        )

    async def cancel(self, call: Call) -> dict[str, Any]:
        pair, values = self._venue.pair(call.values["symbol"]), call.values
        names = values.get("orderId"), values.get("origClientOrderId")
        return await self._venue.run(self._cancel, call.account, pair, *names)

    async def cancel_several(self, call: Call) -> list[dict[str, Any]]:
        """Cancel each order of one of the lists; the result of each, in the list's order."""
        pair = self._venue.pair(call.values["symbol"])
        ids, client_ids = call.values.get("orderIdList"), call.values.get("origClientOrderIdList")
        if ids is None and client_ids is None:
            raise missing_both("orderIdList", "origClientOrderIdList")
        if ids is not None and client_ids is not None:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        names: list[tuple[int | None, str | None]] = [(number, None) for number in ids or ()]
        names += [(None, futures_client_id("origClientOrderIdList", name)) for name in client_ids or ()]

        def cancel() -> list[dict[str, Any]]:
            return [self._result(call.account, pair, *each) for each in names]

        return await self._venue.run(cancel)

    async def cancel_all(self, call: Call) -> dict[str, Any]:
        """Cancel all open orders; it succeeds also without any."""
        pair = self._venue.pair(call.values["symbol"])
        await self._venue.run(self._venue.cancel_all, call.account, pair.trading_pair)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    async def count_down(self, call: Call) -> dict[str, Any]:
        """Start the symbol's countdown anew, or end it."""
        pair, milliseconds = self._venue.pair(call.values["symbol"]), call.values["countdownTime"]
        self._countdowns.set(call.account, pair.trading_pair, milliseconds=milliseconds)
        return {"symbol": symbol_of(pair.trading_pair), "countdownTime": str(milliseconds)}

    def _result(self, account: str, pair: Pair, order_id: int | None, client_order_id: str | None) -> dict[str, Any]:
        """The canceled order, or the error."""
        try:
            return self._cancel(account, pair, order_id, client_order_id)
        except ApiError as error:
            return error.body()
        except PaperRefusal as refusal:
            return futures_error(refusal).body()

    def _cancel(self, account: str, pair: Pair, order_id: int | None, client_order_id: str | None) -> dict[str, Any]:
        record = self._venue.find_order(account, pair.trading_pair, order_id, paper_client_id(client_order_id))
        if record is None or not record.order.is_open:
            raise unknown_order()
        canceled = self._venue.exchange.cancel(account, exchange_order_id=record.order.exchange_order_id)
        return payloads.changed(perpetual_order(canceled.order), self._venue.symbols)


def _endpoint(
    method: str,
    name: str,
    answer: Handler,
    parameters: Sequence[Parameter],
    *,
    weight: int = 1,
    ws_method: str | None = None,
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/fapi/v1/{name}",
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route="cancel",
        weigh=weighing(weight),
        ws_method=ws_method,
    )

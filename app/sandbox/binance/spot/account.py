"""What an account may ask the spot market about itself: an order, open and all orders, trades, balances, counts, fees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.domain.decimals import ZERO
from app.paper.orders import PaperFill, PaperOrder
from app.sandbox.binance.spot import payloads
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.endpoint import Call, Endpoint, Security, weighing, weighing_by
from app.sandbox.failures import ApiError, missing_both, no_such_order
from app.sandbox.limits import Usage
from app.sandbox.parameters import Parameter, client_id, optional, required, symbol, truth, whole
from app.sandbox.times import milliseconds, moment
from app.sandbox.venue import Venue

#: How many rows an answer has, unless asked otherwise, and at most.
_ROWS = 500
_MOST_ROWS = 1_000

#: Fees are told in ten-thousandths too.
_BASIS_POINTS = 10_000

#: Questions by time may span a day.
_LONGEST_SPAN = timedelta(days=1)

_RANGE: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("limit", whole),
)


class AccountQueries:
    """The endpoints that only read an account."""

    def __init__(self, venue: Venue, usage: Usage) -> None:
        self._venue = venue
        self._usage = usage
        self._symbols = venue.symbols

    def endpoints(self) -> Sequence[Endpoint]:
        one = (required("symbol", symbol),)
        by_id = (*one, optional("orderId", whole), optional("origClientOrderId", client_id))
        open_weight = weighing_by("symbol", present=6, absent=80)
        trades_weight = weighing_by("orderId", present=5, absent=20)
        zeros = (optional("omitZeroBalances", truth),)
        return (
            _question("order", self.order, by_id, "query", weighing(4), "order.status"),
            _question(
                "openOrders", self.open_orders, (optional("symbol", symbol),), "open", open_weight, "openOrders.status"
            ),
            _question("allOrders", self.all_orders, _RANGE, "orders", weighing(20), "allOrders"),
            _question(
                "myTrades", self.trades, (*_RANGE, optional("fromId", whole)), "trades", trades_weight, "myTrades"
            ),
            _question("account", self.account, zeros, "account", weighing(20), "account.status"),
            _question("rateLimit/order", self.order_counts, (), "account", weighing(40), "account.rateLimits.orders"),
            _question("account/commission", self.commission, one, "account", weighing(20), "account.commission"),
        )

    async def order(self, call: Call) -> dict[str, Any]:
        values, name = call.values, self._venue.pair(call.values["symbol"]).trading_pair
        order_id, client_order_id = values.get("orderId"), values.get("origClientOrderId")
        if order_id is None and client_order_id is None:
            raise missing_both("origClientOrderId", "orderId")

        def find() -> PaperOrder | None:
            record = self._venue.exchange.order(
                call.account,
                client_order_id=client_order_id,
                exchange_order_id=None if order_id is None else self._symbols.paper_id(name, order_id),
                trading_pair=name,
            )
            return None if record is None else record.order

        order = await self._venue.run(find)
        if order is None:
            raise no_such_order()
        return payloads.query(order, self._symbols)

    async def open_orders(self, call: Call) -> list[dict[str, Any]]:
        asked = call.values.get("symbol")
        name = None if asked is None else self._venue.pair(asked).trading_pair
        records = await self._venue.run(self._venue.exchange.open_orders, call.account, name)
        return [payloads.query(record.order, self._symbols) for record in records]

    async def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """From an order id on, or within a day, or the last ones."""
        name = self._venue.pair(call.values["symbol"]).trading_pair
        first = call.values.get("orderId")
        since, until = _span(call.values)

        def find() -> Sequence[PaperOrder]:
            return self._venue.exchange.orders(
                call.account,
                trading_pair=name,
                since=since,
                until=until,
                after_id=0 if first is None else self._symbols.paper_id(name, first) - 1,
                limit=_limit(call.values),
                newest=first is None and since is None,
            )

        return [payloads.query(order, self._symbols) for order in await self._venue.run(find)]

    async def trades(self, call: Call) -> list[dict[str, Any]]:
        """Of one order, from a trade id on, within a day, or the last ones."""
        fills = await self._venue.run(self._trades, call)
        return [payloads.trade(fill, self._symbols) for fill in fills]

    async def account(self, call: Call) -> dict[str, Any]:
        balances = await self._venue.run(self._venue.exchange.balances, call.account)
        shown = [each for each in balances if each.total != ZERO or not call.values.get("omitZeroBalances")]
        fees = self._venue.exchange.fees
        return {
            "makerCommission": int(fees.maker * _BASIS_POINTS),
            "takerCommission": int(fees.taker * _BASIS_POINTS),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": payloads.commission_rates(fees),
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": milliseconds(call.now),
            "accountType": "SPOT",
            "balances": [payloads.balance(each) for each in shown],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    async def order_counts(self, call: Call) -> list[dict[str, Any]]:
        return self._usage.order_counts(call.account, milliseconds(call.now))

    async def commission(self, call: Call) -> dict[str, Any]:
        pair = self._venue.pair(call.values["symbol"])
        rates = payloads.commission_rates(self._venue.exchange.fees)
        nothing = dict.fromkeys(rates, "0.00000000")
        return {
            "symbol": symbol_of(pair.trading_pair),
            "standardCommission": rates,
            "specialCommission": nothing,
            "taxCommission": nothing,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": "0",
            },
        }

    def _trades(self, call: Call) -> Sequence[PaperFill]:
        values, name = call.values, self._venue.pair(call.values["symbol"]).trading_pair
        limit, first, order_id = _limit(values), values.get("fromId"), values.get("orderId")
        exchange = self._venue.exchange
        after = 0 if first is None else self._symbols.paper_id(name, first) - 1
        since, until = _span(values)
        if order_id is not None:
            number = self._symbols.paper_id(name, order_id)
            record = exchange.order(call.account, exchange_order_id=number, trading_pair=name)
            found = () if record is None else record.fills
            return [fill for fill in found if fill.fill_id > after and _within(fill.filled_at, since, until)][:limit]
        newest = first is None and since is None
        return exchange.fills(
            call.account, trading_pair=name, since=since, until=until, after_id=after, limit=limit, newest=newest
        )


def _question(
    name: str,
    answer: Callable[[Call], Awaitable[Any]],
    parameters: Sequence[Parameter],
    route: str,
    weigh: Callable[[Mapping[str, str]], int],
    ws_method: str,
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"/api/v3/{name}",
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route=route,
        weigh=weigh,
        ws_method=ws_method,
    )


def _limit(values: Mapping[str, Any]) -> int:
    limit: int = values.get("limit", _ROWS)
    return min(limit, _MOST_ROWS)


def _span(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The times asked about; more than a day between them is refused."""
    since, until = (None if ms is None else moment(ms) for ms in (values.get("startTime"), values.get("endTime")))
    if since is not None and until is not None and until - since > _LONGEST_SPAN:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return since, until


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)

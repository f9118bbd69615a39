"""Binance's spot market: one account of it.

Order ids and trade ids count per symbol here. A client id is unique among open orders only, so it finds an order and does not
make a resend harmless; nothing is ever resent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from app.connectors.base import Question
from app.connectors.binance import holdings
from app.connectors.binance.account import BinanceAccount, CallNames
from app.connectors.binance.assets import NAMES
from app.connectors.binance.credentials import credential_fields
from app.connectors.binance.limits import SPOT_WEIGHT
from app.connectors.binance.market_streams import BOOK_LEVELS
from app.connectors.binance.orders import limit_terms, refuse, streamed_report
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.common.numbers import text
from app.connectors.common.stream import Socket
from app.connectors.rows import UnreadableRow
from app.domain.decimals import shortest
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.order import Order
from app.domain.reports import Balance, ConnectorEvent, FeeRates

if TYPE_CHECKING:
    from app.connectors.binance.client import BinanceClient

#: Past the last instant at which an order can still reach the book: the call's own time-out (12 s), then recvWindow (5 s) and the
#: engine's limit (10 s), and a little for clocks.
ABSENCE_GRACE = timedelta(seconds=30)

#: The engine's limit. An answer shows that the call itself has ended, so that nothing of it is on its way any more.
OVERLOAD_GRACE = timedelta(seconds=10)


class BinanceConnector(BinanceAccount):
    """One spot account."""

    name = "binance"
    capabilities = Capabilities(
        order_types=(OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET),
        times_in_force=(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
        quote_amount=True,
        absence_grace=ABSENCE_GRACE,
        overload_grace=OVERLOAD_GRACE,
        candles_page=1000,
        followed=("candles", "trades", "order_book", "ticker"),
        followed_levels=BOOK_LEVELS,
        balance_names=NAMES,
    )
    credential_fields: ClassVar[Mapping[str, CredentialField]] = credential_fields("binance")
    call_names = CallNames(
        create="create_order",
        try_order="create_test_order",
        cancel="cancel_order",
        order="get_order",
        open_orders="get_open_orders",
        trades="get_my_trades",
        ticker="get_ticker",
        book="get_order_book",
        market_trades="get_recent_trades",
        klines="get_klines",
    )
    #: "Current open orders" in Binance's spot API documentation.
    weights: ClassVar[Mapping[Question, int]] = {"open_orders": 80, "open_orders_of_pair": 6}
    weight_per_minute = SPOT_WEIGHT
    tickers_form: ClassVar[Mapping[str, str]] = {"type": "MINI"}

    async def fetch_balances(self) -> Sequence[Balance]:
        payload = await self.calls.ask("get_account", omitZeroBalances="true")
        with self.reading():
            return self.noted("balances", holdings.spot_balances(payload))

    async def fetch_exchange_account(self) -> str | None:
        """The account's user id; each sub-account has one of its own. Source: "Account information" of the spot API."""
        payload = await self.calls.ask("get_account", omitZeroBalances="true")
        with self.reading():
            return holdings.spot_account(payload)

    async def fetch_fee_rates(self, trading_pair: str, trade_type: TradeType) -> FeeRates:
        """Source: "Query Commission Rates" of the spot API."""
        payload = await self.calls.ask("v3_get_account_commission", symbol=self._symbol(trading_pair))
        with self.reading():
            return holdings.spot_fees(payload, trade_type)

    async def _order_terms(self, order: Order) -> Mapping[str, str]:
        return spot_terms(order)

    async def _trades(
        self, symbol: str, order_number: str, order: Mapping[str, Any] | None, odd: list[UnreadableRow]
    ) -> Mapping[int, Mapping[str, Any]]:
        return await self._trade_pages(symbol, order_number, odd)

    def _socket(self, client: BinanceClient) -> AbstractAsyncContextManager[Socket]:
        from app.connectors.binance.sockets import spot_socket

        return spot_socket(client, self.venue.endpoints.stream, self.venue.server_clock.now_ms, str(uuid4()))

    def _event(self, event: Mapping[str, Any]) -> ConnectorEvent | None:
        match event.get("e"):
            case "executionReport":
                return streamed_report(event, self.venue.known_markets.pair(text(event, "s")))
            case "outboundAccountPosition":
                return holdings.streamed_spot_balances(event, self.venue.odd_rows)
            case _:
                return None


def spot_terms(order: Order) -> Mapping[str, str]:
    """The terms of ``order`` in spot's parameters. Raises ``OrderRefused`` for terms that spot does not have."""
    if order.reduce_only:
        raise refuse("reduce_only has no meaning on spot")
    answer = {"newOrderRespType": "FULL"}
    if order.order_type is OrderType.MARKET:
        if order.quote_amount is not None:
            return {**answer, "type": "MARKET", "quoteOrderQty": shortest(order.quote_amount)}
        if order.amount is None:
            raise refuse("a MARKET order needs an amount")
        return {**answer, "type": "MARKET", "quantity": shortest(order.amount)}
    terms = {**answer, **limit_terms(order)}
    if order.order_type is OrderType.LIMIT_MAKER:
        return {**terms, "type": "LIMIT_MAKER"}
    return {**terms, "type": "LIMIT", "timeInForce": (order.time_in_force or TimeInForce.GTC).value}

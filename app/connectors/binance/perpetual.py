"""Binance's USD-M perpetuals: one account, on the exchange itself or on its test network.

In one-way mode an order that closes carries ``reduceOnly``; in hedge mode it names the position's side, and ``reduceOnly`` is
refused. So the account's mode is read from the exchange and cached until we change it or the exchange contradicts it. It is never
switched unless a caller asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from app.connectors.base import Question
from app.connectors.binance import holdings, market
from app.connectors.binance.account import BinanceAccount, CallNames
from app.connectors.binance.assets import NAMES
from app.connectors.binance.credentials import credential_fields
from app.connectors.binance.limits import PERPETUAL_WEIGHT
from app.connectors.binance.market_streams import BOOK_LEVELS
from app.connectors.binance.orders import (
    limit_terms,
    order_names,
    refuse,
    streamed_report,
    trade_fill,
)
from app.connectors.binance.outcomes import MODE_UNCHANGED, WRONG_POSITION_SIDE
from app.connectors.binance.spot import ABSENCE_GRACE, OVERLOAD_GRACE
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.common.lists import read_rows
from app.connectors.common.numbers import mapping, milliseconds_of, number, text, time
from app.connectors.common.stream import Socket
from app.connectors.rows import Rows, UnreadableRow, row_count
from app.domain.decimals import shortest
from app.domain.enums import OrderType, PositionAction, PositionMode, PositionSide, TimeInForce, TradeType
from app.domain.errors import ExchangeDown, ExchangeReadError, OrderRefused
from app.domain.fill import total_amount
from app.domain.order import Order
from app.domain.reports import (
    Balance,
    ConnectorEvent,
    FeeRates,
    FundingInfo,
    FundingPayment,
    OrderReport,
    Position,
)

if TYPE_CHECKING:
    from app.connectors.binance.client import BinanceClient

#: The depths that futures' ``depth`` takes.
_BOOK_LIMITS = (5, 10, 20, 50, 100, 500, 1000)

#: ``userTrades`` covers seven days at most, and the last seven where no time is given.
_TRADES_WINDOW = timedelta(days=7)

#: The most rows of ``income`` in one answer.
_INCOME_PAGE = 1000

_MILLISECOND = timedelta(milliseconds=1)

#: How far back ``income`` and ``userTrades`` tell: three and six months, less a day for the months' lengths and for clocks.
#: Source: "Get Income History" and "Account Trade List" in Binance's USD-M futures API documentation.
_INCOME_HISTORY = timedelta(days=88)
_TRADES_HISTORY = timedelta(days=179)


class BinancePerpetualConnector(BinanceAccount):
    """One USD-M account."""

    name = "binance_perpetual"
    capabilities = Capabilities(
        order_types=(OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET),
        times_in_force=(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
        reduce_only=True,
        is_perpetual=True,
        countdown="pair",
        position_modes=(PositionMode.ONEWAY, PositionMode.HEDGE),
        absence_grace=ABSENCE_GRACE,
        overload_grace=OVERLOAD_GRACE,
        funding_history=_INCOME_HISTORY,
        candles_page=1000,  # an answer would hold 1500, for twice the weight
        followed=("candles", "trades", "order_book", "ticker"),
        followed_levels=BOOK_LEVELS,
        balance_names=NAMES,
    )
    credential_fields: ClassVar[Mapping[str, CredentialField]] = credential_fields("binance_perpetual")
    call_names = CallNames(
        create="futures_create_order",
        try_order="futures_create_test_order",
        cancel="futures_cancel_order",
        order="futures_get_order",
        open_orders="futures_get_open_orders",
        trades="futures_account_trades",
        ticker="futures_ticker",
        book="futures_order_book",
        market_trades="futures_recent_trades",
        klines="futures_klines",
    )

    #: "Current All Open Orders" and "Get Income History" in Binance's USD-M futures API documentation.
    weights: ClassVar[Mapping[Question, int]] = {"open_orders": 40, "open_orders_of_pair": 1, "funding_payments": 30}
    weight_per_minute = PERPETUAL_WEIGHT

    #: The account's mode as last read from the exchange, None where it must be read.
    _mode: PositionMode | None = None
    #: How often a change of the mode began or ended.
    _mode_changes = 0

    async def submit_order(self, order: Order) -> OrderReport:
        try:
            return await super().submit_order(order)
        except OrderRefused as refused:
            if refused.exchange_code == str(WRONG_POSITION_SIDE):
                self._mode = None
            raise

    async def fetch_balances(self) -> Sequence[Balance]:
        payload = await self.calls.ask("futures_account_balance")
        with self.reading():
            return self.noted("balances", holdings.perpetual_balances(payload))

    async def fetch_exchange_account(self) -> str | None:
        """The account's alias, its "unique account code". Source: "Futures Account Balance" of the USD-M API."""
        payload = await self.calls.ask("futures_account_balance")
        with self.reading():
            return holdings.perpetual_account(payload)

    async def fetch_positions(self) -> Sequence[Position]:
        """The open positions, from version 2 of the call, the last that states the leverage."""
        markets = await self.venue.markets()
        payload = await self.calls.ask("futures_position_information", version=2)
        with self.reading():
            return self.noted("positions", holdings.positions(payload, markets.pair))

    async def fetch_leverage(self, trading_pair: str) -> Decimal:
        """By version 2 of ``positionRisk``, which has every symbol, with and without a position."""
        payload = await self.calls.ask("futures_position_information", symbol=self._symbol(trading_pair), version=2)
        with self.reading():
            return holdings.leverage(payload)

    async def fetch_fee_rates(self, trading_pair: str, trade_type: TradeType) -> FeeRates:
        """Source: "User Commission Rate" of the USD-M API."""
        payload = await self.calls.ask("futures_commission_rate", symbol=self._symbol(trading_pair))
        with self.reading():
            return holdings.perpetual_fees(payload)

    async def fetch_funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        markets = await self.venue.markets()
        found: dict[tuple[str, str, datetime, Decimal], FundingPayment] = {}
        odd: list[UnreadableRow] = []
        start = milliseconds_of(since)
        while True:
            payload = await self.calls.ask(
                "futures_income_history", incomeType="FUNDING_FEE", startTime=start, limit=_INCOME_PAGE
            )
            with self.reading():
                page = self.noted("income", holdings.funding_payments(payload, markets.pair))
            fresh = {name: one for one in page if (name := _funding_name(one)) not in found}
            found.update(fresh)
            odd += page.unreadable
            if row_count(page) < _INCOME_PAGE:
                return Rows.of(sorted(found.values(), key=lambda payment: payment.paid_at), odd)
            if not fresh:
                raise ExchangeReadError("Binance repeats the same page of funding payments")
            start = max(milliseconds_of(payment.paid_at) for payment in page)

    async def fetch_funding_info(self, trading_pair: str) -> FundingInfo:
        payload = await self._public("futures_mark_price", trading_pair)
        with self.reading():
            return market.funding_info(payload, trading_pair)

    async def fetch_position_mode(self) -> PositionMode:
        changes = self._mode_changes
        payload = await self.calls.ask("futures_get_position_mode")
        with self.reading():
            mode = holdings.position_mode(payload)
        if changes == self._mode_changes:
            self._mode = mode
        return mode

    async def set_position_mode(self, mode: PositionMode) -> None:
        self._mode = None
        self._mode_changes += 1  # what an earlier question is answered from now on may be the mode before
        dual = "true" if mode is PositionMode.HEDGE else "false"
        try:
            await self.calls.change("futures_change_position_mode", dualSidePosition=dual)
        except OrderRefused as refused:
            if refused.exchange_code != str(MODE_UNCHANGED):
                raise
        finally:
            self._mode = None  # an order may have asked while the change was under way
            self._mode_changes += 1

    async def set_leverage(self, trading_pair: str, leverage: int) -> None:
        answer = await self.calls.change(
            "futures_change_leverage", symbol=self._symbol(trading_pair), leverage=leverage
        )
        with self.reading():
            now = number(mapping(answer), "leverage")
        if now != leverage:
            raise ExchangeReadError(f"Binance set the leverage of {trading_pair} to {now} instead of {leverage}")

    async def set_countdown(self, trading_pair: str, until: datetime | None) -> None:
        """Source: "Auto-Cancel All Open Orders" of the USD-M API. It counts from its arrival, which Binance refuses once the call's
        ``recvWindow`` is over.
        """
        symbol = self._symbol(trading_pair)
        await self.venue.ready_to_sign()
        left = timedelta(0) if until is None else until - self.context.clock.now()
        if until is not None and left < _MILLISECOND:
            raise ExchangeDown(f"The countdown of {trading_pair} was not sent: its time was over")
        answer = await self.calls.change(
            "futures_countdown_cancel_all",
            symbol=symbol,
            countdownTime=left // _MILLISECOND,
        )
        with self.reading():
            if mapping(answer).get("symbol") != symbol:
                raise ExchangeReadError(f"Binance answered about another countdown than that of {trading_pair}")

    async def _order_terms(self, order: Order) -> Mapping[str, str]:
        return perpetual_terms(order, self._mode or await self.fetch_position_mode())

    async def _trades(
        self, symbol: str, order_number: str, order: Mapping[str, Any] | None, odd: list[UnreadableRow]
    ) -> Mapping[int, Mapping[str, Any]]:
        """The last seven days' trades, and if the order executed more than they show, those of all weeks of its life."""
        found = await self._trade_pages(symbol, order_number, odd)
        if order is None:
            return found
        with self.reading():
            shown = total_amount(read_rows(list(found.values()), trade_fill))
            missing = shown < number(order, "executedQty")
            start, end = time(order, "time"), time(order, "updateTime")
        oldest = self.venue.server_clock.now() - _TRADES_HISTORY
        if missing and start < oldest:
            why = f"Binance tells of no trades before {oldest:%Y-%m-%d}, and the order is from {start:%Y-%m-%d}"
            self.venue.odd_rows.note("trades history", [UnreadableRow(why=why, **order_names(order))])
            start = oldest
        while missing and start <= end:
            last = min(start + _TRADES_WINDOW - _MILLISECOND, end)
            window = {"startTime": milliseconds_of(start), "endTime": milliseconds_of(last)}
            found |= await self._trade_pages(symbol, order_number, odd, **window)
            start = last + _MILLISECOND
        return found

    def _book_limit(self, depth: int) -> int:
        return next((limit for limit in _BOOK_LIMITS if limit >= depth), _BOOK_LIMITS[-1])

    def _socket(self, client: BinanceClient) -> AbstractAsyncContextManager[Socket]:
        from app.connectors.binance.sockets import perpetual_socket

        return perpetual_socket(client, self.venue.endpoints.stream, self.context.clock)

    def _event(self, event: Mapping[str, Any]) -> ConnectorEvent | None:
        match event.get("e"):
            case "ORDER_TRADE_UPDATE":
                order = mapping(event.get("o"))
                return streamed_report(order, self.venue.known_markets.pair(text(order, "s")))
            case "ACCOUNT_UPDATE":
                return holdings.streamed_perpetual_balances(event, self.venue.odd_rows)
            case _:
                return None


class BinancePerpetualTestnetConnector(BinancePerpetualConnector):
    """One account on Binance's futures test network, with keys of its own."""

    name = "binance_perpetual_testnet"
    credential_fields: ClassVar[Mapping[str, CredentialField]] = credential_fields("binance_perpetual_testnet")


def _funding_name(payment: FundingPayment) -> tuple[str, str, datetime, Decimal]:
    """What tells payments apart. One id may stand for several: those of two symbols, and in hedge mode those of both sides, of
    which one pays what the other receives.
    """
    return (payment.trading_pair, payment.exchange_funding_id, payment.paid_at, payment.payment)


def perpetual_terms(order: Order, mode: PositionMode) -> Mapping[str, str]:
    """The terms of ``order`` in futures' parameters. Raises ``OrderRefused`` for terms that futures do not have."""
    terms = {"newOrderRespType": "RESULT", **_position_terms(order, mode)}
    if order.order_type is OrderType.MARKET:
        if order.amount is None:
            raise refuse("a perpetual order needs an amount in base units")
        return {**terms, "type": "MARKET", "quantity": shortest(order.amount)}
    is_maker = order.order_type is OrderType.LIMIT_MAKER
    lasting = "GTX" if is_maker else (order.time_in_force or TimeInForce.GTC).value
    return {**terms, **limit_terms(order), "type": "LIMIT", "timeInForce": lasting}


def _position_terms(order: Order, mode: PositionMode) -> Mapping[str, str]:
    is_closing = order.position_action is PositionAction.CLOSE
    if mode is PositionMode.ONEWAY:
        return {"reduceOnly": "true"} if is_closing or order.reduce_only else {}
    if order.reduce_only and not is_closing:
        raise refuse("in hedge mode an order that opens a position can't be reduce_only")
    opens_long = (order.trade_type is TradeType.BUY) != is_closing
    return {"positionSide": (PositionSide.LONG if opens_long else PositionSide.SHORT).value}

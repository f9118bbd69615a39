"""What the spot and the perpetual connector of Binance do alike: one account's orders, questions, market data and stream.

The markets differ in the names of calls (``CallNames``), in the terms of an order, in their trade lists and in their streams; those
are the abstract parts. The contract with the gateway is kept in ``binance_calls`` and ``binance_outcomes``.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from app.clock import Clock
from app.connectors.base import Connector, ConnectorContext
from app.connectors.binance import market as binance_market
from app.connectors.binance.calls import AccountCalls
from app.connectors.binance.candles import fetch_pages
from app.connectors.binance.endpoints import endpoints_of
from app.connectors.binance.orders import confirm_same, order_report, total_amount, trade_fill
from app.connectors.binance.outcomes import CANCEL_REFUSED, reading
from app.connectors.binance.venue import BinanceVenue
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.numbers import integer_text, number, rows
from app.connectors.common.stream import Socket, UserStream
from app.domain.errors import ExchangeReadError, InvalidArgument, OrderRefused, UnsupportedPair
from app.domain.fill import Fill
from app.domain.ids import is_client_order_id
from app.domain.order import Order, OrderRef
from app.domain.reports import Candle, ConnectorEvent, OrderBook, OrderReport, PublicTrade, Ticker
from app.domain.trading_rule import TradingRule
from app.settings import Settings

if TYPE_CHECKING:
    from app.connectors.binance.client import TamedClient


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNames:
    """What python-binance calls the things that both markets have."""

    create: str
    cancel: str
    order: str
    open_orders: str
    trades: str
    ticker: str
    book: str
    market_trades: str
    klines: str


class BinanceAccount(Connector):
    """One account on one market of Binance."""

    calls_named: ClassVar[CallNames]
    #: The most candles in one answer.
    candles_page: ClassVar[int]
    #: What asks for all tickers in their shortest form, where the market has one.
    tickers_form: ClassVar[Mapping[str, str]] = {}

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        assert isinstance(context.venue, BinanceVenue)
        self.venue: BinanceVenue = context.venue
        self.calls = AccountCalls(self.venue, self.name, context.credentials)
        self._streams: list[UserStream] = []
        self._is_closed = False

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> BinanceVenue:
        return BinanceVenue(endpoints_of(cls.name, settings.connector_urls), settings, clock)

    @classmethod
    async def close_venue(cls, venue: BinanceVenue) -> None:
        await venue.close()

    @classmethod
    def headroom(cls, venue: BinanceVenue) -> float:
        return venue.limits.headroom

    @classmethod
    def problem(cls, venue: BinanceVenue) -> str | None:
        return venue.problem

    async def close(self) -> None:
        self._is_closed = True
        for stream in tuple(self._streams):
            await stream.close()
        await self.calls.close()

    async def load_trading_rules(self) -> Mapping[str, TradingRule]:
        return (await self.venue.markets()).rules

    # Orders.

    def check_available(self) -> None:
        self.calls.check_available()

    async def submit_order(self, order: Order) -> OrderReport:
        order_id, symbol = _checked_id(order.order_id), self._symbol(order.trading_pair)
        terms = await self._order_terms(order)
        answer = await self.calls.order(
            self.calls_named.create, symbol=symbol, newClientOrderId=order_id, side=order.trade_type.value, **terms
        )
        return confirm_same(order_report(answer, order.trading_pair), order_id, answer, symbol)

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        order_id, symbol = _checked_id(ref.order_id), self._symbol(ref.trading_pair)
        try:
            answer = await self.calls.order(self.calls_named.cancel, symbol=symbol, origClientOrderId=order_id)
        except OrderRefused as refused:
            if refused.exchange_code != str(CANCEL_REFUSED):
                raise
            report = await self.fetch_order(ref)
            if report is None or report.state == "open":
                raise
            return report
        return confirm_same(order_report(answer, ref.trading_pair), order_id, answer, symbol)

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        answer = await self._order_in_its_words(ref)
        if answer is None:
            return None
        with reading():
            report = order_report(answer, ref.trading_pair)
            return confirm_same(report, ref.order_id, answer, self._symbol(ref.trading_pair))

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        markets = await self.venue.markets()
        parameters = {} if trading_pair is None else {"symbol": self._symbol(trading_pair)}
        payload = await self.calls.ask(self.calls_named.open_orders, **parameters)
        with reading():
            return [order_report(row, markets.pair(str(row.get("symbol")))) for row in rows(payload)]

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        """The order's own total is the check: a list that is short of it is an error, not an answer."""
        order = await self._order_in_its_words(ref)
        if order is None and ref.exchange_order_id is None:
            return []
        with reading():
            known = {"orderId": ref.exchange_order_id} if order is None else order
            order_number = integer_text(known, "orderId")
        trades = await self._trades(self._symbol(ref.trading_pair), order_number, order)
        with reading():
            fills = [trade_fill(trade) for _, trade in sorted(trades.items())]
            executed = None if order is None else number(order, "executedQty")
        if executed is not None and total_amount(fills) < executed:
            raise ExchangeReadError("Binance does not show all fills of the order yet")
        return fills

    # Public data.

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        payload = await self._public(self.calls_named.ticker, trading_pair)
        with reading():
            return binance_market.ticker(payload, trading_pair)

    async def fetch_tickers(self) -> Sequence[Ticker]:
        """One call for all: it weighs 80 of 6000 a minute on spot and 40 of 2400 on futures. Like any question it
        is held back when the weight runs short.
        """
        markets = await self.venue.markets()
        payload = await self.venue.read(getattr(self.venue.public, self.calls_named.ticker)(**self.tickers_form))
        trading = {symbol: pair for symbol, pair in markets.pairs.items() if markets.rules[pair].is_trading}
        with reading():  # thousands of rows: beside the loop, so that no order waits for them
            return await asyncio.to_thread(binance_market.tickers, payload, trading)

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        """Binance shows a thousand at most."""
        payload = await self._public(self.calls_named.market_trades, trading_pair, limit=min(limit, PUBLIC_TRADES_PAGE))
        with reading():
            return binance_market.public_trades(payload, trading_pair)

    async def fetch_order_book(self, trading_pair: str, depth: int) -> OrderBook:
        payload = await self._public(self.calls_named.book, trading_pair, limit=self._book_limit(depth))
        with reading():
            return binance_market.order_book(payload, trading_pair, depth=depth, now=self.venue.server_clock.now())

    async def fetch_candles(
        self,
        trading_pair: str,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[Candle]:
        if interval not in INTERVALS:
            raise InvalidArgument(f"Binance has no candles of '{interval}'; it has {', '.join(INTERVALS)}")

        async def page(parameters: Mapping[str, int]) -> list[Candle]:
            payload = await self._public(self.calls_named.klines, trading_pair, interval=interval, **parameters)
            with reading():
                return binance_market.candles(payload)

        return await fetch_pages(page, size=self.candles_page, limit=limit, start_at=start_at, end_at=end_at)

    # The stream.

    async def events(self) -> AsyncGenerator[ConnectorEvent, None]:
        if self._is_closed:
            return
        stream = UserStream(self._open_socket, self._event, self.context.clock)
        self._streams.append(stream)
        try:
            async with aclosing(stream.events()) as events:
                async for event in events:
                    yield event
        finally:
            self._streams.remove(stream)

    @asynccontextmanager
    async def _open_socket(self) -> AsyncIterator[Socket]:
        await self.venue.markets()
        await self.venue.ready_to_sign()
        try:
            async with self._socket(self.calls.client()) as socket:
                yield socket
        except ErrorAnswer as error:
            self.venue.limits.note(error.headers, error)
            refused = await self.calls.judged(error)
            if refused is None:
                raise
            raise refused from error

    # What the two markets do differently.

    @abstractmethod
    async def _order_terms(self, order: Order) -> Mapping[str, str]:
        """The parameters of ``order`` but symbol, side and id. Raises ``Refused``; nothing has been sent."""

    @abstractmethod
    async def _trades(
        self, symbol: str, order_number: str, order: Mapping[str, Any] | None
    ) -> Mapping[int, Mapping[str, Any]]:
        """The trades of one order by their id. ``order`` is the order in the exchange's words, None where it is gone."""

    @abstractmethod
    def _socket(self, client: TamedClient) -> AbstractAsyncContextManager[Socket]:
        """A subscribed connection for the account of ``client``."""

    @abstractmethod
    def _event(self, event: Mapping[str, Any]) -> ConnectorEvent | None:
        """An event of the user stream as ours; None if it does not concern us."""

    def _book_limit(self, depth: int) -> int:
        """The depth to ask for, so that ``depth`` levels come back."""
        return depth

    # Shared steps.

    def _symbol(self, trading_pair: str) -> str:
        return self.venue.known_markets.symbol(trading_pair)

    async def _order_in_its_words(self, ref: OrderRef) -> Mapping[str, Any] | None:
        order_id = _checked_id(ref.order_id)
        return await self.calls.ask_order(
            self.calls_named.order, symbol=self._symbol(ref.trading_pair), origClientOrderId=order_id
        )

    async def _trade_pages(self, symbol: str, order_number: str, **bounds: int) -> dict[int, Mapping[str, Any]]:
        """All trades of one order within ``bounds``, page after page."""
        found: dict[int, Mapping[str, Any]] = {}
        start: dict[str, int] = {}
        while True:
            payload = await self.calls.ask(
                self.calls_named.trades, symbol=symbol, orderId=order_number, limit=TRADES_PAGE, **{**bounds, **start}
            )
            with reading():
                page = {int(integer_text(row, "id")): row for row in rows(payload)}
            is_last = len(page) < TRADES_PAGE or page.keys() <= found.keys()
            found.update(page)
            if is_last:
                return {number: row for number, row in found.items() if str(row.get("orderId")) == order_number}
            start = {"fromId": max(page) + 1}
            bounds = {}  # Binance takes either a first id or times

    async def _public(self, name: str, trading_pair: str, **parameters: str | int) -> Any:
        markets = await self.venue.markets()
        if trading_pair not in markets.symbols:
            raise UnsupportedPair(trading_pair, self.name, list(markets.symbols))
        call = getattr(self.venue.public, name)
        return await self.venue.read(call(symbol=markets.symbol(trading_pair), **parameters))


#: Both trade lists give at most this many rows in one answer.
TRADES_PAGE = 1000

#: The most of the market's own trades in one answer, on both markets.
PUBLIC_TRADES_PAGE = 1000

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


def _checked_id(order_id: str) -> str:
    if not is_client_order_id(order_id):
        raise OrderRefused(f"The order id '{order_id[:40]}' is not one that Binance takes; nothing was sent")
    return order_id

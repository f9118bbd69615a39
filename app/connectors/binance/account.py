"""What the spot and the perpetual connector of Binance do alike: one account's orders, questions, market data and stream.

The markets differ in the names of calls (``CallNames``), in the terms of an order, in their trade lists and in their streams; those
are the abstract parts.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from app.clock import Clock
from app.connectors.base import Question
from app.connectors.binance import market
from app.connectors.binance.credentials import credentials_of
from app.connectors.binance.endpoints import endpoints_of
from app.connectors.binance.market_streams import MAX_AGE_SECONDS
from app.connectors.binance.orders import (
    checked_id,
    confirm_same,
    known_id,
    may_be_trade_of,
    numbered_trade,
    order_names,
    order_report,
    trade_fill,
)
from app.connectors.binance.outcomes import CANCEL_REFUSED
from app.connectors.binance.venue import BinanceVenue
from app.connectors.capabilities import MarketTopic
from app.connectors.common.connector import RestConnector
from app.connectors.common.lists import of_object, read_rows
from app.connectors.common.numbers import integer_text, milliseconds_of, number, text
from app.connectors.common.venue import Markets
from app.connectors.rows import Rows, UnreadableRow, row_count
from app.domain.decimals import EXACT, ceil_to, shortest
from app.domain.errors import CredentialsRefused, ExchangeReadError, InvalidArgument, OrderRefused
from app.domain.fill import Fill, total_amount
from app.domain.order import Order, OrderRef
from app.domain.recognition import is_same_order
from app.domain.reports import Candle, MarketEvent, OrderBook, OrderReport, PublicTrade, Ticker
from app.settings import Settings

if TYPE_CHECKING:
    from app.connectors.binance.client import BinanceClient

#: Both trade lists give at most this many rows in one answer.
TRADES_PAGE = 1000

#: The most of the market's own trades in one answer, on both markets.
PUBLIC_TRADES_PAGE = 1000

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNames:
    """The names of python-binance's methods for the calls that both markets have."""

    create: str
    try_order: str
    cancel: str
    order: str
    open_orders: str
    trades: str
    ticker: str
    book: str
    market_trades: str
    klines: str


class BinanceAccount(RestConnector["BinanceClient"]):
    """One account on one market of Binance."""

    venue: BinanceVenue
    stream_max_age = MAX_AGE_SECONDS
    call_names: ClassVar[CallNames]
    #: The weights of the questions that are asked at intervals, and the weight of a minute until the exchange has told its own.
    weights: ClassVar[Mapping[Question, int]]
    weight_per_minute: ClassVar[int]
    #: The parameters that ask for all tickers in their shortest form, where the market has one.
    tickers_form: ClassVar[Mapping[str, str]] = {}

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> BinanceVenue:
        return BinanceVenue(endpoints_of(cls.name, settings.connector_urls), settings, clock)

    # Orders.

    async def submit_order(self, order: Order) -> OrderReport:
        order_id, symbol = checked_id(order.order_id), self._symbol(order.trading_pair)
        with self.calls.unsent("what the order depends on could not be read"):
            terms = await self._order_terms(order)
        answer = await self.calls.order(
            self.call_names.create, symbol=symbol, newClientOrderId=order_id, side=order.trade_type.value, **terms
        )
        return confirm_same(order_report(answer, order.trading_pair), order_id, answer, symbol)

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        order_id, symbol = known_id(ref), self._symbol(ref.trading_pair)
        try:
            answer = await self.calls.cancel(self.call_names.cancel, symbol=symbol, origClientOrderId=order_id)
        except OrderRefused as refused:
            if refused.exchange_code != str(CANCEL_REFUSED):
                raise
            report = await self.fetch_order(ref)
            if report is None or (report.state == "open" and report.order_id == order_id):
                raise
            if report.state == "open":  # an amendment that we have not heard of has given it another client id
                return await self.cancel_order(replace(ref, exchange_client_order_id=report.order_id))
            return report
        return confirm_same(order_report(answer, ref.trading_pair), order_id, answer, symbol)

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        answer = await self._raw_order(ref)
        if answer is None:
            return None
        with self.reading():
            return order_report(answer, ref.trading_pair)

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        markets = await self.venue.markets()
        parameters = {} if trading_pair is None else {"symbol": self._symbol(trading_pair)}
        payload = await self.calls.ask(self.call_names.open_orders, **parameters)
        with self.reading():  # thousands of rows: in a thread, so that no order waits for them
            return self.noted("open orders", await asyncio.to_thread(_open_orders, payload, markets))

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        """All fills of the order. Raises ``ExchangeReadError`` if the list is short of the order's own total, though all of it was
        read.
        """
        order = await self._raw_order(ref)
        if order is None and (ref.exchange_order_id is None or await self._by_number(ref) is not None):
            return []  # its number, if it has one, is another order's by now
        with self.reading():
            known = {"orderId": ref.exchange_order_id} if order is None else order
            order_number = integer_text(known, "orderId")
        odd: list[UnreadableRow] = []
        trades = await self._trades(self._symbol(ref.trading_pair), order_number, order, odd)
        with self.reading():
            mine = [trade for _, trade in sorted(trades.items()) if order is not None or may_be_trade_of(ref, trade)]
            found = read_rows(mine, trade_fill, order_names)
            fills = self.noted("trades", Rows.of(found, (*found.unreadable, *odd)))
            executed = None if order is None else number(order, "executedQty")
        if executed is not None and total_amount(fills) < executed and not fills.unreadable:
            raise ExchangeReadError("Binance does not show all fills of the order yet")
        return fills

    def request_share(self, question: Question) -> float:
        return self.weights.get(question, 0) / self.venue.limits.per_minute(self.weight_per_minute)

    # Public data.

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        payload = await self._public(self.call_names.ticker, trading_pair)
        with self.reading():
            return market.ticker(payload, trading_pair)

    async def fetch_tickers(self) -> Sequence[Ticker]:
        """One call for all pairs: it weighs 80 of 6000 per minute on spot and 40 of 2400 on futures."""
        markets = await self.venue.markets()
        client = await self.venue.public_client()
        payload = await self.venue.read(getattr(client, self.call_names.ticker)(**self.tickers_form))
        trading = {symbol: pair for symbol, pair in markets.pairs.items() if markets.rules[pair].is_trading}
        with self.reading():  # thousands of rows: in a thread, so that no order waits for them
            return self.noted("tickers", await asyncio.to_thread(market.tickers, payload, trading))

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        """The market's last trades, of which Binance gives a thousand at most."""
        payload = await self._public(self.call_names.market_trades, trading_pair, limit=min(limit, PUBLIC_TRADES_PAGE))
        with self.reading():
            return self.noted("market trades", market.public_trades(payload, trading_pair))

    async def fetch_order_book(self, trading_pair: str, depth: int) -> OrderBook:
        payload = await self._public(self.call_names.book, trading_pair, limit=self._book_limit(depth))
        with self.reading():
            return market.order_book(payload, trading_pair, depth=depth, now=self.venue.server_clock.now())

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
            raise InvalidArgument(
                f"Binance has no candles of '{interval}': the interval is one of {', '.join(INTERVALS)}"
            )
        parameters: dict[str, str | int] = {"interval": interval, "limit": min(limit, self.capabilities.candles_page)}
        if start_at is not None:
            parameters["startTime"] = milliseconds_of(start_at)
        if end_at is not None:
            parameters["endTime"] = milliseconds_of(end_at)
        payload = await self._public(self.call_names.klines, trading_pair, **parameters)
        with self.reading():
            return self.noted("candles", await market.candles(payload))

    def follow(self, topic: MarketTopic) -> AsyncGenerator[MarketEvent, None]:
        return self.venue.follow(topic, self.name)

    async def try_order(self) -> None:
        """``order/test`` looks at the key's permissions and at the terms, and hands nothing to the matching engine."""
        pair, rule = next(each for each in (await self.venue.markets()).rules.items() if each[1].is_trading)
        worth = EXACT.divide(2 * rule.min_notional_size, (await self.fetch_ticker(pair)).price)
        least = max(worth, rule.market_min_order_size or rule.min_order_size)
        amount = ceil_to(least, rule.market_min_base_amount_increment or rule.min_base_amount_increment)
        await self.calls.ask(
            self.call_names.try_order, symbol=self._symbol(pair), side="BUY", type="MARKET", quantity=shortest(amount)
        )

    async def check_order(self, order: Order) -> None:
        """By ``order/test``, with the same parameters as the order itself. It checks the account's rights and the pair's
        filters, not its balance.
        """
        symbol = self._symbol(order.trading_pair)
        terms = await self._order_terms(order)
        await self.calls.change(
            self.call_names.try_order,
            symbol=symbol,
            newClientOrderId=checked_id(order.order_id),
            side=order.trade_type.value,
            **terms,
        )

    # What the two markets do differently.

    @abstractmethod
    async def _order_terms(self, order: Order) -> Mapping[str, str]:
        """The parameters of ``order`` except symbol, side and id. Whatever it raises, nothing was sent."""

    @abstractmethod
    async def _trades(
        self, symbol: str, order_number: str, order: Mapping[str, Any] | None, odd: list[UnreadableRow]
    ) -> Mapping[int, Mapping[str, Any]]:
        """The trades of one order by their id. ``order`` is the order as Binance describes it, None if Binance has it no longer.
        What has no readable id, and may be the order's, is added to ``odd``.
        """

    def _book_limit(self, depth: int) -> int:
        """The depth to ask for, so that ``depth`` levels come back."""
        return depth

    # Shared steps.

    def _build_client(self) -> BinanceClient:
        credentials = credentials_of(self.name, self.context.credentials)
        if credentials is None:
            raise CredentialsRefused(f"There are no credentials for {self.name}; nothing was sent")
        return self.venue.new_client(credentials)

    def _symbol(self, trading_pair: str) -> str:
        return self.venue.known_markets.symbol(trading_pair)

    async def _raw_order(self, ref: OrderRef) -> Mapping[str, Any] | None:
        """The order by the client id that Binance has it under, else by its number; None if neither finds it, or only another."""
        order_id, symbol = known_id(ref), self._symbol(ref.trading_pair)
        answer = await self.calls.ask_order(self.call_names.order, symbol=symbol, origClientOrderId=order_id)
        if answer is not None:
            with self.reading():
                report = confirm_same(order_report(answer, ref.trading_pair), order_id, answer, symbol)
            if is_same_order(ref, report):
                return answer
        answer = await self._by_number(ref)
        if answer is not None:
            with self.reading():
                report = order_report(answer, ref.trading_pair)
                confirm_same(report, report.order_id, answer, symbol)
            if is_same_order(ref, report):
                return answer
        return None

    async def _by_number(self, ref: OrderRef) -> Mapping[str, Any] | None:
        """The order that has Binance's number of ``ref``, whoever placed it."""
        if ref.exchange_order_id is None:
            return None
        return await self.calls.ask_order(
            self.call_names.order, symbol=self._symbol(ref.trading_pair), orderId=ref.exchange_order_id
        )

    async def _trade_pages(
        self, symbol: str, order_number: str, odd: list[UnreadableRow], **bounds: int
    ) -> dict[int, Mapping[str, Any]]:
        """All trades of one order within ``bounds``, page after page."""
        found: dict[int, Mapping[str, Any]] = {}
        start: dict[str, int] = {}
        while True:
            payload = await self.calls.ask(
                self.call_names.trades, symbol=symbol, orderId=order_number, limit=TRADES_PAGE, **{**bounds, **start}
            )
            with self.reading():
                rows = read_rows(payload, numbered_trade, order_names)
            page = dict(rows)
            odd += [row for row in rows.unreadable if row.exchange_order_id in (None, order_number)]
            is_last = row_count(rows) < TRADES_PAGE or page.keys() <= found.keys()
            found.update(page)
            if is_last:
                return {number: row for number, row in found.items() if str(row.get("orderId")) == order_number}
            start = {"fromId": max(page) + 1}
            bounds = {}  # Binance takes either a first id or times

    async def _public(self, name: str, trading_pair: str, **parameters: str | int) -> Any:
        markets = await self.venue.listed(trading_pair, self.name)
        call = getattr(await self.venue.public_client(), name)
        return await self.venue.read(call(symbol=markets.symbol(trading_pair), **parameters))


def _open_orders(payload: Any, markets: Markets) -> Rows[OrderReport]:
    def read(row: Mapping[str, Any]) -> OrderReport:
        return order_report(row, markets.pair(text(row, "symbol")))

    def names(row: Mapping[str, Any]) -> Mapping[str, str | None]:
        return {**order_names(row), "trading_pair": markets.pair(str(row.get("symbol")))}

    return read_rows(payload, of_object(read), names)

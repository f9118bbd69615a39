"""The paper exchange as a connector: real matching, fees and fills with play money, in this process and durable.

The exchange's calls block for about a millisecond, so they run on the venue's threads, each bounded by the exchange time-out. A
submit that has not begun by then is never begun (``deadline``), so a short grace time is enough to prove that an absent order will
not arrive. The connector decides nothing: it turns the exchange's records into reports, and its refusals into ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, TypeVar

from msgspec import structs

from app.clock import Clock
from app.concurrency.threads import open_in_thread
from app.concurrency.waiting import wait_for_event
from app.connectors.base import SENDING_CHECK, Connector, ConnectorContext
from app.connectors.capabilities import Capabilities
from app.connectors.paper.credentials import CREDENTIAL_FIELDS, STARTING_BALANCES, starting_balances
from app.connectors.paper.reports import (
    balance_of,
    book_of,
    candle_of,
    new_order_of,
    public_trade_of,
    report_of,
    rule_of,
    ticker_of,
)
from app.connectors.paper.venue import PaperVenue, faults_of, refusals, store_url
from app.domain.decimals import ZERO
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.errors import (
    CredentialsRefused,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    OrderRefused,
    UnsupportedPair,
)
from app.domain.fill import Fill
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order, OrderRef
from app.domain.reports import (
    Balance,
    BalanceReport,
    Candle,
    ConnectorEvent,
    FeeRates,
    Gap,
    OrderBook,
    OrderReport,
    PublicTrade,
    Ticker,
)
from app.domain.wording import in_words
from app.failpoints import reach
from app.paper.exchange import PAGE, PaperExchange
from app.paper.faults import GRACE, ServerFault
from app.paper.orders import AccountEvents, NewOrder, OrderRecord
from app.paper.refusals import PaperRefusal
from app.settings import Settings

Answer = TypeVar("Answer")

#: How often to look for what other processes did and to let the market move on; this process's own changes wake the stream at once.
_POLL_SECONDS = 0.25

#: Computing these takes far less than the time limit of a call.
_CANDLES_PAGE = 1000


class PaperConnector(Connector):
    """One account on the paper exchange, under the gateway's name for it."""

    name = "paper"
    capabilities: ClassVar[Capabilities] = Capabilities(
        order_types=(OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER),
        times_in_force=(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
        quote_amount=True,
        # A submit begins before its deadline or never, and a question waits for one that has begun, since both take the
        # exchange's lock. Two seconds are for the moment between writing the intent and starting the deadline.
        absence_grace=timedelta(seconds=2),
        candles_page=_CANDLES_PAGE,
    )
    credential_fields = CREDENTIAL_FIELDS
    _rule_of = staticmethod(rule_of)

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        self._account = context.account_name
        venue = context.venue
        assert isinstance(venue, PaperVenue), "the paper connector lives on the venue that open_venue made"
        self._venue = venue
        self._is_closed = False
        self._changes: set[asyncio.Event] = set()
        self._faults = venue.faults
        if self._faults is not None:
            # This exchange can deliver an order late and hide it, so its silence proves less.
            self.capabilities = replace(self.capabilities, absence_grace=GRACE)  # type: ignore[misc]
        self._exchange = venue.exchange
        self._starting_balances = starting_balances(context.credentials, self._exchange.assets)
        if self._starting_balances is not None:
            self._exchange.set_opening_balances(self._account, self._starting_balances)

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> PaperVenue:
        """The exchange on its store: a file of its own beside the journal's, or tables of its own in PostgreSQL."""
        # First what may raise: afterwards there is an exchange to close.
        faults = faults_of(settings, clock)
        exchange = await open_in_thread(partial(cls._open_exchange, settings, clock), PaperExchange.close)
        return PaperVenue(exchange, settings.exchange_timeout, faults, rule_of=cls._rule_of)

    @classmethod
    def _open_exchange(cls, settings: Settings, clock: Clock) -> PaperExchange:
        return PaperExchange(store_url(settings, "paper.db"), clock=clock, seed=settings.paper_seed)

    @classmethod
    async def close_venue(cls, venue: Any) -> None:
        assert isinstance(venue, PaperVenue)
        await venue.close()

    async def close(self) -> None:
        self._is_closed = True
        for changed in self._changes:
            changed.set()

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        """The exchange's pairs never change, so these rules are never old."""
        return self._venue.rules

    async def submit_order(self, order: Order) -> OrderReport:
        reach("connector.paper.submitting")

        check = SENDING_CHECK.get()
        if check is not None:
            check()

        def place(deadline: float) -> Awaitable[OrderRecord]:
            return self._venue.call(partial(self._place, order, deadline))

        deadline = self.context.clock.monotonic() + self._seconds_left(order)
        with refusals():
            if self._faults is None:
                record = await place(deadline)
            else:
                record = await self._faults.submit(order.order_id, place, deadline)
        reach("connector.paper.submitted")
        return self._report(record)

    async def check_order(self, order: Order) -> None:
        with refusals():
            await self._venue.call(lambda: self._exchange.check(self._new_order(order)))

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        cancel = partial(self._exchange.cancel, self._account, **_named(ref))
        try:
            reach("connector.paper.canceling")
            with refusals():
                if self._faults is None:
                    canceled = await self._venue.call(cancel)
                else:
                    canceled = await self._faults.cancel(ref.order_id, lambda: self._venue.call(cancel))
            reach("connector.paper.canceled")
            return self._report(canceled)
        except OrderRefused as refusal:
            # It is not open: either it is done, and that is the answer, or there is no such order.
            report = await self.fetch_order(ref)
            if report is None:
                raise refusal from None
            return report

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        record = await self._find(ref)
        if record is None or (self._faults is not None and self._faults.hides(record)):
            return None
        return self._report(record)

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        records = await self._query(partial(self._exchange.open_orders, self._account, trading_pair))
        return [self._report(record) for record in records]

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        record = await self._find(ref)
        return () if record is None else report_of(record).fills

    async def _find(self, ref: OrderRef) -> OrderRecord | None:
        """The order by the exchange's id where we know it, else by ours. After a new start of the exchange another order may have
        the first; an order never changes ours.
        """
        record: OrderRecord | None = await self._query(partial(self._exchange.order, self._account, **_named(ref)))
        return None if record is None or record.order.client_order_id != ref.order_id else record

    async def fetch_exchange_account(self) -> str:
        """The paper exchange names its accounts as the gateway does."""
        return self._account

    async def fetch_balances(self) -> Sequence[Balance]:
        balances = await self._ask(partial(self._exchange.balances, self._account))
        return [balance_of(balance) for balance in balances if balance.total != ZERO]

    async def check_credentials(self) -> Sequence[Balance]:
        """Open the account if it is not open yet; it must then hold its starting balances."""
        balances = await self.fetch_balances()
        wanted = self._starting_balances
        if wanted is not None and {each.asset: each.total for each in balances} != _nonzero(wanted):
            raise CredentialsRefused(
                f"The paper account '{self._account}' is open already and holds other money; add it without {STARTING_BALANCES}"
                " to keep that, or choose another account name"
            )
        return balances

    async def fetch_fee_rates(self, trading_pair: str, trade_type: TradeType) -> FeeRates:
        """The paper exchange has one rate for makers and one for takers."""
        fees = self._exchange.fees
        return FeeRates(maker=fees.maker, taker=fees.taker, source="paper exchange")

    async def events(self) -> AsyncIterator[ConnectorEvent]:
        """What happens to the account from now on. An order's report is the order as it stands, with all its fills."""
        if self._is_closed:
            return
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def notify() -> None:
            loop.call_soon_threadsafe(changed.set)

        stop_listening = self._exchange.listen(notify)
        self._changes.add(changed)
        try:
            seq = await self._ask(self._exchange.last_event)
            yield Gap()
            while not self._is_closed:
                changed.clear()
                news = await self._ask(partial(self._exchange.account_since, seq, self._account))
                seq = news.last
                reports = self._reports_of(news)
                for report in reports if self._faults is None else self._faults.stream(list(reports)):
                    yield report
                if len(news.events) < PAGE and not self._is_closed:
                    await wait_for_event(changed, self.context.clock, _POLL_SECONDS)
        finally:
            self._changes.discard(changed)
            stop_listening()

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        self._check_pair(trading_pair)
        return ticker_of(await self._ask(partial(self._exchange.ticker, trading_pair)))

    async def fetch_order_book(self, trading_pair: str, depth: int) -> OrderBook:
        self._check_pair(trading_pair)
        return book_of(await self._ask(partial(self._exchange.book, trading_pair, depth)))

    async def fetch_candles(
        self,
        trading_pair: str,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[Candle]:
        self._check_pair(trading_pair)
        limit = min(limit, self.capabilities.candles_page)
        ask = partial(self._exchange.candles, trading_pair, interval, limit=limit, start_at=start_at, end_at=end_at)
        return [candle_of(candle) for candle in await self._ask(ask, is_long=True)]

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        self._check_pair(trading_pair)
        trades = await self._ask(partial(self._exchange.trades, trading_pair, limit))
        return [public_trade_of(trade, trading_pair) for trade in trades]

    async def fetch_tickers(self) -> Sequence[Ticker]:
        traded = [name for name, pair in self._exchange.pairs.items() if pair.is_trading]
        return [ticker_of(each) for each in await self._ask(lambda: [self._exchange.ticker(name) for name in traded])]

    async def _ask(self, question: Callable[[], Answer], *, is_long: bool = False) -> Answer:
        """The answer to a question that changes nothing. Raises ``ExchangeReadFailed``, or ``InvalidArgument`` if refused."""
        try:
            return await self._venue.call(question, is_long=is_long)
        except TimeoutError as fault:
            raise ExchangeReadTimeout("the paper exchange did not answer in time") from fault
        except PaperRefusal as refusal:
            raise InvalidArgument(refusal.text) from None
        except Exception as fault:
            # Whatever broke, a question affects no order: the caller learns that it was not answered, and why.
            raise ExchangeReadError(f"the paper exchange did not answer: {in_words(fault)}") from fault

    async def _query(self, question: Callable[[], Answer]) -> Answer:
        """``_ask`` over the network that may be faulty; the stream has faults of its own."""
        if self._faults is None:
            return await self._ask(question)
        try:
            return await self._faults.ask(lambda: self._ask(question))
        except ServerFault as fault:
            raise ExchangeReadError(f"the paper exchange did not answer: {fault}") from fault

    def _report(self, record: OrderRecord) -> OrderReport:
        report = report_of(record)
        if self._faults is None or not report.fills or not self._faults.strips(report.order_id):
            return report
        return structs.replace(report, fills=())

    def _place(self, order: Order, deadline: float) -> OrderRecord:
        """Place ``order``. Runs on a thread."""
        return self._exchange.place(self._new_order(order), deadline=deadline)

    def _new_order(self, order: Order) -> NewOrder:
        """``order`` in the exchange's terms. Runs on a thread."""
        return new_order_of(order, self._account)

    def _seconds_left(self, order: Order) -> float:
        """The seconds in which the order may still begin: recovery counts the same time from when the attempt began."""
        age = (self.context.clock.now() - order.attempted_at).total_seconds()
        return self._venue.timeout - age if 0 < age < self._venue.timeout else self._venue.timeout

    def _check_pair(self, trading_pair: str) -> None:
        if trading_pair not in self._exchange.pairs:
            raise UnsupportedPair(trading_pair, self.name, sorted(self._exchange.pairs))

    def _reports_of(self, news: AccountEvents) -> Iterator[ConnectorEvent]:
        """The reports of a page of events: each order once, where its newest event stands."""
        records = {record.order.exchange_order_id: record for record in news.orders}
        newest = {event.order.exchange_order_id: event.seq for event in news.events if event.order is not None}
        for event in news.events:
            if event.order is None:
                balances = tuple(balance_of(balance) for balance in event.balances)
                yield BalanceReport(balances=balances, reported_at=event.at)
            elif newest[event.order.exchange_order_id] == event.seq:
                yield self._report(records[event.order.exchange_order_id])


def _nonzero(balances: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    return {asset: amount for asset, amount in balances.items() if amount != ZERO}


def _named(ref: OrderRef) -> Mapping[str, Any]:
    """The exchange's own id where we know it, else ours."""
    if ref.exchange_order_id is not None and ref.exchange_order_id.isdecimal():
        return {"exchange_order_id": int(ref.exchange_order_id)}
    return {"client_order_id": ref.order_id}

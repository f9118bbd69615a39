"""The paper exchange as a connector: real matching, fees and fills with play money, in this process and durable.

The exchange's calls block for about a millisecond, so they run on the venue's threads, each bounded by the exchange time-out. A
submit that has not begun by then is never begun (``deadline``), which is what makes a short grace time enough to prove that an
absent order will not arrive. Nothing is decided here: the exchange's records are turned into reports, its refusals into ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, TypeVar

import structlog
from msgspec import structs

from app.clock import Clock
from app.connectors.base import Capabilities, Connector, ConnectorContext
from app.connectors.paper.credentials import CREDENTIAL_FIELDS, STARTING_BALANCES, starting_balances
from app.connectors.paper.reports import (
    balance_of,
    book_of,
    candle_of,
    new_order_of,
    public_trade_of,
    refused_of,
    report_of,
    rule_of,
    ticker_of,
)
from app.domain.decimals import ZERO
from app.domain.enums import OrderType, TimeInForce
from app.domain.errors import (
    CredentialsRefused,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    OrderRefused,
    UnsupportedPair,
)
from app.domain.fill import Fill
from app.domain.order import Order, OrderRef
from app.domain.reports import (
    Balance,
    BalanceReport,
    Candle,
    ConnectorEvent,
    Gap,
    OrderBook,
    OrderReport,
    PublicTrade,
    Ticker,
)
from app.domain.trading_rule import TradingRule
from app.failpoints import reach
from app.paper.exchange import PAGE, PaperExchange
from app.paper.faults import GRACE, FaultPlan, Faults, ServerFault
from app.paper.orders import OrderRecord
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.settings import Settings

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

#: The exchange's lock lets one operation run at a time; the others are for market data, which is computed without it.
_THREADS = 4

#: How often to look for what other processes did and to let the market move on; this process's own changes wake the stream at once.
_POLL_SECONDS = 0.25

#: A locked store is free again within milliseconds, as a rule.
_RETRY_AFTER = timedelta(seconds=1)


class PaperVenue:
    """The paper exchange of this process and the threads that its calls run on."""

    def __init__(self, exchange: PaperExchange, timeout: timedelta, faults: Faults | None = None) -> None:
        self.exchange = exchange
        self.faults = faults
        self.timeout = timeout.total_seconds()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="paper")

    async def call(self, function: Callable[[], Answer]) -> Answer:
        """``function`` on a thread. Raises ``TimeoutError`` if it takes too long, and then it may still come to its end;
        ``PaperUnavailable`` once the venue is closed.
        """
        if self._is_closed:
            raise PaperUnavailable("the paper exchange is closed")
        # Not wait_for: up to Python 3.11 it swallows a cancellation that comes in the moment of the answer.
        async with asyncio.timeout(self.timeout):
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def close(self) -> None:
        """Wait for what is running, then let go; may be called twice."""
        self._is_closed = True
        if self.faults is not None:
            await self.faults.close()
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self.exchange.close)


class PaperConnector(Connector):
    """One account on the paper exchange, under the gateway's name for it."""

    name = "paper"
    capabilities: ClassVar[Capabilities] = Capabilities(
        order_types=(OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER),
        times_in_force=(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
        post_only=True,
        quote_amount=True,
        # A submit begins before its deadline or never, and a question waits for one that has begun, since both take the
        # exchange's lock. Two seconds are for the moment between writing the intent and starting the deadline.
        absence_grace=timedelta(seconds=2),
    )
    credential_fields = CREDENTIAL_FIELDS

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        self._account = context.account_name
        venue = context.venue
        assert isinstance(venue, PaperVenue), "the paper connector lives on the venue that open_venue made"
        self._venue = venue
        self._faults = venue.faults
        if self._faults is not None:
            # This exchange can deliver an order late and hide it, so its silence proves less.
            self.capabilities = replace(self.capabilities, absence_grace=GRACE)  # type: ignore[misc]
        self._exchange = venue.exchange
        self._opens_with = starting_balances(context.credentials, self._exchange.assets)
        if self._opens_with is not None:
            self._exchange.set_opening_balances(self._account, self._opens_with)

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> PaperVenue:
        """The exchange on its store: a file of its own beside the journal's, or tables of its own in PostgreSQL."""
        faults = _faults_of(settings, clock)
        exchange = await asyncio.to_thread(cls._open_exchange, settings, clock)
        return PaperVenue(exchange, settings.exchange_timeout, faults)

    @classmethod
    def _open_exchange(cls, settings: Settings, clock: Clock) -> PaperExchange:
        return PaperExchange(store_url(settings, "paper.db"), clock=clock, seed=settings.paper_seed)

    @classmethod
    async def close_venue(cls, venue: Any) -> None:
        assert isinstance(venue, PaperVenue)
        await venue.close()

    async def load_trading_rules(self) -> Mapping[str, TradingRule]:
        return {name: rule_of(pair) for name, pair in self._exchange.pairs.items()}

    async def submit_order(self, order: Order) -> OrderReport:
        reach("connector.paper.submitting")

        def place(deadline: float) -> Awaitable[OrderRecord]:  # float: seconds of the monotonic clock, never money
            return self._venue.call(partial(self._place, order, deadline))

        deadline = self.context.clock.monotonic() + self._seconds_left(order)
        with refusals():
            if self._faults is None:
                record = await place(deadline)
            else:
                record = await self._faults.submit(order.order_id, place, deadline)
        reach("connector.paper.submitted")
        return self._report(record)

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
        record = await self._query(partial(self._exchange.order, self._account, **_named(ref)))
        if record is None or (self._faults is not None and self._faults.hides(record)):
            return None
        return self._report(record)

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        records = await self._query(partial(self._exchange.open_orders, self._account, trading_pair))
        return [self._report(record) for record in records]

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        record = await self._query(partial(self._exchange.order, self._account, **_named(ref)))
        return () if record is None else report_of(record).fills

    async def fetch_balances(self) -> Sequence[Balance]:
        balances = await self._ask(partial(self._exchange.balances, self._account))
        return [balance_of(balance) for balance in balances if balance.total != ZERO]

    async def prove(self) -> Sequence[Balance]:
        """Open the account if it is not; money that it is to open with must then be what it holds."""
        balances = await self.fetch_balances()
        wanted = self._opens_with
        if wanted is not None and {each.asset: each.total for each in balances} != _nonzero(wanted):
            raise CredentialsRefused(
                f"The paper account '{self._account}' is open already and holds other money; add it without {STARTING_BALANCES}"
                " to keep that, or choose another account name"
            )
        return balances

    async def events(self) -> AsyncIterator[ConnectorEvent]:
        """What happens to the account from now on. An order's report is the order as it stands, with all its fills."""
        bell = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ring() -> None:
            loop.call_soon_threadsafe(bell.set)

        stop = self._exchange.listen(ring)
        try:
            seq = await self._ask(self._exchange.last_event)
            yield Gap()
            while True:
                bell.clear()
                reached, reports = await self._ask(partial(self._tail, seq))
                for report in reports if self._faults is None else self._faults.stream(reports):
                    yield report
                if reached == seq:
                    await _rung(bell, self.context.clock)
                seq = reached
        finally:
            stop()

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
        ask = partial(self._exchange.candles, trading_pair, interval, limit=limit, start_at=start_at, end_at=end_at)
        return [candle_of(candle) for candle in await self._ask(ask)]

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        self._check_pair(trading_pair)
        trades = await self._ask(partial(self._exchange.trades, trading_pair, limit))
        return [public_trade_of(trade, trading_pair) for trade in trades]

    async def fetch_tickers(self) -> Sequence[Ticker]:
        traded = [name for name, pair in self._exchange.pairs.items() if pair.is_trading]
        return [ticker_of(each) for each in await self._ask(lambda: [self._exchange.ticker(name) for name in traded])]

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer to a question that changes nothing; what goes wrong is ``ExchangeReadFailed``, or the caller's fault."""
        try:
            return await self._venue.call(question)
        except TimeoutError as fault:
            raise ExchangeReadTimeout("the paper exchange did not answer in time") from fault
        except PaperRefusal as refusal:
            raise InvalidArgument(refusal.text) from None
        except Exception as fault:
            # Whatever broke, no order is affected by a question: the caller learns that it was not answered, and why.
            raise ExchangeReadError(f"the paper exchange did not answer: {type(fault).__name__}") from fault

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
        return structs.replace(report, fills=(), fills_complete=False)

    def _place(
        self, order: Order, deadline: float
    ) -> OrderRecord:  # float: seconds of the monotonic clock, never money
        """Place ``order``. Runs on a thread."""
        return self._exchange.place(new_order_of(order, self._account), deadline=deadline)

    def _seconds_left(self, order: Order) -> float:  # float: a duration in seconds, never money
        """How long the order may still be begun: recovery counts the same time from when it was made."""
        age = (self.context.clock.now() - order.created_at).total_seconds()
        return self._venue.timeout - age if 0 < age < self._venue.timeout else self._venue.timeout

    def _check_pair(self, trading_pair: str) -> None:
        if trading_pair not in self._exchange.pairs:
            raise UnsupportedPair(trading_pair, self.name, sorted(self._exchange.pairs))

    def _tail(self, seq: int) -> tuple[int, Sequence[ConnectorEvent]]:
        """Where the tape has been read to after ``seq``, and what it said of this account. Runs on a thread."""
        self._exchange.advance()
        last = self._exchange.last_event()
        if last == seq:
            return seq, ()
        events = self._exchange.events_since(seq, self._account)
        newest = {event.order.exchange_order_id: event.seq for event in events if event.order is not None}
        reports: list[ConnectorEvent] = []
        for event in events:
            if event.order is None:
                balances = tuple(balance_of(balance) for balance in event.balances)
                reports.append(BalanceReport(balances=balances, reported_at=event.at))
            elif newest[event.order.exchange_order_id] == event.seq:
                record = self._exchange.order(self._account, exchange_order_id=event.order.exchange_order_id)
                assert record is not None, "an order with an event is in the store"
                reports.append(self._report(record))
        if events and (len(events) == PAGE or events[-1].seq > last):
            last = events[-1].seq
        return last, reports


def store_url(settings: Settings, file_name: str) -> str:
    """Where an exchange keeps its store: in a file of its own, or in tables of its own in PostgreSQL."""
    if not settings.is_sqlite:
        return settings.database_url
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{settings.data_dir / file_name}"


def _faults_of(settings: Settings, clock: Clock) -> Faults | None:
    if not settings.paper_faults:
        return None
    log.warning("the paper exchange is faulty on purpose", faults=settings.paper_faults)
    return Faults(FaultPlan.parse(settings.paper_faults), clock, settings.data_dir / "paper-faults.jsonl")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the exchange's proofs that nothing was changed into ours. Everything else escapes, and so counts as unknown."""
    try:
        yield
    except PaperUnavailable as fault:
        raise ExchangeDown(str(fault), retry_after=_RETRY_AFTER) from fault
    except PaperRefusal as refusal:
        raise refused_of(refusal) from None


async def _rung(bell: asyncio.Event, clock: Clock) -> None:
    """Wait for the bell, or for the time to look anyway."""
    waits = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(clock.sleep(_POLL_SECONDS))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _nonzero(balances: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    return {asset: amount for asset, amount in balances.items() if amount != ZERO}


def _named(ref: OrderRef) -> Mapping[str, Any]:
    """The exchange's own id where we know it, else ours."""
    if ref.exchange_order_id is not None and ref.exchange_order_id.isdecimal():
        return {"exchange_order_id": int(ref.exchange_order_id)}
    return {"client_order_id": ref.order_id}

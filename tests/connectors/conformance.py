"""The conformance suite: what every connector must do, as cards that run on any exchange that brings a ``Dialect``.

A dialect is one exchange as the suite needs it: a connector on it, a hand on its market, faults by name, and a count of what
reached it. A card states what it needs of the exchange's ``Capabilities`` and of the dialect's faults, and is collected only where
that is there; ``collect`` makes the parameters of one pytest function out of all dialects. Cards name capabilities, never products.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal as D
from enum import StrEnum
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from msgspec import structs

from app.connectors.base import Connector
from app.domain.decimals import floor_to, plain
from app.domain.enums import Liquidity, OrderType, TimeInForce, TradeType
from app.domain.errors import (
    CredentialsRefused,
    ExchangeDown,
    ExchangeReadError,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    Refused,
    RuleViolation,
    WouldTake,
)
from app.domain.order import Order, OrderRef, OrderRequest
from app.domain.reports import BalanceReport, ConnectorEvent, Gap, OrderReport
from app.domain.wire_ids import wire_id
from app.services.orders.preparing import intended
from tests.clock import FakeClock

#: Nothing here takes longer than some milliseconds; a card that waits this long has failed.
PATIENCE = 60


class Fault(StrEnum):
    """What can go wrong with the next submit."""

    CONNECTION_REFUSED = "connection refused"
    REPLY_LOST = "reply lost"
    GARBLED = "garbled reply"
    SERVER_ERROR = "5xx"
    RATE_LIMIT = "rate limit"
    BAD_KEY = "bad key"
    UNEXPECTED = "unexpected exception"


class Dialect(ABC):
    """One exchange under test. It has a fresh account with money for some ten orders of ``amount``, and not for a hundred."""

    connector_class: ClassVar[type[Connector]]
    faults: ClassVar[frozenset[Fault]]
    #: A liquid pair, and an amount of which a taker finds many times as much in the book.
    pair: ClassVar[str]
    amount: ClassVar[D]
    #: Whether the exchange's rules never change, so that it need not be asked for them.
    rules_are_constant: ClassVar[bool] = False
    #: Whether the account's stream tells no orders, but says when to ask: a Gap at every poll.
    is_polled: ClassVar[bool] = False
    #: How the names of the suite's orders begin, in a form that callers may choose on this exchange.
    names: ClassVar[str] = "card-"
    #: Whether an immediate order that finds nobody is an error instead of an order without fills.
    refuses_unmatched: ClassVar[bool] = False
    #: Whether a fill says what it cost.
    tells_fees: ClassVar[bool] = True
    #: Whether the exchange knows orders by our ids. Elsewhere nobody can tell what became of an order whose answer was lost.
    knows_our_ids: ClassVar[bool] = True
    #: How many seconds after its answer a cancel is carried out at the latest.
    cancel_seconds: ClassVar[int] = 0
    #: A pair whose steps have 18 places, if the exchange has one.
    fine_pair: ClassVar[str | None] = None
    clock: FakeClock

    @abstractmethod
    async def start(self) -> None:
        """Bring the exchange up."""

    @abstractmethod
    async def stop(self) -> None:
        """Take it down."""

    @abstractmethod
    def connect(self) -> Connector:
        """A new connector of the one account."""

    @abstractmethod
    async def move_market(self, price: D) -> None:
        """Bring the middle of ``pair`` to ``price``, and let the exchange see it."""

    @abstractmethod
    def inject(self, fault: Fault) -> None:
        """Make the next submit go wrong."""

    @abstractmethod
    def requests(self) -> int:
        """How many calls of any kind have reached the exchange."""

    @abstractmethod
    def submits(self) -> int:
        """How many submits have reached it."""

    @abstractmethod
    def orders_named(self, order_id: str) -> int:
        """How many orders of that client id it has, open or done."""


class Bench:
    """What a card works with: the dialect, one connector, and orders that fit the market."""

    def __init__(self, dialect: Dialect, connector: Connector) -> None:
        self.dialect = dialect
        self.connector = connector
        self._number = 0

    async def mid(self) -> D:
        """The middle of the market, on the tick below."""
        book = await self.connector.fetch_order_book(self.dialect.pair, 1)
        return await self.on_tick((book.bids[0].price + book.asks[0].price) / 2)

    async def on_tick(self, price: D) -> D:
        rule = (await self.connector.load_trading_rules())[self.dialect.pair]
        return floor_to(price, rule.tick_at(price))

    def request(self, **terms: Any) -> OrderRequest:
        given: dict[str, Any] = {
            "account_name": self.connector.context.account_name,
            "connector_name": self.connector.name,
            "trading_pair": self.dialect.pair,
            "trade_type": TradeType.BUY,
            "order_type": OrderType.MARKET if terms.get("price") is None else OrderType.LIMIT,
            "amount": self.dialect.amount,
        }
        if given["order_type"] is OrderType.MARKET and "quote_amount" not in terms:
            given["trade_type"] = self.sides_by_amount[0]
        return OrderRequest(**given | terms)

    @property
    def sides_by_amount(self) -> tuple[TradeType, ...]:
        """The sides of MARKET orders that the exchange takes by amount."""
        both = "base" in self.connector.capabilities.market_buy_in
        return tuple(TradeType) if both else (TradeType.SELL,)

    def order(self, **terms: Any) -> Order:
        """An order as the gateway sends it, with a name of its own, and that which the exchange demands."""
        self._number += 1
        request, name = self.request(**terms), f"{self.dialect.names}{self._number}"
        return intended(
            request,
            order_id=name,
            at=self.dialect.clock.now(),
            terms=request.terms(),
            exchange_client_order_id=wire_id(self.dialect.connector_class.capabilities.wire_id, name),
        )

    async def open_orders(self) -> Sequence[OrderReport]:
        """All open orders, which are all on one pair, of an exchange that lists them by pair only."""
        by_pair = self.connector.capabilities.open_orders_by_pair
        return await self.connector.fetch_open_orders(self.dialect.pair if by_pair else None)

    async def submit(self, order: Order) -> OrderReport:
        """Submit the order; of an exchange that only acknowledges, the order as it is asked for then."""
        report = await self.connector.submit_order(order)
        assert report.order_id == order.ref.client_order_id
        if not report.is_partial:
            return report
        assert (report.state, report.filled_amount) == ("open", 0)
        found = await self.connector.fetch_order(order.ref)
        assert found is not None
        assert not found.is_partial
        return found

    async def cancel(self, ref: OrderRef) -> OrderReport:
        """Cancel the order; where the exchange only takes that down, the order is asked for when it is carried out."""
        report = await self.connector.cancel_order(ref)
        if report.state != "open" or not self.dialect.cancel_seconds:
            return report
        self.dialect.clock.advance(self.dialect.cancel_seconds)
        found = await self.connector.fetch_order(ref)
        assert found is not None
        return found

    async def resting(self, share: str = "0.9", **terms: Any) -> Order:
        """A limit order to buy at a share of the market's price."""
        return self.order(price=await self.on_tick(await self.mid() * D(share)), **terms)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Callable[[], Awaitable[ConnectorEvent]]]:
        """The connector's stream, past its first Gap; the answer reads the next event."""
        async with aclosing(self.connector.events()) as events:  # type: ignore[type-var]

            async def following() -> ConnectorEvent:
                async with asyncio.timeout(PATIENCE):
                    return await anext(events)

            assert isinstance(await following(), Gap)
            yield following


async def next_report(following: Callable[[], Awaitable[ConnectorEvent]], order_id: str, state: str) -> OrderReport:
    """The next report that shows the order in that state; what comes before is about other things, or earlier states."""
    while True:
        event = await following()
        if isinstance(event, OrderReport) and event.order_id == order_id and event.state == state:
            return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card: its number, what it checks, and where it applies."""

    number: str
    check: Callable[[Bench], Awaitable[None]]
    applies: Callable[[type[Dialect]], bool]


CARDS: list[Card] = []

Check = Callable[[Bench], Awaitable[None]]


def card(
    number: str, *, fault: Fault | None = None, needs: Callable[[type[Dialect]], bool] = lambda dialect: True
) -> Callable[[Check], Check]:
    """Enter a check into the suite, for the exchanges that can do what it ``needs`` and can be made to have the ``fault``."""

    def applies(dialect: type[Dialect]) -> bool:
        return needs(dialect) and (fault is None or fault in dialect.faults)

    def enter(check: Check) -> Check:
        CARDS.append(Card(number=number, check=check, applies=applies))
        return check

    return enter


def collect(dialects: Iterable[type[Dialect]]) -> list[Any]:
    """The parameters (check, dialect) of every card that applies."""
    return [
        pytest.param(each.check, dialect, id=f"{dialect.connector_class.name}-{each.number}-{each.check.__name__}")
        for dialect in dialects
        for each in CARDS
        if each.applies(dialect)
    ]


async def run(check: Check, dialect_class: type[Dialect]) -> None:
    """Run one card on a fresh exchange."""
    async with bench_over(dialect_class()) as bench:
        await check(bench)


@asynccontextmanager
async def bench_over(dialect: Dialect) -> AsyncIterator[Bench]:
    """A connector over the dialect's own exchange."""
    await dialect.start()
    try:
        connector = dialect.connect()
        try:
            yield Bench(dialect, connector)
        finally:
            await connector.close()
    finally:
        await dialect.stop()


def _is_pushed(dialect: type[Dialect]) -> bool:
    return not dialect.is_polled


def _by_our_ids(dialect: type[Dialect]) -> bool:
    return dialect.knows_our_ids


def _has(time_in_force: TimeInForce) -> Callable[[type[Dialect]], bool]:
    return lambda dialect: time_in_force in dialect.connector_class.capabilities.times_in_force


# Orders.


@card("C01")
async def limit_rests(bench: Bench) -> None:
    """A limit order away from the market is open, unfilled, under our id, and repeated with its terms."""
    order = await bench.resting()
    report = await bench.connector.submit_order(order)
    assert (report.order_id, report.state, report.filled_amount) == (order.ref.client_order_id, "open", 0)
    assert report.exchange_order_id
    found = await bench.connector.fetch_order(order.ref)
    assert found is not None
    assert (found.state, found.amount, found.exchange_order_id) == ("open", order.amount, report.exchange_order_id)
    assert found.terms is None or (found.terms.trade_type, found.terms.price) == (order.trade_type, order.price)


@card("C02", needs=lambda dialect: OrderType.MARKET in dialect.connector_class.capabilities.order_types)
async def market_fills_sum_to_the_amount(bench: Bench) -> None:
    """A market order is filled at once, and its fills add up to it, each with price, fee and time."""
    for side in bench.sides_by_amount:
        order = bench.order(trade_type=side)
        report = await bench.submit(order)
        fills = await bench.connector.fetch_fills(order.ref)
        assert report.state == "filled"
        assert sum(fill.amount for fill in fills) == report.filled_amount == order.amount
        assert all(fill.price > 0 for fill in fills)
        told = [(fill.fee is not None and fill.fee > 0, bool(fill.fee_currency)) for fill in fills]
        assert set(told) == {(bench.dialect.tells_fees, bench.dialect.tells_fees)}
        assert {fill.liquidity for fill in fills} <= {Liquidity.TAKER, None}
        assert all(fill.filled_at.tzinfo is not None for fill in fills)


@card("C03", needs=_has(TimeInForce.IOC))
async def immediate_or_cancel_leaves_nothing(bench: Bench) -> None:
    """An IOC order away from the market is done at once, with nothing."""
    order = await bench.resting(time_in_force=TimeInForce.IOC)
    if bench.dialect.refuses_unmatched:
        with pytest.raises(OrderRefused):
            await bench.connector.submit_order(order)
        assert await bench.connector.fetch_open_orders() == []
        return
    report = await bench.submit(order)
    assert report.state in ("expired", "canceled")
    assert report.filled_amount == 0
    assert order.ref.client_order_id not in [each.order_id for each in await bench.open_orders()]


@card("C04", needs=_has(TimeInForce.FOK))
async def fill_or_kill_is_all_or_nothing(bench: Bench) -> None:
    """A FOK order away from the market gets nothing, one well into it everything."""
    killed = await bench.submit(await bench.resting(time_in_force=TimeInForce.FOK))
    assert killed.state in ("expired", "canceled")
    assert killed.filled_amount == 0
    order = await bench.resting("1.05", time_in_force=TimeInForce.FOK)
    filled = await bench.submit(order)
    assert (filled.state, filled.filled_amount) == ("filled", order.amount)


@card("C05", needs=lambda dialect: OrderType.LIMIT_MAKER in dialect.connector_class.capabilities.order_types)
async def post_only_never_takes(bench: Bench) -> None:
    """A LIMIT_MAKER order beyond the market is refused as WouldTake and is not there; away from it, it rests.

    An exchange that acknowledges first has canceled it, without a fill.
    """
    order = await bench.resting("1.05", order_type=OrderType.LIMIT_MAKER)
    try:
        ended = await bench.submit(order)
    except WouldTake:
        pass
    else:
        assert ended.state in ("canceled", "rejected", "expired")
        assert ended.filled_amount == 0
        assert list(await bench.connector.fetch_fills(order.ref)) == []
    assert not any(each.order_id == order.ref.client_order_id for each in await bench.open_orders())
    report = await bench.connector.submit_order(await bench.resting(order_type=OrderType.LIMIT_MAKER))
    assert report.state == "open"


@card("C06", needs=lambda dialect: dialect.connector_class.capabilities.quote_amount)
async def a_quote_amount_is_not_exceeded(bench: Bench) -> None:
    """A market order by quote amount spends at most that, nearly all of it, and reports the base amount."""
    money = (await bench.mid() * bench.dialect.amount).quantize(D(1))
    order = bench.order(amount=None, quote_amount=money)
    report = await bench.submit(order)
    fills = await bench.connector.fetch_fills(order.ref)
    spent = sum(fill.amount * fill.price for fill in fills)
    assert report.state == "filled"
    assert money * D("0.99") < spent <= money
    assert report.amount == report.filled_amount == sum(fill.amount for fill in fills)


@card("C10")
async def a_broken_rule_is_found_before_any_call(bench: Bench) -> None:
    """The rules that the connector loads refuse an order that is too small, and the exchange hears nothing of it."""
    rule = (await bench.connector.load_trading_rules())[bench.dialect.pair]
    before = bench.dialect.requests()
    with pytest.raises(RuleViolation):
        rule.checked(bench.request(price=D(1_000), amount=rule.min_order_size / 2))
    if rule.min_notional_size:  # some exchanges have a smallest size only
        with pytest.raises(RuleViolation):
            rule.checked(bench.request(price=rule.min_price_increment, amount=rule.min_order_size))
    assert bench.dialect.requests() == before


@card("C11")
async def the_exchanges_refusal_is_typed_and_leaves_nothing(bench: Bench) -> None:
    """More than the account holds is InsufficientBalance; a size off the step is OrderRefused with the exchange's code."""
    rule = (await bench.connector.load_trading_rules())[bench.dialect.pair]
    poor = await bench.resting(amount=bench.dialect.amount * 100)
    with pytest.raises(InsufficientBalance):
        await bench.connector.submit_order(poor)
    odd = await bench.resting(amount=bench.dialect.amount + rule.min_base_amount_increment / 10)
    with pytest.raises(OrderRefused) as refusal:
        await bench.connector.submit_order(odd)
    assert refusal.value.exchange_code
    assert await bench.open_orders() == []


@card("C12")
async def rules_are_cached_and_renewed_on_demand(bench: Bench) -> None:
    """The rules are loaded once for all accounts; an age of zero asks the exchange, unless its rules never change."""
    other = bench.dialect.connect()
    rules = await bench.connector.load_trading_rules()
    before = bench.dialect.requests()
    assert await bench.connector.load_trading_rules() == rules
    assert await other.load_trading_rules(max_age=timedelta(days=1)) == rules
    assert bench.dialect.requests() == before
    assert await other.load_trading_rules(max_age=timedelta(0)) == rules
    assert (bench.dialect.requests() == before) is bench.dialect.rules_are_constant
    await other.close()


@card("C20", needs=_by_our_ids)
async def the_same_order_twice_is_one_order(bench: Bench) -> None:
    """A second submit of one order is refused or answers with the first: one order is at the exchange."""
    order = await bench.resting()
    first = await bench.connector.submit_order(order)
    try:
        second = await bench.connector.submit_order(order)
    except Refused:
        pass
    else:
        assert second.exchange_order_id == first.exchange_order_id
    assert bench.dialect.orders_named(order.order_id) == 1
    assert len(await bench.connector.fetch_open_orders(bench.dialect.pair)) == 1


# Faults.


@card("C30", fault=Fault.CONNECTION_REFUSED)
async def a_refused_connection_proves_that_nothing_was_sent(bench: Bench) -> None:
    """ExchangeDown, and the exchange has no such order."""
    order = await bench.resting()
    bench.dialect.inject(Fault.CONNECTION_REFUSED)
    with pytest.raises(ExchangeDown):
        await bench.connector.submit_order(order)
    assert bench.dialect.submits() == 0
    if bench.dialect.knows_our_ids:
        assert await bench.connector.fetch_order(order.ref) is None


async def _unknown_then_found(bench: Bench, fault: Fault) -> None:
    order = await bench.resting()
    bench.dialect.inject(fault)
    with pytest.raises(Exception) as raised:
        await bench.connector.submit_order(order)
    assert not isinstance(raised.value, Refused)
    assert bench.dialect.submits() == 1
    found = await bench.connector.fetch_order(order.ref)
    assert found is not None
    assert (found.order_id, found.state) == (order.ref.client_order_id, "open")
    assert bench.dialect.orders_named(order.order_id) == 1


@card("C31", fault=Fault.REPLY_LOST, needs=_by_our_ids)
async def a_lost_reply_is_unknown_and_the_order_is_found(bench: Bench) -> None:
    """What is raised is no refusal, nothing is sent again, and asking by our id finds the order."""
    await _unknown_then_found(bench, Fault.REPLY_LOST)


@card("C32", fault=Fault.GARBLED, needs=_by_our_ids)
async def a_garbled_reply_is_unknown_and_the_order_is_found(bench: Bench) -> None:
    """As a lost one."""
    await _unknown_then_found(bench, Fault.GARBLED)


@card("C33", fault=Fault.SERVER_ERROR, needs=_by_our_ids)
async def a_server_error_is_unknown_and_the_order_is_found(bench: Bench) -> None:
    """A 5xx proves nothing: the order may be there, and here it is."""
    await _unknown_then_found(bench, Fault.SERVER_ERROR)


@card("C34", fault=Fault.RATE_LIMIT)
async def a_rate_limit_is_a_refusal_that_says_when(bench: Bench) -> None:
    """RateLimited with the time to wait; nothing was accepted."""
    order = await bench.resting()
    bench.dialect.inject(Fault.RATE_LIMIT)
    with pytest.raises(RateLimited) as refusal:
        await bench.connector.submit_order(order)
    assert refusal.value.retry_after is not None
    assert bench.dialect.orders_named(order.order_id) == 0


@card("C35", fault=Fault.BAD_KEY)
async def a_bad_key_is_a_refusal_of_the_credentials(bench: Bench) -> None:
    """CredentialsRefused; nothing was accepted."""
    order = await bench.resting()
    bench.dialect.inject(Fault.BAD_KEY)
    with pytest.raises(CredentialsRefused):
        await bench.connector.submit_order(order)
    assert bench.dialect.orders_named(order.order_id) == 0


@card("C36", fault=Fault.UNEXPECTED, needs=_by_our_ids)
async def an_unexpected_exception_is_unknown(bench: Bench) -> None:
    """Nobody classified it, so it isn't a refusal; here the order is at the exchange."""
    await _unknown_then_found(bench, Fault.UNEXPECTED)


@card("C37", fault=Fault.REPLY_LOST, needs=lambda dialect: not dialect.knows_our_ids)
async def without_our_id_a_lost_reply_stays_unknown(bench: Bench) -> None:
    """The order is there, and nothing at the exchange names it as ours: no question denies it, and no guess cancels it."""
    order = await bench.resting()
    bench.dialect.inject(Fault.REPLY_LOST)
    with pytest.raises(Exception) as raised:
        await bench.connector.submit_order(order)
    assert not isinstance(raised.value, Refused)
    assert bench.dialect.submits() == 1
    for question in (bench.connector.fetch_order, bench.connector.fetch_fills, bench.connector.cancel_order):
        with pytest.raises(ExchangeReadError):
            await question(order.ref)  # type: ignore[operator]
    assert len(await bench.connector.fetch_open_orders(bench.dialect.pair)) == 1


# Cancelling and asking.


@card("C40")
async def an_open_order_is_canceled(bench: Bench) -> None:
    """The report says canceled, also by the exchange's own id, and a second cancel says so again."""
    for by_exchange_id in (False, True):
        order = await bench.resting()
        placed = await bench.connector.submit_order(order)
        number = placed.exchange_order_id if by_exchange_id else None
        ref = structs.replace(order.ref, exchange_order_id=number)
        assert (await bench.cancel(ref)).state == "canceled"
        assert (await bench.cancel(ref)).state == "canceled"
    assert await bench.open_orders() == []


@card("C41")
async def canceling_a_filled_order_is_a_report(bench: Bench) -> None:
    """Too late is no error: the answer is the order, filled."""
    order = bench.order()
    await bench.connector.submit_order(order)
    report = await bench.connector.cancel_order(order.ref)
    assert (report.state, report.filled_amount) == ("filled", order.amount)


@card("C42", needs=_by_our_ids)
async def canceling_an_unknown_order_is_refused(bench: Bench) -> None:
    """OrderRefused: the exchange has no such order."""
    with pytest.raises(OrderRefused):
        await bench.connector.cancel_order((await bench.resting()).ref)


@card("C43")
async def a_resting_order_is_filled_when_the_market_comes(bench: Bench) -> None:
    """At its own price, as a maker."""
    order = await bench.resting("0.99")
    await bench.connector.submit_order(order)
    await bench.dialect.move_market(await bench.mid() * D("0.95"))
    report = await bench.connector.fetch_order(order.ref)
    assert report is not None
    assert (report.state, report.filled_amount) == ("filled", order.amount)
    fills = await bench.connector.fetch_fills(order.ref)
    assert {fill.price for fill in fills} == {order.price}
    assert {fill.liquidity for fill in fills} <= {Liquidity.MAKER, None}


@card("C50", needs=lambda dialect: dialect.connector_class.capabilities.absence_grace is not None)
async def an_absent_order_is_none(bench: Bench) -> None:
    """Positively not there, and without fills."""
    ref = (await bench.resting()).ref
    assert await bench.connector.fetch_order(ref) is None
    assert list(await bench.connector.fetch_fills(ref)) == []


@card("C55", needs=lambda dialect: dialect.connector_class.capabilities.absence_grace is not None)
async def whose_account_answers_is_told(bench: Bench) -> None:
    """The same name at every connector of the account: without it no absence is a proof."""
    name = await bench.connector.fetch_exchange_account()
    other = bench.dialect.connect()
    assert name
    assert await other.fetch_exchange_account() == name
    await other.close()


@card("C51")
async def fill_ids_are_stable(bench: Bench) -> None:
    """The answer to the submit, two questions and another connector of the account name the same fills."""
    order = bench.order()
    report = await bench.submit(order)
    first = await bench.connector.fetch_fills(order.ref)
    ids = [fill.exchange_fill_id for fill in first]
    assert len(set(ids)) == len(ids) > 0
    assert {fill.exchange_fill_id for fill in report.fills} <= set(ids)
    assert list(await bench.connector.fetch_fills(order.ref)) == list(first)
    other = bench.dialect.connect()
    assert list(await other.fetch_fills(order.ref)) == list(first)
    await other.close()


@card("C52")
async def open_orders_are_all_that_rest(bench: Bench) -> None:
    """Neither fewer nor more, and by pair."""
    orders = [await bench.resting() for _ in range(3)]
    for order in orders:
        await bench.connector.submit_order(order)
    await bench.cancel(orders[1].ref)
    expected = {orders[0].ref.client_order_id, orders[2].ref.client_order_id}
    assert {each.order_id for each in await bench.open_orders()} == expected
    assert {each.order_id for each in await bench.connector.fetch_open_orders(bench.dialect.pair)} == expected


@card("C53")
async def balances_follow_orders_exactly(bench: Bench) -> None:
    """An open order lowers what is available by its cost and not the total; canceled, all is as before."""
    rule = (await bench.connector.load_trading_rules())[bench.dialect.pair]
    quote = rule.buy_order_collateral_token
    before = {each.asset: each for each in await bench.connector.fetch_balances()}
    order = await bench.resting()
    await bench.connector.submit_order(order)
    during = {each.asset: each for each in await bench.connector.fetch_balances()}
    assert order.amount is not None
    assert order.price is not None
    assert during[quote].total == before[quote].total
    assert before[quote].available - during[quote].available == order.amount * order.price
    await bench.cancel(order.ref)
    assert {each.asset: each for each in await bench.connector.fetch_balances()} == before


@card("C54", needs=lambda dialect: dialect.connector_class.has_verb("fetch_candles"))
async def candles_come_in_pages(bench: Bench) -> None:
    """At most a page, oldest first: the last ones, the last ones up to an end, the first ones from a start."""
    fetch, page = bench.connector.fetch_candles, bench.connector.capabilities.candles_page
    times = [candle.opened_at for candle in await fetch(bench.dialect.pair, "1m", limit=5)]
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(minutes=1)] * 4
    until = await fetch(bench.dialect.pair, "1m", limit=2, end_at=times[3])
    assert [candle.opened_at for candle in until] == times[2:4]
    since = await fetch(bench.dialect.pair, "1m", limit=3, start_at=times[0])
    assert [candle.opened_at for candle in since] == times[:3]
    between = await fetch(bench.dialect.pair, "1m", limit=5, start_at=times[1], end_at=times[2])
    assert [candle.opened_at for candle in between] == times[1:3]
    assert len(await fetch(bench.dialect.pair, "1m", limit=page + 1)) == page > 0


# The stream, numbers, and living with it.


@card("C60", needs=_is_pushed)
async def the_stream_tells_what_happens_in_order(bench: Bench) -> None:
    """After a Gap: open, then filled with all its fills when the market comes; another one open, then canceled."""
    async with bench.reading() as following:
        order = await bench.resting("0.99")
        await bench.connector.submit_order(order)
        await next_report(following, order.ref.client_order_id, "open")
        await bench.dialect.move_market(await bench.mid() * D("0.95"))
        filled = await next_report(following, order.ref.client_order_id, "filled")
        assert filled.filled_amount == order.amount
        assert sum(fill.amount for fill in filled.fills) <= filled.filled_amount
        assert len(filled.fills) > 0
        other = await bench.resting()
        await bench.connector.submit_order(other)
        await next_report(following, other.ref.client_order_id, "open")
        await bench.connector.cancel_order(other.ref)
        await next_report(following, other.ref.client_order_id, "canceled")


@card("C61", needs=_is_pushed)
async def every_connection_begins_with_a_gap(bench: Bench) -> None:
    """What happened while nobody listened is not told; the Gap says that it must be asked for."""
    async with bench.reading():
        pass
    missed = await bench.resting()
    await bench.connector.submit_order(missed)
    async with bench.reading() as following:
        seen = await bench.resting()
        await bench.connector.submit_order(seen)
        await next_report(following, seen.ref.client_order_id, "open")
    found = await bench.connector.fetch_order(missed.ref)
    assert found is not None


@card("C62")
async def only_closing_ends_the_stream(bench: Bench) -> None:
    """``close`` ends the iteration without an error, and a closed connector has no stream."""
    async with bench.reading() as following:
        while True:
            reading = asyncio.ensure_future(following())
            done, _ = await asyncio.wait({reading}, timeout=0.05)
            if not done:
                break
            assert isinstance(reading.result(), BalanceReport)  # what a poll tells beside orders
        await bench.connector.close()
        with pytest.raises(StopAsyncIteration):
            await reading
    assert [event async for event in bench.connector.events()] == []


@card("C63", needs=lambda dialect: not _is_pushed(dialect))
async def a_poll_says_when_to_ask(bench: Bench) -> None:
    """A Gap at every poll, without an error in between; the book and a question tell what happened meanwhile."""
    async with bench.reading() as following:
        order = await bench.resting("0.99")
        await bench.connector.submit_order(order)
        for price in (await bench.mid() * D("0.95"), await bench.mid()):
            await bench.dialect.move_market(price)
            polled = asyncio.ensure_future(_next_gap(following))
            while not polled.done():
                bench.dialect.clock.advance(1)
                await asyncio.wait({polled}, timeout=0.001)
            await polled
        report = await bench.connector.fetch_order(order.ref)
        assert report is not None
        assert (report.state, report.filled_amount) == ("filled", order.amount)
        assert await bench.open_orders() == []


async def _next_gap(following: Callable[[], Awaitable[ConnectorEvent]]) -> Gap:
    while True:
        event = await following()
        if isinstance(event, Gap):
            return event


@card("C70", needs=lambda dialect: dialect.fine_pair is not None)
async def numbers_are_exact_to_eighteen_places(bench: Bench) -> None:
    """An amount and a price of 18 places come back digit by digit, from the answer and from a question."""
    amount, price = D("1.123456789012345678"), D("0.900000000000000001")
    order = bench.order(trading_pair=bench.dialect.fine_pair, amount=amount, price=price)
    await bench.connector.submit_order(order)
    found = await bench.connector.fetch_order(order.ref)
    assert found is not None
    assert found.amount is not None
    assert plain(found.amount) == "1.123456789012345678"
    assert found.terms is not None
    assert found.terms.price is not None
    assert plain(found.terms.price) == "0.900000000000000001"
    for balance in await bench.connector.fetch_balances():
        assert isinstance(balance.total, D)
        assert isinstance(balance.available, D)


@card("C80")
async def building_one_is_silent_and_closing_may_be_repeated(bench: Bench) -> None:
    """No call reaches the exchange from the constructor; close twice does no harm, to others neither."""
    before = bench.dialect.requests()
    connector = bench.dialect.connect()
    assert bench.dialect.requests() == before
    await connector.close()
    await connector.close()
    assert (await bench.connector.submit_order(await bench.resting())).state == "open"

"""What is particular to the paper connector: its venue, its time-outs, its map of refusals, its stream across processes."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy.pool import QueuePool

from app.clock import SystemClock
from app.connectors.base import ConnectorContext
from app.connectors.paper.reports import refused_of
from app.connectors.paper.spot import PaperConnector
from app.connectors.paper.venue import PaperVenue
from app.connectors.registry import connector_class
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.errors import (
    DuplicateOrderId,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadTimeout,
    InsufficientBalance,
    InvalidArgument,
    OrderRefused,
    UnsupportedPair,
    WouldTake,
)
from app.domain.order import OrderRef, OrderRequest
from app.domain.reports import BalanceReport, OrderReport
from app.paper.exchange import PaperExchange
from app.paper.refusals import PaperRefusal, RefusalCode
from app.paper.store import PaperStore
from app.services.orders.preparing import intended
from app.settings import Settings
from tests.connectors.conformance import Bench, next_report
from tests.connectors.paper.dialect import PaperDialect


@pytest.fixture
async def dialect() -> AsyncIterator[PaperDialect]:
    dialect = PaperDialect()
    await dialect.start()
    yield dialect
    await dialect.stop()


@pytest.fixture
def bench(dialect: PaperDialect) -> Bench:
    return Bench(dialect, dialect.connect())


# -- the venue ----------------------------------------------------------------------------------------------------------


def test_the_registry_knows_it() -> None:
    """Under its name."""
    assert connector_class("paper") is PaperConnector


async def test_a_venue_opens_where_the_settings_say(empty_database_url: str, tmp_path: Path) -> None:
    """A file of its own in a data directory that it makes, or tables beside the journal's in PostgreSQL; either is durable."""
    settings = Settings(data_dir=tmp_path / "new" / "data", database_url=empty_database_url)
    clock = SystemClock()
    request = OrderRequest(
        account_name="ann",
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=D(1),
        price=D(123),
    )
    order = intended(request, order_id="first", at=clock.now(), terms=request.terms())
    for expected in ("absent", "open"):
        venue = await PaperConnector.open_venue(settings, clock)
        context = ConnectorContext(account_name="ann", credentials={}, clock=clock, venue=venue)
        connector = PaperConnector(context)
        found = await connector.fetch_order(order.ref)
        if found is None:
            await connector.submit_order(order)
        await PaperConnector.close_venue(venue)
        await PaperConnector.close_venue(venue)
        assert (found.state if found else "absent") == expected
    assert (tmp_path / "new" / "data" / "paper.db").exists() == settings.is_sqlite


async def test_a_venue_that_nobody_waits_for_is_not_left_open(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller may be cancelled, by a time limit for one, while the store is being opened."""
    settings = Settings(data_dir=tmp_path, database_url=empty_database_url)
    made: list[PaperExchange] = []
    begun, may_end = threading.Event(), threading.Event()
    open_exchange = PaperConnector._open_exchange

    def open_slowly(*arguments: Any) -> PaperExchange:
        begun.set()
        may_end.wait()
        made.append(open_exchange(*arguments))
        return made[0]

    monkeypatch.setattr(PaperConnector, "_open_exchange", open_slowly)
    caller = asyncio.create_task(PaperConnector.open_venue(settings, SystemClock()))
    await asyncio.to_thread(begun.wait)
    caller.cancel()
    may_end.set()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
    (pool,) = (exchange._store._engine.pool for exchange in made)
    assert isinstance(pool, QueuePool)
    assert pool.checkedin() == 0


async def test_a_closed_venue_takes_no_order(bench: Bench, dialect: PaperDialect) -> None:
    """Nothing was sent, so it is a refusal; a question isn't answered."""
    order = await bench.resting()
    await dialect.venue.close()
    with pytest.raises(ExchangeDown):
        await bench.connector.submit_order(order)
    with pytest.raises(ExchangeReadError):
        await bench.connector.fetch_balances()


async def test_a_locked_store_is_a_refusal_and_a_failed_read(
    dialect: PaperDialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the exchange's lock for too long: the order was not begun, and may be sent again later."""
    url = f"sqlite:///{dialect.settings.data_dir / 'paper.db'}"
    monkeypatch.setattr("app.paper.store.BUSY_TIMEOUT_SECONDS", 0)
    impatient = PaperExchange(url, clock=dialect.clock, seed=1, path=dialect.path)
    dialect.venue = PaperVenue(impatient, timedelta(seconds=5))
    bench = Bench(dialect, dialect.connect())
    order = await bench.resting()
    other = PaperStore(url)
    with other.transaction():
        with pytest.raises(ExchangeDown) as refusal:
            await bench.connector.submit_order(order)
        with pytest.raises(ExchangeReadError):
            await bench.connector.fetch_order(order.ref)
    assert refusal.value.retry_after is not None
    other.close()
    assert await bench.connector.fetch_order(order.ref) is None
    assert (await bench.connector.submit_order(order)).state == "open"
    await asyncio.to_thread(dialect.exchange.close)


async def test_an_exchange_that_hangs_is_timed_out(dialect: PaperDialect) -> None:
    """A submit that takes too long is unknown, a question a failed read; a submit that only now comes to its turn is not begun."""
    dialect.venue.timeout = 0.05
    bench = Bench(dialect, dialect.connect())
    order = bench.order(price=D(123), amount=D(1))
    hung = threading.Event()
    locked = threading.Event()

    def hang() -> None:
        with dialect.exchange._lock:
            locked.set()
            hung.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    locked.wait()
    with pytest.raises(TimeoutError):
        await bench.connector.submit_order(order)
    with pytest.raises(ExchangeReadTimeout):
        await bench.connector.fetch_order(order.ref)
    dialect.clock.advance(0.1)
    hung.set()
    thread.join()
    dialect.venue.timeout = 5
    # Whatever was waiting for the lock has had its turn when this has; nothing may come after it.
    await bench.connector.fetch_balances()
    await dialect.venue.close()
    reopened = PaperExchange(
        f"sqlite:///{dialect.settings.data_dir / 'paper.db'}", clock=dialect.clock, seed=1, path=dialect.path
    )
    assert reopened.order("alice", client_order_id=order.order_id) is None
    reopened.close()


# -- reports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_its_class(code: RefusalCode) -> None:
    """Three have one of their own, the rest are OrderRefused; the exchange's code and text are kept."""
    refused = refused_of(PaperRefusal(code, "because"))
    assert (refused.exchange_code, refused.detail) == (code.value, "because")
    assert type(refused) is {
        RefusalCode.INSUFFICIENT_BALANCE: InsufficientBalance,
        RefusalCode.DUPLICATE_ORDER_ID: DuplicateOrderId,
        RefusalCode.WOULD_TAKE: WouldTake,
    }.get(code, OrderRefused)


async def test_an_expired_order_says_why(bench: Bench, dialect: PaperDialect) -> None:
    """In a code and in words, for every reason that there is."""
    own = await bench.resting("1.00006", trade_type=TradeType.SELL)
    await bench.connector.submit_order(own)
    dialect.path.prices["XRP-USDT"] = D("0.0003")
    orders = {
        "immediate_or_cancel": await bench.resting(time_in_force=TimeInForce.IOC),
        "fill_or_kill": await bench.resting(time_in_force=TimeInForce.FOK),
        "self_trade": await bench.resting("1.002", amount=D("1.3")),
        "no_depth": bench.order(trading_pair="XRP-USDT", amount=D(100_000), trade_type=TradeType.SELL),
    }
    for reason, order in orders.items():
        report = await bench.connector.submit_order(order)
        assert (report.state, report.reason_code) == ("expired", reason)
        assert report.reason
        assert sum(fill.amount for fill in report.fills) == report.filled_amount


async def test_a_foreign_exchange_id_falls_back_to_ours(bench: Bench) -> None:
    """An id that isn't a number can't be the exchange's; the order is found by its name."""
    order = await bench.resting()
    await bench.connector.submit_order(order)
    ref = OrderRef(order_id=order.order_id, trading_pair=order.trading_pair, exchange_order_id="x-1")
    found = await bench.connector.fetch_order(ref)
    assert found is not None
    assert found.order_id == order.order_id


async def test_public_data_needs_no_account(dialect: PaperDialect) -> None:
    """Ticker, book and candles on a connector without a name."""
    dialect.account = ""
    connector = dialect.connect()
    ticker = await connector.fetch_ticker("BTC-USDT")
    book = await connector.fetch_order_book("BTC-USDT", 7)
    candles = await connector.fetch_candles("BTC-USDT", "5m", limit=3)
    assert book.bids[0].price <= ticker.price <= book.asks[0].price
    assert ticker.base_volume > 0
    assert len(book.bids) == 7
    assert [right.opened_at - left.opened_at for left, right in itertools.pairwise(candles)] == [
        timedelta(minutes=5)
    ] * 2
    with pytest.raises(InvalidArgument):
        await connector.fetch_candles("BTC-USDT", "7m", limit=3)
    for ask in (
        connector.fetch_ticker("NO-PAIR"),
        connector.fetch_order_book("NO-PAIR", 1),
        connector.fetch_candles("NO-PAIR", "1m", limit=1),
    ):
        with pytest.raises(UnsupportedPair):
            await ask


async def test_accounts_are_kept_apart(dialect: PaperDialect) -> None:
    """Two names, two sets of orders and balances; one id may name an order of each."""
    alice = Bench(dialect, dialect.connect())
    dialect.account = "bob"
    bob = Bench(dialect, dialect.connect())
    order = await alice.resting()
    await alice.connector.submit_order(order)
    assert await bob.connector.fetch_order(order.ref) is None
    report = await bob.connector.submit_order(structs.replace(order, account_name="bob"))
    assert report.state == "open"
    await bob.connector.cancel_order(order.ref)
    assert len(await alice.connector.fetch_open_orders()) == 1


# -- the stream ---------------------------------------------------------------------------------------------------------


async def test_another_process_is_heard_at_the_next_look(bench: Bench, dialect: PaperDialect) -> None:
    """Its order and the balances it changed, a quarter of a second later."""
    other = PaperExchange(
        f"sqlite:///{dialect.settings.data_dir / 'paper.db'}", clock=dialect.clock, seed=1, path=dialect.path
    )
    elsewhere = dialect.connect()
    elsewhere._exchange = other
    async with bench.reading() as following:
        reading = asyncio.ensure_future(following())
        await dialect.clock.asleep.wait()
        order = bench.order(price=D(123), amount=D(1))
        await elsewhere.submit_order(order)
        assert not reading.done()
        dialect.clock.advance(0.25)
        event = await reading
        assert isinstance(event, OrderReport)
        assert (event.order_id, event.state) == (order.order_id, "open")
        balances = await following()
        assert isinstance(balances, BalanceReport)
        assert "USDT" in {each.asset for each in balances.balances}
    other.close()


async def test_this_process_is_heard_at_once(bench: Bench, dialect: PaperDialect) -> None:
    """The reader sleeps, the clock stands still, and the order wakes it all the same."""
    async with bench.reading() as following:
        reading = asyncio.ensure_future(following())
        await dialect.clock.asleep.wait()
        order = bench.order(price=D(123), amount=D(1))
        await bench.connector.submit_order(order)
        event = await reading
    assert isinstance(event, OrderReport)
    assert (event.order_id, event.state) == (order.order_id, "open")


async def test_the_stream_lets_the_market_move(bench: Bench, dialect: PaperDialect) -> None:
    """Nobody asks anything, and a resting order is filled all the same when the market comes."""
    order = await bench.resting("0.99")
    await bench.connector.submit_order(order)
    async with bench.reading() as following:
        reading = asyncio.ensure_future(next_report(following, order.order_id, "filled"))
        await dialect.clock.asleep.wait()
        await dialect.move_market(D(60_000))
        report = await reading
    assert sum(fill.amount for fill in report.fills) == report.filled_amount == order.amount


async def test_the_stream_fails_with_the_exchange(bench: Bench, dialect: PaperDialect) -> None:
    """Its reader learns that it must connect again."""
    async with bench.reading() as following:
        await dialect.venue.close()
        with pytest.raises(ExchangeReadError):
            await following()


# -- killed at the failpoints -------------------------------------------------------------------------------------------

_SUBMIT = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
from app.clock import SystemClock
from app.connectors.base import ConnectorContext
from app.connectors.paper.spot import PaperConnector
from app.domain.enums import OrderType, TradeType
from app.domain.order import OrderRequest
from app.services.orders.preparing import intended
from app.settings import Settings

async def main():
    clock, settings = SystemClock(), Settings(data_dir=Path(sys.argv[1]), database_url="sqlite://")
    venue = await PaperConnector.open_venue(settings, clock)
    context = ConnectorContext(account_name="ann", credentials={}, clock=clock, venue=venue)
    request = OrderRequest(account_name="ann", connector_name="paper", trading_pair="BTC-USDT", trade_type=TradeType.BUY,
                           order_type=OrderType.LIMIT, amount=Decimal(1), price=Decimal(123))
    order = intended(request, order_id="doomed", at=clock.now(), terms=request.terms())
    await PaperConnector(context).submit_order(order)

asyncio.run(main())
"""


@pytest.mark.parametrize(("failpoint", "arrived"), [("submitting", 0), ("submitted", 1)])
async def test_killed_around_a_submit(failpoint: str, arrived: int, tmp_path: Path) -> None:
    """Before the exchange is called there is no order; after its commit there is one, although no report was ever returned."""
    environment = {**os.environ, "ORDERGATE_FAILPOINT": f"connector.paper.{failpoint}"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _SUBMIT, str(tmp_path), env=environment)
    assert await process.wait() == -signal.SIGKILL
    exchange = PaperExchange(f"sqlite:///{tmp_path / 'paper.db'}", clock=SystemClock(), seed=20)
    assert len(exchange.open_orders("ann")) == arrived
    exchange.close()


async def test_a_submit_takes_milliseconds(bench: Bench) -> None:
    """Well under twenty, so that nothing in the connector waits for a timer. Where a machine is busy, a tenth of them says it."""
    taken = []
    for order in [bench.order(price=D(123), amount=D("0.1")) for _ in range(100)]:
        begun = time.perf_counter()
        await bench.connector.submit_order(order)
        taken.append(time.perf_counter() - begun)
    assert sorted(taken)[len(taken) // 10] < 0.02

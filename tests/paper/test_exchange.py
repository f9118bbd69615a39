"""The exchange's interface, on SQLite and PostgreSQL: accounts opened on first use, restarts, several processes, events."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import OrderState, OrderType, TradeType
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder
from app.paper.pairs import DEFAULT_BALANCES
from app.paper.refusals import PaperRefusal, PaperUnavailable, RefusalCode
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath

Open = Callable[..., PaperExchange]

BTC = "BTC-USDT"


def buy(name: str, price: str | None = "123", amount: str = "1", **terms: Any) -> NewOrder:
    given: dict[str, Any] = {
        "account": "ann",
        "client_order_id": name,
        "trading_pair": BTC,
        "trade_type": TradeType.BUY,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "amount": D(amount),
        "price": None if price is None else D(price),
    }
    return NewOrder(**given | terms)


def test_a_fresh_account_can_buy_and_sell(exchange: PaperExchange, clock: FakeClock) -> None:
    """A bid far below rests and stays; a market order and a SELL work without any preparation."""
    resting = exchange.place(buy("a")).order
    assert resting.state is OrderState.OPEN
    assert exchange.place(buy("b", None)).order.state is OrderState.FILLED
    assert exchange.place(buy("c", None, trade_type=TradeType.SELL)).order.state is OrderState.FILLED
    clock.advance(86_400)
    (still,) = exchange.open_orders("ann")
    assert still.order == resting
    assert {each.asset for each in exchange.balances("bob")} == set(DEFAULT_BALANCES)


def test_an_account_may_have_money_of_its_own(exchange: PaperExchange, open_exchange: Open, url: str) -> None:
    """Even none at all: it isn't given the default balances afterwards, not by another process either."""
    assert [(each.asset, each.total) for each in exchange.create_account("ann", {"USDT": D("0.1")})] == [
        ("USDT", D("0.1"))
    ]
    assert exchange.create_account("poor", {}) == ()
    assert open_exchange(url).balances("poor") == ()
    with pytest.raises(PaperRefusal):
        exchange.create_account("ann", {})
    with pytest.raises(PaperRefusal) as refusal:
        exchange.place(buy("a"))
    assert refusal.value.code is RefusalCode.INSUFFICIENT_BALANCE


def test_orders_are_found_by_either_id_also_when_they_are_done(exchange: PaperExchange) -> None:
    """With their fills; an id that was used again names the newest order; another account sees nothing."""
    first = exchange.place(buy("a"))
    canceled = exchange.cancel("ann", client_order_id="a")
    assert canceled.order.state is OrderState.CANCELED
    second = exchange.place(buy("a", None))
    assert exchange.order("ann", client_order_id="a") == second
    assert len(second.fills) > 0
    assert exchange.order("ann", exchange_order_id=first.order.exchange_order_id) == canceled
    assert exchange.order("bob", exchange_order_id=first.order.exchange_order_id) is None
    assert exchange.order("ann", client_order_id="b") is None


def test_only_an_open_order_of_the_account_can_be_canceled(exchange: PaperExchange) -> None:
    """Unknown, done, and somebody else's are refused alike."""
    order_id = exchange.place(buy("a")).order.exchange_order_id
    with pytest.raises(PaperRefusal):
        exchange.cancel("bob", exchange_order_id=order_id)
    with pytest.raises(PaperRefusal):
        exchange.cancel("bob", client_order_id="a")
    exchange.cancel("ann", exchange_order_id=order_id)
    with pytest.raises(PaperRefusal) as refusal:
        exchange.cancel("ann", exchange_order_id=order_id)
    assert refusal.value.code is RefusalCode.UNKNOWN_ORDER


def test_a_refused_order_leaves_no_trace(exchange: PaperExchange) -> None:
    """Neither in the orders nor on the tape, and the balances are as before."""
    before = exchange.balances("ann")
    seq = exchange.last_event()
    for bad in (buy("a", amount="0.000001"), buy("b", trading_pair="NO-PAIR"), buy("c", None, amount="500")):
        with pytest.raises(PaperRefusal):
            exchange.place(bad)
    assert exchange.last_event() == seq
    assert exchange.balances("ann") == before
    assert exchange.open_orders("ann") == ()


def test_an_order_that_came_too_late_is_not_begun(exchange: PaperExchange, clock: FakeClock) -> None:
    """After its deadline it is refused as unavailable, and is not there."""
    deadline = clock.monotonic() + 1
    clock.advance(2)
    with pytest.raises(PaperUnavailable):
        exchange.place(buy("a"), deadline=deadline)
    assert exchange.order("ann", client_order_id="a") is None


def test_a_restart_finds_everything_as_it_was(
    exchange: PaperExchange, open_exchange: Open, url: str, clock: FakeClock
) -> None:
    """Orders, fills, holds and the depth that was taken in this very second."""
    exchange.place(buy("resting"))
    first = exchange.place(buy("first", None, "0.5"))
    balances, book = exchange.balances("ann"), exchange.book(BTC, 5)
    exchange.close()
    again = open_exchange(url)
    assert again.order("ann", client_order_id="first") == first
    assert again.balances("ann") == balances
    assert again.book(BTC, 5) == book
    assert again.place(buy("second", None, "0.5")).order.filled_quote > first.order.filled_quote
    assert [record.order.client_order_id for record in again.open_orders("ann")] == ["resting"]


def test_a_market_that_moved_during_a_stop_is_caught_up_with(
    exchange: PaperExchange, open_exchange: Open, url: str, clock: FakeClock, path: HandPath
) -> None:
    """An order that the market came to while nobody ran is filled at its price when somebody looks."""
    exchange.place(buy("a", "60000", "0.1"))
    exchange.close()
    path.prices[BTC] = D(59_000)
    clock.advance(3_600)
    record = open_exchange(url).order("ann", client_order_id="a")
    assert record is not None
    assert record.order.state is OrderState.FILLED
    assert {fill.price for fill in record.fills} == {D(60_000)}


def test_two_processes_share_one_exchange(url: str, open_exchange: Open) -> None:
    """Each sees at once what the other did: orders, money, ids, and the depth it took."""
    one, other = open_exchange(url), open_exchange(url)
    first = one.place(buy("a", None, "0.5"))
    second = other.place(buy("b", None, "0.5"))
    assert second.order.exchange_order_id == first.order.exchange_order_id + 1
    assert second.order.filled_quote > first.order.filled_quote
    assert one.balances("ann") == other.balances("ann")
    other.place(buy("c"))
    with pytest.raises(PaperRefusal) as refusal:
        one.place(buy("c"))
    assert refusal.value.code is RefusalCode.DUPLICATE_ORDER_ID
    one.cancel("ann", client_order_id="c")
    assert other.open_orders("ann") == ()


def test_threads_may_place_at_once(url: str, open_exchange: Open) -> None:
    """Two exchanges, four threads each: every order is there once, with its own id."""
    exchanges = [open_exchange(url), open_exchange(url)]

    def place(thread: int) -> None:
        for number in range(5):
            exchanges[thread % 2].place(buy(f"t{thread}-{number}", amount="0.1"))

    threads = [threading.Thread(target=place, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [record.order.exchange_order_id for record in exchanges[0].open_orders("ann")]
    assert sorted(ids) == list(range(1, 41))


def test_a_fault_in_the_middle_leaves_memory_and_store_alike(
    exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that breaks before its commit did not happen, and the next one starts from what is stored."""
    exchange.place(buy("a"))
    before = exchange.balances("ann")

    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("app.paper.transaction.Transaction._save_records", broken)
        with pytest.raises(OSError, match="no space"):
            exchange.place(buy("b"))
    assert exchange.order("ann", client_order_id="b") is None
    assert exchange.balances("ann") == before
    assert exchange.place(buy("b")).order.state is OrderState.OPEN


def test_events_can_be_read_by_account(exchange: PaperExchange, open_exchange: Open, url: str) -> None:
    """From any point on, in order, to any process; each event's order is as it was then."""
    exchange.place(buy("a"))
    seq = exchange.last_event()
    exchange.cancel("ann", client_order_id="a")
    exchange.place(buy("b", None, account="bob"))
    events = open_exchange(url).account_since(0, "ann").events
    assert [event.name for event in events] == ["new", "balance", "canceled", "balance"]
    assert events[0].order is not None
    assert events[0].order.state is OrderState.OPEN
    assert [event.name for event in exchange.account_since(seq, "ann").events] == ["canceled", "balance"]
    news = exchange.account_since(seq, "bob")
    bob = news.events
    fills = exchange.fills("bob")
    assert [event.fill for event in bob if event.name == "trade"] == list(fills)
    assert set(bob[-1].balances) <= set(exchange.balances("bob"))
    assert news.orders == (exchange.order("bob", client_order_id="b"),)
    assert news.last == exchange.last_event()
    first = exchange.account_since(seq, "bob", limit=1)
    assert (first.events, first.last) == (bob[:1], bob[0].seq)


def test_fills_can_be_asked_for_by_time_pair_and_id(exchange: PaperExchange, clock: FakeClock) -> None:
    """Oldest first, each exactly once."""
    exchange.place(buy("a", None, amount="0.1"))
    clock.advance(10)
    since = clock.now()
    exchange.place(buy("b", None, amount="0.1"))
    first, second = exchange.fills("ann")
    assert exchange.fills("ann", since=since) == (second,)
    assert exchange.fills("ann", after_id=first.fill_id) == (second,)
    assert exchange.fills("ann", limit=1) == (first,)
    assert exchange.fills("ann", trading_pair="ETH-USDT") == ()


def test_listeners_are_called_after_commits_until_they_stop(exchange: PaperExchange) -> None:
    """A read is silent, an order is not."""
    calls: list[int] = []
    stop = exchange.listen(lambda: calls.append(1))
    exchange.place(buy("a"))
    exchange.open_orders("ann")
    assert calls == [1]
    stop()
    exchange.place(buy("b"))
    assert calls == [1]


def test_market_data_comes_from_the_same_market(exchange: PaperExchange) -> None:
    """The ticker lies within the spread's reach, the book shows a user's order, the tape ends at the ticker."""
    book = exchange.book(BTC, 3)
    assert len(book.bids) == len(book.asks) == 3
    ticker = exchange.ticker(BTC)
    assert book.bids[0].price <= ticker.price <= book.asks[0].price
    assert exchange.trades(BTC, 10)[-1].price == ticker.price
    assert exchange.candles(BTC, "1m", limit=1)[0].close == ticker.price
    between = book.bids[0].price + D("0.01")
    exchange.place(buy("a", str(between), "0.1"))
    assert exchange.book(BTC, 1).bids[0].price == between
    with pytest.raises(PaperRefusal):
        exchange.ticker("NO-PAIR")
    with pytest.raises(PaperRefusal):
        exchange.book("NO-PAIR", 1)


def test_a_closed_pair_takes_no_orders(url: str, open_exchange: Open) -> None:
    """And resting orders on it are left alone."""
    exchange = open_exchange(url)
    exchange.place(buy("a", "60000", "0.1"))
    closed = {BTC: replace(exchange.pairs[BTC], is_trading=False)}
    with pytest.raises(PaperRefusal) as refusal:
        open_exchange(url, pairs=closed).place(buy("b"))
    assert refusal.value.code is RefusalCode.MARKET_CLOSED


_PLACER = """
import sys
from decimal import Decimal
from app.clock import SystemClock
from app.domain.enums import OrderType, TradeType
from app.paper.exchange import PaperExchange
from app.paper.orders import NewOrder
exchange = PaperExchange(sys.argv[1], clock=SystemClock(), seed=1)
for number in range(10_000):
    name = f"k{number}"
    exchange.place(NewOrder(account="ann", client_order_id=name, trading_pair="BTC-USDT", trade_type=TradeType.BUY,
                            order_type=OrderType.LIMIT, amount=Decimal("0.1"), price=Decimal("100")))
    print(name, flush=True)
"""


def test_what_was_answered_survives_a_kill(tmp_path: Path, open_exchange: Open) -> None:
    """A process is killed while it places orders; every order that it had an answer for is there, and at most one more, and the
    account holds exactly what they need.
    """
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    process = subprocess.Popen([sys.executable, "-c", _PLACER, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered = [process.stdout.readline().strip() for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    answered += process.stdout.read().split()
    process.wait()
    process.stdout.close()

    exchange = open_exchange(url)
    found = [record.order.client_order_id for record in exchange.open_orders("ann")]
    assert found[: len(answered)] == answered
    assert len(found) <= len(answered) + 1
    held = {each.asset: each.held for each in exchange.balances("ann")}
    assert held["USDT"] == 10 * len(found)

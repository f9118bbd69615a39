"""Recovery: what a look at the whole book changes in the journal, and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import event

from app.connectors.rows import Rows, UnreadableRow
from app.domain.enums import OrderState, OrderType, TimeInForce, TradeType
from app.domain.errors import ExchangeReadError, ExchangeReadFailed
from app.domain.ids import new_order_id
from app.domain.order import AccountKey, OrderKey, OrderRef
from app.domain.reports import OrderReport
from app.paper.orders import NewOrder
from tests.journal.replaying import replay
from tests.services.world import ACCOUNT, World, key, request, until


def place_past_the_gateway(world: World, order_id: str, price: int = 40_000) -> None:
    """An order that reaches the exchange without the journal: from another program, or from a journal that was lost."""
    world.exchange.place(
        NewOrder(
            account=ACCOUNT,
            client_order_id=order_id,
            trading_pair="BTC-USDT",
            trade_type=TradeType.BUY,
            order_type=OrderType.LIMIT,
            amount=Decimal("0.01"),
            price=Decimal(price),
            time_in_force=TimeInForce.GTC,
        )
    )


async def reconcile(world: World) -> None:
    await world.recovery.reconcile(AccountKey(ACCOUNT, "paper"))


async def test_nothing_changes_where_all_is_well(each_world: World) -> None:
    """A journal that is equal to the exchange gets no entry."""
    await each_world.orders.place(request())
    head = each_world.journal.head()
    await reconcile(each_world)
    await each_world.rest()
    assert each_world.journal.head() == head


async def test_orders_that_were_left_in_doubt_are_settled(each_world: World) -> None:
    """Whatever the last process did not know is asked about and found."""
    for order_id, fault in (("a", "reset"), ("b", "lost"), ("c", "down")):
        each_world.faults.plan("submit", fault)
        await each_world.orders.place(request(client_order_id=order_id))

    await reconcile(each_world)
    await until(lambda: not each_world.journal.unsettled_orders(), each_world.clock)

    assert [each_world.order(name).state for name in "abc"] == [
        OrderState.OPEN,
        OrderState.OPEN,
        OrderState.REJECTED,
    ]
    assert each_world.violations() == ()


async def test_an_order_that_left_the_book_is_asked_about(world: World) -> None:
    """The stream lost the fill: the order is missing from the book, and asking brings its end."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)

    await reconcile(world)
    await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
    assert world.violations() == ()


async def test_what_the_last_comparison_found_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing differs; then an order has left the book; then the exchange can't be asked, and what was found before stays."""
    account, told = AccountKey(ACCOUNT, "paper"), world.recovery._reconciliations
    await world.orders.place(request(client_order_id="o1"))
    place_past_the_gateway(world, "foreign", price=30_000)
    await reconcile(world)
    before = (await told.last(account)).last
    assert before is not None
    assert (before.is_whole, before.orders, before.differences, before.foreign_orders) == (True, 1, (), 1)
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    await reconcile(world)
    found = (await told.last(account)).last
    assert found is not None
    [missing] = found.differences
    assert (missing.order_id, missing.state, missing.exchange_state) == ("o1", OrderState.OPEN, None)
    connector = await world.connector()

    async def fetch_open_orders(trading_pair: str | None = None) -> Rows[OrderReport]:
        raise ExchangeReadFailed("not now")

    monkeypatch.setattr(connector, "fetch_open_orders", fetch_open_orders)
    with pytest.raises(ExchangeReadFailed):
        await reconcile(world)
    state = await told.last(account)
    assert (state.last, state.problem, state.failed_at) == (found, "not now", world.clock.now())


async def test_a_pair_that_can_not_be_asked_for_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where orders are listed pair by pair: what left the book of another pair is asked about, what rests on the one that is not
    listed now stays as it was, and the pair is named. Without any answer the comparison has failed.
    """
    account, told = AccountKey(ACCOUNT, "paper"), world.recovery._reconciliations
    await world.orders.place(request(client_order_id="o1"))
    await world.orders.place(request(client_order_id="o2", trading_pair="ETH-USDT", price=Decimal(1_500)))
    connector = await world.connector()
    by_pair = replace(connector.capabilities, open_orders_by_pair=True)
    monkeypatch.setattr(connector, "capabilities", by_pair)
    fetch, silent = connector.fetch_open_orders, {"ETH-USDT"}

    async def fetch_open_orders(trading_pair: str | None = None) -> Sequence[OrderReport]:
        assert trading_pair is not None
        if trading_pair in silent:
            raise ExchangeReadError(f"Paper does not list {trading_pair} now")
        return await fetch(trading_pair)

    monkeypatch.setattr(connector, "fetch_open_orders", fetch_open_orders)
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    await reconcile(world)
    await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
    assert world.order("o2").state is OrderState.OPEN
    state = await told.last(account)
    assert state.last is not None
    assert (state.last.orders, state.last.unasked_pairs, state.problem) == (1, ("ETH-USDT",), None)
    silent.add("BTC-USDT")
    with pytest.raises(ExchangeReadError, match="does not list ETH-USDT"):
        await reconcile(world)
    silent.clear()
    await reconcile(world)
    state = await told.last(account)
    assert state.last is not None
    assert (state.last.orders, state.last.unasked_pairs) == (1, ())


async def test_an_order_of_ours_that_the_journal_lost_is_adopted(world: World) -> None:
    """An order under an id of our form is taken into the journal, with an alarm."""
    order_id = new_order_id(world.clock.now(), lambda bits: 1, (await world.installations.get()).name)
    place_past_the_gateway(world, order_id)

    await reconcile(world)

    order = world.order(order_id)
    assert (order.state, order.amount, order.price) == (OrderState.OPEN, Decimal("0.01"), Decimal(40_000))
    assert world.kinds(order_id)[0] == "adopted"
    assert replay(world.journal, order.key) == order


async def test_an_order_of_another_installation_is_foreign(world: World) -> None:
    """Another gateway trades on the same account: its orders, and ids of before it, are neither adopted nor touched."""
    theirs = new_order_id(world.clock.now(), lambda bits: 1, "theyrs")
    earlier = "og" + theirs[2:12] + "0" * 16
    for order_id in (theirs, earlier):
        place_past_the_gateway(world, order_id)

    await reconcile(world)

    assert [world.journal.find_order(key(order_id)) for order_id in (theirs, earlier)] == [None, None]
    assert [world.at_exchange(order_id)[0].state for order_id in (theirs, earlier)] == ["open", "open"]


async def test_an_order_of_an_earlier_version_is_still_ours(world: World) -> None:
    """The journal was written by a version whose ids name no installation: such ids up to now are adopted, later ones are not."""
    await world.orders.place(request(client_order_id="o1"))
    world.clock.advance(60)
    until = world.clock.now()
    installation = await world.installations.get()
    assert installation.earlier_until == until
    earlier, later = (
        "og" + new_order_id(at, lambda bits: 1, "theyrs")[2:12] + "0" * 16
        for at in (until - timedelta(minutes=1), until + timedelta(seconds=1))
    )
    for order_id in (earlier, later):
        place_past_the_gateway(world, order_id)

    await reconcile(world)

    assert world.order(earlier).state is OrderState.OPEN
    assert world.journal.find_order(key(later)) is None


async def test_an_order_of_ours_without_terms_can_not_be_adopted(world: World) -> None:
    """An exchange that does not repeat the terms leaves us an alarm and no order."""
    order_id = new_order_id(world.clock.now(), lambda bits: 1, (await world.installations.get()).name)
    place_past_the_gateway(world, order_id)
    connector = await world.connector()
    (report,) = await connector.fetch_open_orders()

    await world.recovery.take_in(connector, structs.replace(report, terms=None))

    assert world.journal.find_order(key(order_id)) is None


async def test_a_foreign_order_is_ignored(world: World) -> None:
    """What another program placed is none of ours."""
    place_past_the_gateway(world, "somebody-else")
    await reconcile(world)
    assert world.journal.head() == 0


async def test_an_order_presumed_gone_that_shows_up_has_reappeared(world: World) -> None:
    """A conclusion that proves wrong is taken back, with an alarm."""
    world.faults.plan("submit", "down")
    await world.orders.place(request(client_order_id="o1"))
    await until(lambda: world.order("o1").state is OrderState.REJECTED, world.clock)
    place_past_the_gateway(world, "o1")

    await reconcile(world)

    assert world.order("o1").state is OrderState.OPEN
    assert "reappeared" in world.kinds("o1")
    assert {violation.clause for violation in world.violations()} == {"final_states_are_not_taken_back"}


async def test_a_cancel_without_an_outcome_is_pursued(world: World) -> None:
    """A process died between asking for a cancel and its answer: the order is asked about until the matter is clear."""
    placed = await world.orders.place(request(client_order_id="o1"))
    world.faults.plan("cancel", "cancel_reset")
    await world.orders.cancel(placed.order.key)
    await world.settling.close()
    world.settling._pursuits._is_closed = False

    await reconcile(world)

    await until(lambda: world.order("o1").state is OrderState.CANCELED, world.clock)


async def test_an_exchange_that_does_not_answer_is_told_of(world: World) -> None:
    """The error reaches the feed, which tries again; the orders in doubt are pursued all the same."""
    world.faults.plan("submit", "reset")
    await world.orders.place(request(client_order_id="o1"))
    await world.settling.close()
    world.settling._pursuits._is_closed = False
    world.faults.plan("ask", "unanswered")

    with pytest.raises(ExchangeReadFailed):
        await reconcile(world)

    assert key("o1") in world.settling._pursuits._running


async def test_one_order_that_can_not_be_recorded_does_not_stop_the_others(world: World) -> None:
    """The fault is raised in the end, after everything else was done."""
    for order_id in ("a", "b"):
        world.faults.plan("submit", "reset")
        await world.orders.place(request(client_order_id=order_id))
    await world.settling.close()
    observe = world.settling.observe

    async def failing(order_key: OrderKey, report: OrderReport) -> object:
        if report.order_id == "a":
            raise ValueError("a")
        return await observe(order_key, report)

    world.settling.observe = failing  # type: ignore[method-assign,assignment]
    with pytest.raises(ValueError, match="a"):
        await reconcile(world)

    assert [world.order(name).state for name in "ab"] == [OrderState.UNKNOWN, OrderState.OPEN]


@contextmanager
def counted(world: World) -> Iterator[Counter[str]]:
    """What the journal is asked meanwhile: reads of orders by statement, and what its writer is given, in all and at once."""
    counts: Counter[str] = Counter()
    under_way = 0
    submit = world.journal._submit

    def read(_c: object, _cursor: object, sql: str, *_: object) -> None:
        if "FROM orders" in sql:
            counts["reads"] += 1

    async def written(unit: Any) -> object:
        nonlocal under_way
        under_way += 1
        counts["writes"] += 1
        counts["written at once"] = max(under_way, counts["written at once"])
        try:
            return await submit(unit)
        finally:
            under_way -= 1

    database = world.journal.database
    past_the_engine = database.driver_rows

    def read_past_the_engine(sql: str, values: Any) -> list[Any]:
        read(None, None, sql)
        return past_the_engine(sql, values)

    event.listen(database.engine, "before_cursor_execute", read)
    database.driver_rows = read_past_the_engine  # type: ignore[method-assign]
    world.journal._submit = written  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        event.remove(database.engine, "before_cursor_execute", read)
        database.driver_rows = past_the_engine  # type: ignore[method-assign]
        world.journal._submit = submit  # type: ignore[method-assign]


async def test_orders_that_rest_cost_one_read_and_no_write(each_world: World) -> None:
    """However many orders rest, a journal that is equal to the exchange is read once, and its writer has nothing to do."""
    for number in range(20):
        await each_world.orders.place(request(client_order_id=f"o{number}", price=Decimal(40_000 - number)))

    with counted(each_world) as counts:
        await reconcile(each_world)
        await each_world.rest()

    assert counts == {"reads": 1}


async def test_all_accounts_look_for_orders_in_doubt_in_one_read(each_world: World) -> None:
    """Looks come every two seconds per account; what one of them read serves the others of that second."""
    with counted(each_world) as counts:
        for account_name in ("first", "second", "third"):
            await each_world.recovery.wake_unsettled(AccountKey(account_name, "paper"))
        assert counts == {"reads": 1}
        each_world.clock.advance(1)
        await each_world.recovery.wake_unsettled(AccountKey(ACCOUNT, "paper"))

    assert counts == {"reads": 2}


async def test_differences_are_written_together(each_world: World) -> None:
    """Only the orders of which the journal does not know all are written, and the writer gets them all at once."""
    for number in range(20):
        fault = "reset" if number % 2 else None
        each_world.faults.plan("submit", fault)
        await each_world.orders.place(request(client_order_id=f"o{number}", price=Decimal(40_000 - number)))
    await each_world.settling.close()
    with counted(each_world) as counts:
        await reconcile(each_world)

    assert counts == {"reads": 1, "writes": 10, "written at once": 10}
    assert {each_world.order(f"o{number}").state for number in range(20)} == {OrderState.OPEN}


async def test_foreign_orders_on_the_book_are_looked_up_once(each_world: World) -> None:
    """Another program's orders rest for days: they are looked for in the journal once, all together, and never written about."""
    for number in range(20):
        await asyncio.to_thread(place_past_the_gateway, each_world, f"somebody-else-{number}", 40_000 - number)

    with counted(each_world) as counts:
        await reconcile(each_world)
        await reconcile(each_world)

    assert counts == {"reads": 1 + 1 + 1}


async def test_an_order_placed_during_the_question_is_known(each_world: World) -> None:
    """An order that comes between the read of the journal and the exchange's answer is no stranger, whoever placed it."""
    connector = await each_world.connector()
    ask = connector.fetch_open_orders

    async def answer_after_an_order(trading_pair: str | None = None) -> object:
        await each_world.orders.place(request(client_order_id="o1"))
        return await ask(trading_pair)

    connector.fetch_open_orders = answer_after_an_order  # type: ignore[method-assign,assignment]
    await reconcile(each_world)
    await each_world.rest()

    assert each_world.kinds("o1") == ["intended", "accepted"]
    each_world.path.prices["BTC-USDT"] = Decimal(39_000)
    connector.fetch_open_orders = ask  # type: ignore[method-assign]
    each_world.clock.advance(5)
    await reconcile(each_world)
    await until(lambda: each_world.order("o1").state is OrderState.FILLED, each_world.clock)


@pytest.mark.parametrize("order_id", ["o1", None])
async def test_an_order_whose_row_can_not_be_read_is_not_missing(
    world: World, monkeypatch: pytest.MonkeyPatch, order_id: str | None
) -> None:
    """The book has a row of its id, or of its number, that says nothing readable: the order is there; the others are recorded."""
    placed = (await world.orders.place(request(client_order_id="o1"))).order
    place_past_the_gateway(
        world, new_order_id(world.clock.now(), lambda bits: 1, (await world.installations.get()).name)
    )
    connector = await world.connector()
    readable = [report for report in await connector.fetch_open_orders() if report.order_id != "o1"]
    row = UnreadableRow(
        order_id=order_id, exchange_order_id=placed.exchange_order_id, trading_pair="BTC-USDT", why="an odd word"
    )

    async def fetch_open_orders(trading_pair: str | None = None) -> Rows[OrderReport]:
        return Rows.of(readable, [row])

    asked: list[OrderRef] = []
    fetch_order = connector.fetch_order

    async def fetch(ref: OrderRef) -> OrderReport | None:
        asked.append(ref)
        return await fetch_order(ref)

    monkeypatch.setattr(connector, "fetch_open_orders", fetch_open_orders)
    monkeypatch.setattr(connector, "fetch_order", fetch)
    await reconcile(world)
    await world.rest()
    assert asked == []
    assert world.kinds("o1") == ["intended", "accepted"]
    assert world.kinds(readable[0].order_id)[0] == "adopted"

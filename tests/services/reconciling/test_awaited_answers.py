"""Events of an order whose answer is on its way wait for it and are recorded with it, and none that adds something is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from app.domain.enums import OrderState
from app.domain.errors import JournalUnavailable, RateLimited
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import OrderReport
from app.services.reconciling.feed import Feed
from tests.clock import FakeClock
from tests.services.reconciling.test_feed import handled, running, said
from tests.services.world import World, key, market, request, running_world, until

AT_ONCE = ["intended", "accepted", "filled"]


@contextmanager
def transactions(world: World) -> Iterator[list[None]]:
    """An item for each transaction that the journal's writer begins, also those in which nothing is written."""
    assert world.journal._writer is not None
    store, begun = world.journal._writer._store, list[None]()
    begin = store.begin

    def counted() -> object:
        begun.append(None)
        return begin()

    store.begin = counted  # type: ignore[method-assign,assignment]
    try:
        yield begun
    finally:
        store.begin = begin  # type: ignore[method-assign]


def told(report: OrderReport) -> list[OrderReport]:
    """What a stream tells of an order that is filled at once: that it is there, and its fill."""
    new = structs.replace(report, state="open", fills=(), filled_amount=Decimal(0))
    return [new, report]


async def told_before_the_answer(
    world: World,
    feed: Feed,
    events: Callable[[OrderReport], Sequence[OrderReport]] = told,
    answer: Callable[[OrderReport], OrderReport] = lambda report: report,
) -> None:
    """From now on the stream is faster than the answer to an order, which is ``answer`` of the exchange's own."""
    connector = await world.connector()
    submit = connector.submit_order

    async def slow(order: Order) -> OrderReport:
        report = await submit(order)
        for event in events(report):
            await feed._handle(event)
        return answer(report)

    connector.submit_order = slow  # type: ignore[method-assign]


async def test_a_stream_costs_an_order_no_transaction(each_world: World) -> None:
    """An order that is filled at once takes two, whether its events come before its answer, twice, after it, or not at all."""
    feed = each_world.feed()
    with transactions(each_world) as alone:
        await each_world.orders.place(market(client_order_id="alone"))
    await told_before_the_answer(each_world, feed, lambda report: told(report) * 2)
    with transactions(each_world) as followed:
        await each_world.orders.place(market(client_order_id="followed"))
        connector = await each_world.connector()
        report = await connector.fetch_order(each_world.order("followed").ref)
        assert report is not None
        await handled(feed, *told(report))
    assert len(followed) == len(alone) == 2
    assert each_world.kinds("alone") == each_world.kinds("followed") == AT_ONCE
    assert each_world.violations() == ()


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(lambda report: told(report)[::-1], id="swapped"),
        pytest.param(lambda report: [report] * 3, id="thrice"),
        pytest.param(lambda report: [said("theirs", exchange_order_id="9"), *told(report)], id="beside-theirs"),
    ],
)
async def test_events_that_wait_may_come_in_any_order(
    world: World, events: Callable[[OrderReport], Sequence[OrderReport]]
) -> None:
    """Twice, the last one first, or among those of other programs: the fill counts once."""
    feed = world.feed()
    await told_before_the_answer(world, feed, events)
    await world.orders.place(market(client_order_id="o1"))
    await handled(feed)
    assert world.kinds("o1") == AT_ONCE
    assert world.violations() == ()


async def test_a_fill_that_the_answer_leaves_out_shares_its_commit(world: World) -> None:
    """As on perpetuals, whose answers tell no fills: the order is answered filled, and nothing need be asked."""
    feed = world.feed()
    await told_before_the_answer(world, feed, answer=lambda report: structs.replace(report, fills=()))
    with transactions(world) as begun:
        placed = await world.orders.place(market(client_order_id="o1"))
    assert placed.order.state is OrderState.FILLED
    assert len(begun) == 2
    assert world.kinds("o1") == AT_ONCE
    assert world.settling._pursuits._running == {}


async def test_a_fill_that_only_a_waiting_event_counts_is_asked_for(world: World) -> None:
    """The event that carries it was lost."""
    feed = world.feed()
    await told_before_the_answer(
        world,
        feed,
        lambda report: [structs.replace(report, fills=())],
        lambda report: structs.replace(report, state="open", fills=(), filled_amount=Decimal(0)),
    )
    await world.orders.place(market(client_order_id="o1"))
    await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
    assert world.violations() == ()


async def test_an_event_settles_an_order_whose_answer_is_lost(world: World) -> None:
    """The connection breaks after the exchange has taken the order: the caller is told what the stream said."""
    feed = world.feed()

    def lost(report: OrderReport) -> OrderReport:
        raise ConnectionResetError("the connection broke")

    await told_before_the_answer(world, feed, answer=lost)
    with transactions(world) as begun:
        placed = await world.orders.place(market(client_order_id="o1"))
    assert placed.order.state is OrderState.FILLED
    assert len(begun) == 2
    assert world.kinds("o1") == AT_ONCE


async def test_an_event_does_not_wait_for_an_answer_that_does_not_come(each_world: World) -> None:
    """The call hangs: after a moment the event is recorded without it, and the late answer adds nothing."""
    hangs = asyncio.Event()
    connector = await each_world.connector()
    submit = connector.submit_order

    async def hanging(order: Order) -> OrderReport:
        report = await submit(order)
        await hangs.wait()
        return report

    connector.submit_order = hanging  # type: ignore[method-assign]
    async with running(each_world.feed()):
        await until(lambda: any(each_world.exchange._listeners), each_world.clock)
        begun = each_world.clock.now()
        placing = asyncio.create_task(each_world.orders.place(market(client_order_id="o1")))
        await until(
            lambda: (
                each_world.journal.find_order(key("o1")) is not None
                and each_world.order("o1").state is OrderState.FILLED
            ),
            each_world.clock,
            step=0.01,
        )
        assert (each_world.clock.now() - begun).total_seconds() < 6  # the call itself may take twelve
        assert not placing.done()
        hangs.set()
        await placing
    assert each_world.kinds("o1") == AT_ONCE
    assert each_world.violations() == ()


async def test_a_process_that_dies_while_events_wait_loses_nothing(
    sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """What waited is gone with it. The next process finds the order pending, and asks."""
    never = asyncio.Event()
    async with running_world(sqlite_url, tmp_path, clock) as dead:
        feed = dead.feed()
        connector = await dead.connector()
        submit = connector.submit_order

        async def unanswered(order: Order) -> OrderReport:
            for event in told(await submit(order)):
                await feed._handle(event)
            never.set()
            return await asyncio.get_running_loop().create_future()

        connector.submit_order = unanswered  # type: ignore[method-assign]
        placing = asyncio.create_task(dead.orders.place(market(client_order_id="o1")))
        await never.wait()
        assert dead.order("o1").state is OrderState.PENDING

        async with running_world(sqlite_url, tmp_path, clock) as world, running(world.feed()):
            await until(lambda: world.order("o1").state is OrderState.FILLED, clock)
            assert world.violations() == ()
        placing.cancel()
        for task in list(dead.inflight._tasks):
            task.cancel()


async def test_a_refusal_says_why_where_the_stream_says_rejected_too(world: World) -> None:
    """The answer's reason counts, which tells whether the request may be repeated."""
    feed = world.feed()
    connector = await world.connector()

    async def refused(order: Order) -> OrderReport:
        await feed._handle(said("o1", "rejected"))
        raise RateLimited("too many requests")

    connector.submit_order = refused  # type: ignore[method-assign]
    with pytest.raises(RateLimited):
        await world.orders.place(request(client_order_id="o1"))
    assert world.kinds("o1") == ["intended", "rejected"]
    assert world.order("o1").is_retryable


async def test_events_of_an_order_that_is_refused_are_not_lost(world: World) -> None:
    """An exchange that refuses an order and shows it: it is there."""
    feed = world.feed()
    connector = await world.connector()
    submit = connector.submit_order

    async def refused(order: Order) -> OrderReport:
        for event in told(await submit(order)):
            await feed._handle(event)
        raise RateLimited("too many requests")

    connector.submit_order = refused  # type: ignore[method-assign]
    placed = await world.orders.place(market(client_order_id="o1"))
    assert placed.order.state is OrderState.FILLED
    assert world.kinds("o1") == AT_ONCE


async def test_what_could_not_be_recorded_with_the_answer_is_recorded_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is away at that moment: the events are given back to the feed, which looks them up."""
    feed = world.feed()
    record, is_away = world.journal.record, False

    async def failing(*arguments: object, **options: object) -> object:
        if is_away:
            raise JournalUnavailable("away")
        return await record(*arguments, **options)  # type: ignore[arg-type]

    def leave(report: OrderReport) -> OrderReport:
        nonlocal is_away
        is_away = True
        return report

    monkeypatch.setattr(world.journal, "record", failing)
    await told_before_the_answer(world, feed, answer=leave)
    placed = await world.orders.place(market(client_order_id="o1"))
    assert placed.order.state is OrderState.PENDING
    is_away = False
    await handled(feed)
    assert world.kinds("o1") == AT_ONCE
    assert world.violations() == ()


async def test_an_event_during_a_cancel_shares_its_commit(world: World) -> None:
    """The stream says that the order is canceled before the answer does."""
    feed = world.feed()
    await world.orders.place(request(client_order_id="o1"))
    connector = await world.connector()
    cancel = connector.cancel_order

    async def slow(ref: object) -> OrderReport:
        report = await cancel(ref)  # type: ignore[arg-type]
        await feed._handle(report)
        return report

    connector.cancel_order = slow  # type: ignore[method-assign,assignment]
    with transactions(world) as begun:
        await world.orders.cancel(key("o1"))
        await handled(feed)
    assert len(begun) == 2
    assert world.kinds("o1") == ["intended", "accepted", "cancel_requested", "canceled"]


async def test_a_fill_during_a_cancel_is_kept(world: World) -> None:
    """A part was executed before the cancel came, and only the stream tells of it."""
    feed = world.feed()
    await world.orders.place(request(client_order_id="o1"))
    order = world.order("o1")
    connector = await world.connector()
    fill = Fill(
        exchange_fill_id="77",
        price=Decimal(40_000),
        amount=Decimal("0.004"),
        fee=Decimal(0),
        fee_currency="USDT",
        filled_at=world.clock.now(),
    )

    async def filled_in_part(ref: object) -> OrderReport:
        report = structs.replace(said("o1", exchange_order_id=order.exchange_order_id or ""), fills=(fill,))
        await feed._handle(structs.replace(report, filled_amount=fill.amount))
        return structs.replace(report, state="canceled", fills=(), filled_amount=fill.amount)

    connector.cancel_order = filled_in_part  # type: ignore[method-assign,assignment]
    canceled = await world.orders.cancel(key("o1"))
    assert (canceled.state, canceled.filled_amount) == (OrderState.CANCELED, fill.amount)

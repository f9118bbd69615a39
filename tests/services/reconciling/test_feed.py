"""The feed: events in any order, twice or not at all, streams that break, and an exchange that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from msgspec import structs

from app.domain.enums import EventKind, OrderState
from app.domain.errors import JournalUnavailable
from app.domain.ids import new_order_id
from app.domain.order import AccountKey, intended
from app.services.reconciling.feed import Feed
from tests.services.reconciling.test_recovery import place_past_the_gateway
from tests.services.world import World, gathered, key, request, until


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(feed.run())
    try:
        yield task
    finally:
        task.cancel()
        await gathered(task)


async def test_what_happens_at_the_exchange_reaches_the_journal(each_world: World) -> None:
    """A resting order that the market fills is filled in the journal, with balances, and nobody asked."""
    async with running(each_world.feed()):
        await each_world.orders.place(request(client_order_id="o1"))
        each_world.path.prices["BTC-USDT"] = Decimal(39_000)
        await until(lambda: each_world.order("o1").state is OrderState.FILLED, each_world.clock)
        await until(lambda: any(entry.balances for entry in each_world.journal.tail(0, limit=100)), each_world.clock)

    await each_world.rest()
    assert each_world.violations() == ()


async def test_events_may_come_twice_late_or_in_the_wrong_order(world: World) -> None:
    """Whatever the stream does with them, each fill is counted once."""
    await world.connector()
    world.faults.plan("stream", *["double", "swap", "delay", "drop"] * 20)
    async with running(world.feed()):
        for number in range(8):
            await world.orders.place(request(client_order_id=f"o{number}"))
        world.path.prices["BTC-USDT"] = Decimal(39_000)
        # What was dropped is found by the next look at the whole book.
        await until(lambda: all(world.order(f"o{n}").state is OrderState.FILLED for n in range(8)), world.clock)

    await world.rest()
    assert world.violations() == ()


async def test_a_broken_stream_is_read_again(world: World) -> None:
    """It is started anew after a pause, and what it missed is found by comparing."""
    connector = await world.connector()
    breaks = 0
    events = connector.events

    async def fragile() -> AsyncIterator[object]:
        nonlocal breaks
        stream = events()
        try:
            async for event in stream:
                yield event
                if breaks < 3:
                    breaks += 1
                    raise ConnectionResetError("the stream was reset")
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    connector.events = fragile  # type: ignore[method-assign,assignment]
    async with running(world.feed()):
        await until(lambda: breaks == 3, world.clock)
        await world.orders.place(request(client_order_id="o1"))
        world.path.prices["BTC-USDT"] = Decimal(39_000)
        await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)


async def test_a_stream_that_ends_is_read_again(world: World) -> None:
    """An exchange that closes the stream in good order is connected to again."""
    connector = await world.connector()
    begun = 0

    async def short() -> AsyncIterator[object]:
        nonlocal begun
        begun += 1
        return
        yield

    connector.events = short  # type: ignore[method-assign,assignment]
    async with running(world.feed()):
        await until(lambda: begun == 3, world.clock)


async def test_an_exchange_that_does_not_answer_is_asked_again(world: World) -> None:
    """The comparison fails a few times and is made in the end."""
    world.faults.plan("submit", "reset")
    await world.orders.place(request(client_order_id="o1"))
    await world.settling.close()
    world.faults.plan("ask", *["unanswered"] * 3)
    async with running(world.feed()):
        await until(lambda: world.order("o1").state is OrderState.OPEN, world.clock)
    assert world.faults.counts["unanswered"] == 3


async def test_an_order_of_ours_in_the_stream_is_adopted(world: World) -> None:
    """The stream tells of an order under our id that the journal lost: it is taken in; a foreign one is not."""
    order_id = new_order_id(world.clock.now(), lambda bits: 1)
    async with running(world.feed()):
        await until(lambda: any(world.exchange._listeners), world.clock)
        await asyncio.to_thread(place_past_the_gateway, world, "foreign")
        await asyncio.to_thread(place_past_the_gateway, world, order_id)
        await until(lambda: world.journal.find_order(key(order_id)) is not None, world.clock)
    assert world.journal.find_order(key("foreign")) is None


async def test_a_dead_process_s_orders_are_found_by_looking(world: World) -> None:
    """An order that another process left pending after the feed's first comparison is pursued within seconds."""
    async with running(world.feed()):
        await until(lambda: any(world.exchange._listeners), world.clock)
        await world.rest()
        asked = request(client_order_id="o1")
        order = intended(asked, order_id="o1", at=world.clock.now(), terms=asked.terms())
        await world.recorder.begin(order, EventKind.INTENDED, "caller")

        await until(lambda: order.key in world.settling._pursuits, world.clock)
        await until(lambda: world.order("o1").state is OrderState.REJECTED, world.clock)
    assert (world.clock.now() - order.created_at).total_seconds() < 30


async def test_missing_fills_are_asked_for(world: World) -> None:
    """An event that counts a fill which it does not carry makes the order be asked about at once."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    connector = await world.connector()
    report = await connector.fetch_order(world.order("o1").ref)
    assert report is not None
    await world.feed()._handle(connector, structs.replace(report, fills=()))

    await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
    assert world.violations() == ()


async def test_looking_for_doubt_goes_on_without_a_journal(world: World) -> None:
    """The database is away for a moment: the feed lives, and the next look is made."""
    looks = 0
    wake = world.recovery.wake_unsettled

    async def failing(account: AccountKey) -> None:
        nonlocal looks
        looks += 1
        if looks <= 3:
            raise JournalUnavailable("away")
        await wake(account)

    world.recovery.wake_unsettled = failing  # type: ignore[method-assign]
    async with running(world.feed()) as feed:
        await until(lambda: looks > 4, world.clock)
        assert not feed.done()

"""The feed: events in any order, twice or not at all, streams that break, and an exchange that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from app.connectors.base import Connector
from app.connectors.paper.spot import PaperConnector
from app.domain.enums import EventKind, OrderState
from app.domain.errors import CredentialsRefused, JournalUnavailable, OrderNotFound
from app.domain.ids import new_order_id
from app.domain.order import AccountKey, Order
from app.domain.reports import Balance, BalanceReport, ConnectorEvent, OrderReport
from app.journal.journal import Journal
from app.journal.records import StoredOrder
from app.services.orders.preparing import intended
from app.services.orders.recorder import Recorder
from app.services.reconciling import feed as feed_module
from app.services.reconciling import lookups
from app.services.reconciling.feed import Feed
from tests.clock import FakeClock
from tests.services.reconciling.test_recovery import counted, place_past_the_gateway
from tests.services.world import ACCOUNT, World, gathered, key, request, until


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


async def test_a_failure_without_words_is_logged_by_its_class(world: World) -> None:
    """A line with an empty text tells nobody anything."""
    connector = await world.connector()

    async def silent() -> AsyncIterator[object]:
        raise TimeoutError
        yield

    connector.events = silent  # type: ignore[method-assign,assignment]
    with capture_logs() as lines:
        async with running(world.feed()):
            await until(lambda: any(line["event"] == "stream failed" for line in lines), world.clock)
    assert {line["text"] for line in lines if line["event"] == "stream failed"} == {"TimeoutError"}


async def test_refused_credentials_are_not_tried_again_at_once(world: World) -> None:
    """Neither the stream nor the comparison presses the exchange: half a minute passes before it is asked again."""
    connector = await world.connector()
    streamed: list[float] = []
    compared: list[float] = []

    async def refused() -> AsyncIterator[object]:
        streamed.append(world.clock.monotonic())
        raise CredentialsRefused("Invalid API-key")
        yield

    async def book(trading_pair: str | None = None) -> Sequence[OrderReport]:
        compared.append(world.clock.monotonic())
        raise CredentialsRefused("Invalid API-key")

    connector.events = refused  # type: ignore[method-assign,assignment]
    connector.fetch_open_orders = book  # type: ignore[method-assign]
    async with running(world.feed()):
        await until(lambda: min(len(streamed), len(compared)) == 3, world.clock)
    for asked in (streamed, compared):
        assert min(later - earlier for earlier, later in pairwise(asked)) >= 30


async def test_other_credentials_are_used_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has stored the right ones does not wait for the half minute; no time passes here."""
    refused, book, events = await world.connector(), PaperConnector.fetch_open_orders, PaperConnector.events
    streamed: list[Connector] = []
    compared: list[Connector] = []

    def check(connector: Connector, asked: list[Connector]) -> None:
        asked.append(connector)
        if connector is refused:
            raise CredentialsRefused("Invalid API-key")

    async def stream(connector: PaperConnector) -> AsyncIterator[object]:
        check(connector, streamed)
        async for event in events(connector):
            yield event

    async def open_orders(connector: PaperConnector, trading_pair: str | None = None) -> Sequence[OrderReport]:
        check(connector, compared)
        return await book(connector, trading_pair)

    monkeypatch.setattr(PaperConnector, "events", stream)
    monkeypatch.setattr(PaperConnector, "fetch_open_orders", open_orders)
    async with running(world.feed()):
        await until(lambda: bool(streamed and compared))
        await world.rest()
        assert {*streamed, *compared} == {refused}
        world.sessions.forget(AccountKey(ACCOUNT, "paper"))
        async with asyncio.timeout(60):
            await until(lambda: refused not in (streamed[-1], compared[-1]))


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
    order_id = new_order_id(world.clock.now(), lambda bits: 1, (await world.installations.get()).name)
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

        while world.order("o1").state is not OrderState.REJECTED:
            await world.pass_time(0.5)
    assert (world.clock.now() - order.created_at).total_seconds() < 30


async def test_missing_fills_are_asked_for(world: World) -> None:
    """An event that counts a fill which it does not carry makes the order be asked about at once."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    connector = await world.connector()
    report = await connector.fetch_order(world.order("o1").ref)
    assert report is not None
    await world.feed()._handle(structs.replace(report, fills=()))

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


def said(order_id: str, state: str = "open", exchange_order_id: str = "77") -> OrderReport:
    """What a stream says of an order of a hundredth BTC that has no fills."""
    return OrderReport(
        order_id=order_id,
        exchange_order_id=exchange_order_id,
        trading_pair="BTC-USDT",
        state=state,  # type: ignore[arg-type]
        filled_amount=Decimal(0),
        amount=Decimal("0.01"),
    )


async def handled(feed: Feed, *events: ConnectorEvent) -> None:
    """Let the feed handle events that come at once, look up what is not in memory, and record balances."""
    for event in events:
        await feed._handle(event)
    await feed._lookups.look_up_waiting()
    if feed._changed_balances:
        await feed._record_balances()


async def test_events_of_other_programs_cost_one_look_up(each_world: World) -> None:
    """However many orders another program places: those that come at once are looked up together, and each of them once."""
    feed = each_world.feed()
    names = [f"theirs-{number}" for number in range(50)]
    with counted(each_world) as counts:
        await handled(feed, *[said(name, exchange_order_id=name) for name in names])
        assert counts == {"reads": 1}
        for state in ("open", "filled", "canceled"):
            await handled(feed, *[said(name, state, name) for name in names])
    assert counts == {"reads": 1}
    assert each_world.journal.head() == 0


async def test_an_event_that_adds_nothing_costs_nothing(each_world: World) -> None:
    """The answer to an order has told what its event tells; the event may come twice, and balances too."""
    feed = each_world.feed()
    await each_world.orders.place(request(client_order_id="o1"))
    order = each_world.order("o1")
    balances = BalanceReport(balances=(Balance(asset="USDT", total=Decimal(9), available=Decimal(8)),))
    await handled(feed, balances)

    with counted(each_world) as counts:
        await handled(feed, *[said("o1", exchange_order_id=order.exchange_order_id or ""), balances] * 3)
    assert counts == {}

    canceled = said("o1", "canceled", exchange_order_id=order.exchange_order_id or "")
    await handled(feed, canceled, canceled)
    with counted(each_world) as counts:
        await handled(feed, canceled, said("o1", exchange_order_id=order.exchange_order_id or ""))
    assert counts == {}
    assert each_world.kinds("o1") == ["intended", "accepted", "canceled"]


async def test_balances_that_differ_are_recorded(each_world: World) -> None:
    """One asset that changed is enough, also back to an earlier amount."""
    feed = each_world.feed()
    for total in (1, 2, 1):
        await handled(
            feed, BalanceReport(balances=(Balance(asset="USDT", total=Decimal(total), available=Decimal(1)),))
        )
    entries = each_world.journal.tail(0, limit=9)
    assert [entry.balances.balances[0].total for entry in entries if entry.balances] == [1, 2, 1]


async def test_an_event_of_another_pair_under_the_same_id_is_not_recorded(world: World) -> None:
    """While the call of our order is under way, another program's order of that id opens on another pair."""
    feed = world.feed()
    connector = await world.connector()
    submit = connector.submit_order

    async def slow(order: Order) -> OrderReport:
        await handled(feed, structs.replace(said("o1", exchange_order_id="theirs"), trading_pair="ETH-USDT"))
        assert world.order("o1").state is OrderState.PENDING
        return await submit(order)

    connector.submit_order = slow  # type: ignore[method-assign]
    await world.orders.place(request(client_order_id="o1"))
    assert world.kinds("o1") == ["intended", "accepted"]
    assert world.violations() == ()


async def test_an_order_of_another_process_is_found(each_world: World, clock: FakeClock) -> None:
    """An order that another process wrote an instant ago is no foreign one, though nothing of it is in memory."""
    feed = each_world.feed()
    await handled(feed, said("theirs", exchange_order_id="1"))
    other = Journal(each_world.settings, clock)
    await other.open()
    try:
        asked = request(client_order_id="theirs")
        order = intended(asked, order_id="theirs", at=clock.now(), terms=asked.terms())
        await Recorder(other, clock).begin(order, EventKind.INTENDED, "caller")
        await handled(feed, said("theirs", exchange_order_id="2"))
        assert each_world.order("theirs").state is OrderState.OPEN

        # It ends there, and what is in memory here says nothing any more.
        await Recorder(other, clock).observe(order.key, said("theirs", "canceled", "2"), "answer", "answered")
        await Recorder(other, clock).note(order.key, EventKind.ANOMALY, "recovery")
        await handled(feed, said("theirs", "expired", "2"))
    finally:
        await other.close()
    assert each_world.kinds("theirs") == ["intended", "accepted", "canceled", "anomaly"]


async def test_an_event_while_the_order_is_written_waits_for_that(world: World) -> None:
    """A conclusion that is being written is not known yet; the event that contradicts it comes after it, and takes it back."""
    feed = world.feed()
    await world.orders.place(request(client_order_id="o1"))
    order_key = key("o1")
    await world.recorder.note(order_key, EventKind.UNCONFIRMED, "recovery")
    concluding = asyncio.create_task(
        world.recorder.note(order_key, EventKind.VANISHED, "recovery", reason_code="vanished", reason="no such order")
    )
    await asyncio.sleep(0)
    await handled(feed, said("o1", exchange_order_id=world.order("o1").exchange_order_id or ""))
    await concluding
    assert world.order("o1").state is OrderState.OPEN
    assert world.kinds("o1")[-2:] == ["vanished", "reappeared"]


async def test_an_event_about_an_order_that_is_refused_meanwhile_is_looked_up(world: World) -> None:
    """An id that is being asked about may turn out not to be in the journal."""
    feed = world.feed()
    writing = asyncio.create_task(world.recorder.note(key("theirs"), EventKind.UNCONFIRMED, "recovery"))
    await asyncio.sleep(0)
    await handled(feed, said("theirs"))
    assert isinstance((await gathered(writing))[0], OrderNotFound)
    assert feed._recovery.is_foreign(AccountKey(ACCOUNT, "paper"), said("theirs"))


async def test_a_look_up_that_fails_makes_a_comparison(world: World) -> None:
    """Events that could not be looked up are not lost: the book tells what they said."""
    await world.orders.place(request(client_order_id="o1"))
    world.journal._tail._orders.clear()
    look_up, failures = world.recovery.look_up, 0

    async def failing(account: AccountKey, reports: Collection[OrderReport]) -> Mapping[str, StoredOrder]:
        nonlocal failures
        if failures < 2:
            failures += 1
            raise JournalUnavailable("away")
        return await look_up(account, reports)

    world.recovery.look_up = failing  # type: ignore[method-assign]
    async with running(world.feed()) as feed:
        await until(lambda: any(world.exchange._listeners), world.clock)
        await world.rest()
        world.path.prices["BTC-USDT"] = Decimal(39_000)
        await until(lambda: world.order("o1").state is OrderState.FILLED, world.clock)
        assert not feed.done()
    assert failures


async def test_a_stream_that_is_too_fast_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be looked up is bounded; the next report waits until there is room."""
    monkeypatch.setattr(lookups, "_MOST", 2)
    taken: list[int] = []

    async def look_up(reports: Sequence[OrderReport]) -> None:
        taken.append(len(reports))

    waiting = lookups.Lookups(look_up)
    await waiting.put(said("a"))
    await waiting.put(said("b"))
    third = asyncio.create_task(waiting.put(said("c")))
    await asyncio.sleep(0)
    assert not third.done()
    await waiting.look_up_waiting()
    await third
    await waiting.look_up_waiting()
    assert taken == [2, 1]


async def test_a_stream_that_is_silent_for_too_long_is_started_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks like a quiet market, and may be dead."""
    monkeypatch.setattr(feed_module, "_SILENCE", 0.05)
    monkeypatch.setattr(feed_module, "_SILENCE_STEP", 0.0)
    connector = await world.connector()
    begun = 0

    async def silent() -> AsyncIterator[object]:
        nonlocal begun
        begun += 1
        yield said("theirs", exchange_order_id="1")
        await asyncio.get_running_loop().create_future()

    connector.events = silent  # type: ignore[method-assign,assignment]
    async with running(world.feed()):
        await until(lambda: begun == 2, world.clock)

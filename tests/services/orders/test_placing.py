"""Placing: what is written before and after the call, and what a caller is told whatever the exchange does."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from app.connectors.base import SENDING_CHECK, Overloaded
from app.domain.enums import EventKind, OrderState, OrderType, TimeInForce, TradeType
from app.domain.errors import (
    ConnectorNotConfigured,
    ExchangeDown,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidArgument,
    InvalidClientOrderId,
    JournalUnavailable,
    OrderRefused,
    PriceRequired,
    RateLimited,
    Refused,
    RequestInProgress,
    RuleViolation,
    ShuttingDown,
    UnknownAccount,
    UnsupportedOrder,
    UnsupportedPair,
    WouldTake,
)
from app.domain.order import Order, OrderRequest
from app.domain.reports import OrderReport
from tests.services.world import TIMEOUT, World, gathered, key, market, request, until


async def test_an_order_is_written_sent_and_recorded(each_world: World) -> None:
    """A resting order is intended before the exchange has it, accepted after, and equal to the exchange's in the end."""
    placed = await each_world.orders.place(request())

    assert (placed.replayed, placed.order.state) == (False, OrderState.OPEN)
    assert each_world.kinds(placed.order.order_id) == ["intended", "accepted"]
    assert len(each_world.at_exchange(placed.order.order_id)) == 1
    assert each_world.violations() == ()


async def test_a_market_order_is_answered_with_its_fills(each_world: World) -> None:
    """An order that is filled at once comes back filled, with its fees."""
    placed = await each_world.orders.place(market())

    assert placed.order.state is OrderState.FILLED
    assert placed.order.filled_amount == Decimal("0.01")
    assert set(placed.order.fees) == {"BTC"}
    assert each_world.violations() == ()


async def test_orders_refused_by_one_exception_keep_their_own_ids(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders that wait for the same question of the connector get the same exception; each caller hears of its own order."""
    connector = await world.connector()
    shared = ExchangeDown("the clock could not be read")

    async def refuse(_order: Order) -> OrderReport:
        await asyncio.sleep(0)
        raise shared

    monkeypatch.setattr(connector, "submit_order", refuse)
    ids = [f"mine-{number}" for number in range(4)]
    errors = await gathered(*(world.orders.place(request(client_order_id=name)) for name in ids))

    assert [error.order_id for error in errors] == ids
    assert shared.order_id is None


async def test_the_intent_is_durable_before_the_call(world: World) -> None:
    """When the exchange is called, the journal holds the order already, with nothing open around the call."""
    connector = await world.connector()
    seen: list[Order] = []

    class Watching(type(connector)):  # type: ignore[misc]
        async def submit_order(self, order: Order) -> OrderReport:
            seen.append(world.order(order.order_id))
            # Another write gets through while the call is under way: no transaction is open.
            await world.journal.record(order.key, lambda *_: ())
            return await super().submit_order(order)

    connector.__class__ = Watching
    placed = await world.orders.place(request())

    assert [order.state for order in seen] == [OrderState.PENDING]
    assert seen[0].order_id == placed.order.order_id


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(account_name="nobody"), UnknownAccount),
        (request(connector_name="binance"), ConnectorNotConfigured),
        (request(trading_pair="NO-PAIR"), UnsupportedPair),
        (request(price=None), PriceRequired),
        (request(amount=Decimal("0.000001")), RuleViolation),
        (request(amount=None), InvalidArgument),
        (request(quote_amount=Decimal(100)), InvalidArgument),
        (request(amount=None, quote_amount=Decimal(100)), InvalidArgument),
        (request(reduce_only=True), UnsupportedOrder),
        (request(order_type=OrderType.LIMIT_MAKER, time_in_force=TimeInForce.IOC), InvalidArgument),
        (market(time_in_force=TimeInForce.IOC), InvalidArgument),
    ],
)
async def test_what_can_be_refused_without_the_exchange_is(
    world: World, asked: OrderRequest, error: type[Exception]
) -> None:
    """A request that breaks our rules is refused, and neither the journal nor the exchange hears of it."""
    with pytest.raises(error):
        await world.orders.place(asked)
    assert world.journal.head() == 0
    assert world.truth().orders() == ()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(amount=Decimal(100)), InsufficientBalance),
        (request(order_type=OrderType.LIMIT_MAKER, price=Decimal(90_000)), WouldTake),
    ],
)
async def test_a_refusal_of_the_exchange_is_recorded(
    world: World, asked: OrderRequest, error: type[OrderRefused]
) -> None:
    """The exchange's refusal is raised with the order's id, and the order is rejected with the exchange's reason."""
    with pytest.raises(error) as caught:
        await world.orders.place(asked)

    order_id = caught.value.order_id
    assert order_id is not None
    order = world.order(order_id)
    assert (order.state, order.error_code) == (OrderState.REJECTED, error.code)
    assert world.kinds(order_id) == ["intended", "rejected"]
    assert world.violations() == ()


@pytest.mark.parametrize("fault", ["lost", "reset", "error", "garbage"])
async def test_an_order_whose_answer_is_lost_is_unknown_and_then_found(world: World, fault: str) -> None:
    """The caller is told that the outcome is unknown, the order is never sent again, and asking finds it."""
    world.faults.plan("submit", fault)

    placed = await world.orders.place(request())

    order_id = placed.order.order_id
    assert placed.order.state is OrderState.UNKNOWN
    await until(lambda: world.order(order_id).state is OrderState.OPEN, world.clock)
    assert len(world.at_exchange(order_id)) == 1
    assert world.kinds(order_id) == ["intended", "unconfirmed", "accepted"]
    assert world.violations() == ()


async def test_an_order_that_never_arrived_is_rejected_after_the_grace_only(world: World) -> None:
    """A 5xx without effect proves nothing: the order stays unknown until its absence is proof."""
    world.faults.plan("submit", "down")
    placed = await world.orders.place(request())
    order_id = placed.order.order_id
    grace = (await world.connector()).capabilities.absence_grace
    assert grace is not None

    await world.pass_time(grace.total_seconds() - 0.5)
    assert world.order(order_id).state is OrderState.UNKNOWN
    await until(lambda: world.order(order_id).state is OrderState.REJECTED, world.clock)

    assert world.order(order_id).error_code == "never_arrived"
    assert world.violations() == ()


async def test_an_order_that_arrives_late_is_never_given_up(world: World) -> None:
    """The order reaches the exchange after the caller was told "unknown"; in between nothing is concluded."""
    world.faults.plan("submit", "late")
    placed = await world.orders.place(request())
    order_id = placed.order.order_id

    assert world.at_exchange(order_id) == []
    await until(lambda: world.order(order_id).state is OrderState.OPEN, world.clock, step=0.02)

    assert world.kinds(order_id) == ["intended", "unconfirmed", "accepted"]
    assert world.violations() == ()


async def test_a_doubt_does_not_undo_what_the_stream_has_told(world: World) -> None:
    """The stream accepts the order while its answer is lost: the caller is told that it was accepted."""
    connector = await world.connector()

    class Streaming(type(connector)):  # type: ignore[misc]
        async def submit_order(self, order: Order) -> OrderReport:
            report = await super().submit_order(order)
            await world.recorder.observe(order.key, report, "stream", "the stream")
            raise ConnectionResetError

    connector.__class__ = Streaming
    placed = await world.orders.place(request())

    assert placed.order.state is OrderState.OPEN
    assert world.kinds(placed.order.order_id) == ["intended", "accepted"]


@pytest.mark.parametrize("refusal", [OrderRefused("no"), RateLimited("slow down"), ExchangeDown("not now")])
@pytest.mark.parametrize(
    ("asked", "state"), [(request(), OrderState.OPEN), (market(), OrderState.FILLED)], ids=["open", "filled"]
)
async def test_a_refusal_of_an_order_that_the_stream_has_shown_is_none(
    world: World, asked: OrderRequest, state: OrderState, refusal: Refused
) -> None:
    """The caller gets the order as it is, not a refusal, and surely none that says to try again."""
    connector = await world.connector()

    class Contradicting(type(connector)):  # type: ignore[misc]
        async def submit_order(self, order: Order) -> OrderReport:
            report = await super().submit_order(order)
            await world.recorder.observe(order.key, report, "stream", "the stream")
            raise refusal

    connector.__class__ = Contradicting
    placed = await world.orders.place(asked)

    assert placed.order.state is state
    assert "rejected" not in world.kinds(placed.order.order_id)
    assert world.violations() == ()


async def test_a_refusal_of_an_order_that_was_seen_and_is_in_doubt_is_none(world: World) -> None:
    """The stream has shown the order and a question did not find it: it is unknown, and the refusal settles nothing."""
    connector = await world.connector()

    class Contradicting(type(connector)):  # type: ignore[misc]
        async def submit_order(self, order: Order) -> OrderReport:
            report = await super().submit_order(order)
            await world.recorder.observe(order.key, report, "stream", "the stream")
            await world.recorder.note(order.key, EventKind.UNCONFIRMED, "recovery", evidence="not found")
            raise OrderRefused("no")

    connector.__class__ = Contradicting
    placed = await world.orders.place(request())

    assert placed.order.state is OrderState.UNKNOWN
    await until(lambda: world.order(placed.order.order_id).state is OrderState.OPEN, world.clock)
    assert world.violations() == ()


async def test_overload_is_a_doubt_with_its_reason(world: World) -> None:
    """The order is unknown and says why; once it is found nothing of the doubt is left."""
    connector = await world.connector()

    class Throttled(type(connector)):  # type: ignore[misc]
        async def submit_order(self, order: Order) -> OrderReport:
            await super().submit_order(order)
            raise Overloaded("503 with -1008")

    connector.__class__ = Throttled
    placed = await world.orders.place(request())

    order_id = placed.order.order_id
    assert placed.order.state is OrderState.UNKNOWN
    assert (placed.order.error_code, placed.order.error_message) == ("overloaded", "503 with -1008")
    await until(lambda: world.order(order_id).state is OrderState.OPEN, world.clock)
    assert (world.order(order_id).error_code, world.order(order_id).error_message) == (None, None)
    assert world.violations() == ()


async def test_an_answer_that_says_rejected_is_a_refusal(world: World) -> None:
    """An exchange that takes the order in and rejects it in its answer: recorded, and raised with the order's id."""
    connector = await world.connector()

    async def reject(order: Order) -> OrderReport:
        return OrderReport(
            order_id=order.order_id,
            exchange_order_id=None,
            trading_pair=order.trading_pair,
            state="rejected",
            filled_amount=Decimal(0),
            reason="not today",
        )

    connector.submit_order = reject  # type: ignore[method-assign]
    with pytest.raises(OrderRefused, match="not today") as caught:
        await world.orders.place(request())
    assert caught.value.order_id is not None
    assert world.order(caught.value.order_id).state is OrderState.REJECTED


async def test_an_intent_that_took_too_long_is_not_sent(world: World) -> None:
    """A process that stood still between the intent and the call past the deadline sends nothing: recovery may have judged."""
    begin = world.recorder.begin

    async def slowly(*arguments: object, **more: object) -> object:
        opened = await begin(*arguments, **more)  # type: ignore[arg-type]
        world.clock.advance(TIMEOUT.total_seconds())
        return opened

    world.recorder.begin = slowly  # type: ignore[method-assign,assignment]
    with pytest.raises(ExchangeDown) as caught:
        await world.orders.place(request())

    assert world.truth().orders() == ()
    assert caught.value.order_id is not None
    assert world.order(caught.value.order_id).state is OrderState.REJECTED


@pytest.mark.parametrize("jump", [-3600, 0, 3600])
async def test_an_intent_that_took_too_long_is_not_sent_whatever_the_wall_clock_says(world: World, jump: float) -> None:
    """The process stood still for a minute after the commit, and the wall clock was set meanwhile, by an hour either way."""
    begin = world.recorder.begin

    async def slowly(*arguments: object, **more: object) -> object:
        opened = await begin(*arguments, **more)  # type: ignore[arg-type]
        world.clock.advance(60)
        world.clock.jump(jump)
        return opened

    world.recorder.begin = slowly  # type: ignore[method-assign,assignment]
    with pytest.raises(ExchangeDown) as caught:
        await world.orders.place(request())

    assert world.truth().orders() == ()
    assert caught.value.order_id is not None
    assert world.order(caught.value.order_id).state is OrderState.REJECTED


@pytest.mark.parametrize(("passes", "jump"), [(TIMEOUT.total_seconds(), 0), (0, 3600)], ids=["suspended", "set"])
@pytest.mark.parametrize("verb", ["place", "cancel"])
async def test_the_deadline_holds_when_the_first_byte_leaves(
    world: World, verb: str, passes: float, jump: float
) -> None:
    """What the connector does before it sends may take too long by either clock, though no timer has run."""
    connector = await world.connector()
    order = (await world.orders.place(request())).order

    async def slowly(_: object) -> OrderReport:
        check = SENDING_CHECK.get()
        assert check is not None
        check()
        world.clock.advance(passes)
        world.clock.jump(jump)
        check()
        raise AssertionError("sent too late")

    setattr(connector, "submit_order" if verb == "place" else "cancel_order", slowly)
    with pytest.raises(ExchangeDown, match="its time was over"):
        await (world.orders.place(request()) if verb == "place" else world.orders.cancel(order.key))
    assert SENDING_CHECK.get() is None


async def test_without_a_journal_nothing_is_sent(world: World) -> None:
    """If the intent can't be written the caller is told so, and the exchange hears nothing."""
    await world.connector()
    await world.rules.of("paper")
    await world.journal._writer.stop()  # type: ignore[union-attr]

    with pytest.raises(JournalUnavailable):
        await world.orders.place(request())

    assert world.truth().orders() == ()


async def test_an_outcome_that_can_not_be_recorded_is_unknown(world: World) -> None:
    """The exchange has the order and the journal fails: the answer is "unknown", never a failure, and recovery finds it."""
    observe = world.recorder.observe

    async def failing(*_: object, **__: object) -> None:
        raise JournalUnavailable("gone")

    world.recorder.observe = failing  # type: ignore[method-assign,assignment]
    placed = await world.orders.place(request())
    world.recorder.observe = observe  # type: ignore[method-assign]

    assert placed.order.state is OrderState.PENDING
    assert world.order(placed.order.order_id).state is OrderState.PENDING
    await until(lambda: world.order(placed.order.order_id).state is OrderState.OPEN, world.clock)
    assert world.violations() == ()


async def test_a_refusal_that_can_not_be_recorded_is_told_all_the_same(world: World) -> None:
    """The refusal is true whatever the journal does; recovery finds it out again."""
    note = world.recorder.note

    async def failing(*_: object, **__: object) -> None:
        raise JournalUnavailable("gone")

    world.recorder.note = failing  # type: ignore[method-assign,assignment]
    world.faults.plan("submit", "refuse")
    with pytest.raises(OrderRefused) as caught:
        await world.orders.place(request())
    world.recorder.note = note  # type: ignore[method-assign]

    order_id = caught.value.order_id
    assert order_id is not None
    await until(lambda: world.order(order_id).state is OrderState.REJECTED, world.clock)
    assert world.violations() == ()


async def test_a_doubt_that_can_not_be_recorded_stays_pending_and_is_settled(world: World) -> None:
    """No answer and no journal: still "unknown" to the caller, and settled once the deadline of the call has passed."""
    note = world.recorder.note

    async def failing(*_: object, **__: object) -> None:
        raise JournalUnavailable("gone")

    world.recorder.note = failing  # type: ignore[method-assign,assignment]
    world.faults.plan("submit", "reset")
    placed = await world.orders.place(request())
    world.recorder.note = note  # type: ignore[method-assign]

    assert placed.order.state is OrderState.PENDING
    await until(lambda: world.order(placed.order.order_id).state is OrderState.OPEN, world.clock)
    assert world.violations() == ()


async def test_fills_that_an_answer_does_not_carry_are_fetched(world: World) -> None:
    """The answer counts a fill without listing it: the order is open until the fill is here, and then filled."""
    world.faults.plan("report", "bare")
    placed = await world.orders.place(market())

    assert placed.order.state is OrderState.OPEN
    await until(lambda: world.order(placed.order.order_id).state is OrderState.FILLED, world.clock)
    assert world.violations() == ()


@pytest.mark.parametrize(
    ("lacking", "asked"),
    [
        ({"order_types": (OrderType.LIMIT,)}, market()),
        ({"quote_amount": False}, market(amount=None, quote_amount=Decimal(100))),
        ({"times_in_force": (TimeInForce.GTC,)}, request(time_in_force=TimeInForce.FOK)),
    ],
)
async def test_what_the_exchange_does_not_have_is_refused(
    world: World, lacking: dict[str, object], asked: OrderRequest
) -> None:
    """By the connector's capabilities, before anything is written."""
    connector = await world.connector()
    connector.capabilities = replace(connector.capabilities, **lacking)  # type: ignore[misc,arg-type]
    with pytest.raises(UnsupportedOrder):
        await world.orders.place(asked)
    assert world.journal.head() == 0


# -- keys ---------------------------------------------------------------------------------------------------------------


async def test_the_same_key_gets_the_first_answer_again(each_world: World) -> None:
    """A repeated request makes no second order, and is told how the first one stands now."""
    asked = request(idempotency_key="k")
    first = await each_world.orders.place(asked)
    await each_world.orders.cancel(first.order.key)

    again = await each_world.orders.place(asked)

    assert (again.replayed, again.order.order_id) == (True, first.order.order_id)
    assert again.order.state is OrderState.CANCELED
    assert len(each_world.truth().orders()) == 1


async def test_an_id_that_the_exchange_would_refuse_is_refused_here(world: World) -> None:
    """A ``client_order_id`` of a form that the connector can't send names the field and the rule, and nothing is written."""
    connector = await world.connector()
    connector.capabilities = replace(connector.capabilities, client_id_pattern="[a-z]{1,8}")  # type: ignore[misc]
    with pytest.raises(InvalidClientOrderId) as caught:
        await world.orders.place(request(client_order_id="Mine-1"))
    assert (caught.value.client_order_id, caught.value.pattern) == ("Mine-1", "[a-z]{1,8}")
    assert world.journal.head() == 0


async def test_a_client_order_id_is_a_key(world: World) -> None:
    """The caller's own id names the order at the exchange, and is answered once."""
    asked = request(client_order_id="mine-1")
    first = await world.orders.place(asked)
    again = await world.orders.place(asked)

    assert first.order.order_id == "mine-1"
    assert again.replayed
    assert len(world.at_exchange("mine-1")) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (request(idempotency_key="k"), request(idempotency_key="k", amount=Decimal("0.02"))),
        (request(client_order_id="c"), request(client_order_id="c", trade_type=TradeType.SELL)),
        (request(idempotency_key="k", client_order_id="c"), request(idempotency_key="other", client_order_id="c")),
        (request(idempotency_key="k", client_order_id="c"), request(idempotency_key="k", client_order_id="d")),
    ],
)
async def test_the_same_key_with_other_terms_is_a_conflict(
    world: World, first: OrderRequest, second: OrderRequest
) -> None:
    """A key or id belongs to the terms it was first used with."""
    await world.orders.place(first)
    with pytest.raises(IdempotencyConflict):
        await world.orders.place(second)
    assert len(world.truth().orders()) == 1


async def test_of_many_at_once_with_one_key_one_is_sent(each_world: World) -> None:
    """Simultaneous requests with one key make one order; the others are told to wait, or are told of it."""
    asked = request(idempotency_key="k")
    results = await gathered(*[each_world.orders.place(asked) for _ in range(12)])

    new = [each for each in results if not isinstance(each, BaseException) and not each.replayed]
    assert len(new) == 1
    assert all(isinstance(each, RequestInProgress) for each in results if isinstance(each, BaseException))
    assert len(each_world.truth().orders()) == 1


async def test_a_refused_key_is_refused_again(world: World) -> None:
    """The key of a refused order is used up: the same refusal comes again, and says that repeating is of no use."""
    asked = request(idempotency_key="k", amount=Decimal(100))
    for _ in range(2):
        with pytest.raises(InsufficientBalance) as caught:
            await world.orders.place(asked)
    assert not caught.value.retryable
    assert len(world.journal.unsettled_orders()) == 0


async def test_without_a_key_each_request_is_an_order(world: World) -> None:
    """Nothing is guessed to be a repetition."""
    await world.orders.place(request())
    await world.orders.place(request())
    assert len(world.truth().orders()) == 2


# -- callers that go, servers that stop ---------------------------------------------------------------------------------


async def test_a_caller_that_hangs_up_does_not_tear_the_order(world: World) -> None:
    """The order is sent and recorded although nobody waits for the answer."""
    work = asyncio.create_task(world.orders.place(request(client_order_id="c")))
    await until(lambda: world.journal.find_order(key("c")) is not None)
    work.cancel()
    await gathered(work)

    await until(lambda: world.order("c").state is OrderState.OPEN)
    assert world.violations() == ()


async def test_a_stopping_server_takes_no_orders_and_finishes_those_it_has(world: World) -> None:
    """What is in flight is recorded before draining ends, what comes later is refused."""
    work = asyncio.create_task(world.orders.place(request(client_order_id="c")))
    await until(lambda: world.journal.find_order(key("c")) is not None)

    assert await world.inflight.drain(TIMEOUT) == 0

    assert (await work).order.state is OrderState.OPEN
    with pytest.raises(ShuttingDown):
        await world.orders.place(request())


async def test_questions_of_others_hold_up_no_order(world: World) -> None:
    """With every thread of the event loop busy, orders and cancels still look up what they need."""
    await world.orders.place(request(client_order_id="known"))  # its connector has started
    release = threading.Event()
    loop = asyncio.get_running_loop()
    waiting = [loop.run_in_executor(None, release.wait) for _ in range(64)]
    try:
        async with asyncio.timeout(60):
            placed = await world.orders.place(request(client_order_id="c", idempotency_key="k"))
            assert placed.order.state is OrderState.OPEN
            assert (await world.orders.cancel(key("c"))).state is OrderState.CANCELED
    finally:
        release.set()
        await asyncio.gather(*waiting)

"""One key and a refusal that passes: the same request is another attempt of the same order, and at most one order rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from app.connectors.paper.spot import PaperConnector
from app.domain.enums import EventKind, OrderState
from app.domain.errors import (
    ClockRefused,
    ExchangeDown,
    IdempotencyConflict,
    JournalInDoubt,
    OrderRefused,
    RateLimited,
    Refused,
    RequestInProgress,
    RuleViolation,
)
from app.domain.fill import Fill
from app.domain.order import Order, OrderRef
from app.domain.reports import OrderReport
from app.services.orders.placed import Placed
from tests.clock import FakeClock
from tests.services.world import TIMEOUT, World, gathered, key, market, request, running_world, until

ASKED = request(idempotency_key="k", client_order_id="o1")


async def refusing(world: World, *refusals: Refused) -> list[Order]:
    """Let the next submits be refused in this order, and return the list of all that are sent."""
    connector = await world.connector()
    sent: list[Order] = []
    left = list(refusals)

    class Refusing(PaperConnector):
        async def submit_order(self, order: Order) -> OrderReport:
            sent.append(order)
            if left:
                raise left.pop(0)
            return await super().submit_order(order)

    connector.__class__ = Refusing
    return sent


async def placed(world: World, asked: Any = ASKED) -> Placed:
    return await world.orders.place(asked)


@pytest.mark.parametrize("refusal", [RateLimited("slow"), ExchangeDown("down")], ids=lambda each: each.code)
async def test_a_refusal_that_passes_does_not_use_the_key_up(each_world: World, refusal: Refused) -> None:
    """The same request is sent again under the same id, every attempt is in the history, and one order rests."""
    sent = await refusing(each_world, refusal)
    with pytest.raises(type(refusal)) as caught:
        await placed(each_world)
    assert (caught.value.retryable, caught.value.order_id) == (True, "o1")

    again = await placed(each_world)

    assert (again.replayed, again.order.state) == (False, OrderState.OPEN)
    assert (again.order.error_code, again.order.held_until) == (None, None)
    assert [order.order_id for order in sent] == ["o1", "o1"]
    assert each_world.kinds("o1") == ["intended", "rejected", "retried", "accepted"]
    assert (await placed(each_world)).replayed
    assert len(each_world.truth().orders()) == 1
    assert each_world.violations() == ()


async def test_a_refusal_for_good_stays_the_key_s_answer(world: World) -> None:
    """It is repeated without a call."""
    sent = await refusing(world, OrderRefused("no"))
    for _ in range(2):
        with pytest.raises(OrderRefused, match="no"):
            await placed(world)
    assert len(sent) == 1


async def test_during_the_hold_nothing_is_called(world: World) -> None:
    """The refusal comes again with the time that is left, also in the next process; then the request is sent."""
    sent = await refusing(world, RateLimited("slow", retry_after=timedelta(seconds=30)))
    with pytest.raises(RateLimited):
        await placed(world)
    world.clock.advance(12)
    with pytest.raises(RateLimited, match="slow") as caught:
        await placed(world)
    assert (caught.value.retry_after, caught.value.order_id) == (timedelta(seconds=18), "o1")
    assert len(sent) == 1
    world.clock.advance(18)
    assert (await placed(world)).order.state is OrderState.OPEN
    assert len(sent) == 2


async def test_what_is_known_to_refuse_now_is_asked_before_the_retry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is held for another reason: the caller is told so with the order's id, and nothing is recorded."""
    sent = await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)

    def held(_: PaperConnector) -> None:
        raise RateLimited("held", retry_after=timedelta(seconds=9))

    monkeypatch.setattr(PaperConnector, "check_available", held)
    with pytest.raises(RateLimited, match="held") as caught:
        await placed(world)
    assert (caught.value.order_id, caught.value.retry_after) == ("o1", timedelta(seconds=9))
    assert len(sent) == 1
    assert world.kinds("o1") == ["intended", "rejected"]


async def test_another_body_is_a_conflict(world: World) -> None:
    """A key that is not used up still belongs to its terms."""
    await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    with pytest.raises(IdempotencyConflict):
        await placed(world, structs.replace(ASKED, amount=Decimal("0.02")))
    assert world.kinds("o1") == ["intended", "rejected"]


async def test_the_checks_apply_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that have changed refuse the retry if they would make another order of it."""
    await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    rule = await world.rules.rule("paper", "BTC-USDT")

    async def changed(*_: object, **__: object) -> Any:
        return replace(rule, min_price_increment=Decimal(7))

    monkeypatch.setattr(world.rules, "rule", changed)
    with pytest.raises(RuleViolation, match="have changed"):
        await placed(world)
    assert world.kinds("o1") == ["intended", "rejected"]


async def test_of_many_callers_one_sends(each_world: World) -> None:
    """The others are told to wait, or get its result."""
    sent = await refusing(each_world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(each_world)

    results = await gathered(*[placed(each_world) for _ in range(12)])

    new = [each for each in results if isinstance(each, Placed) and not each.replayed]
    assert len(new) == 1
    assert all(isinstance(each, RequestInProgress) for each in results if isinstance(each, BaseException))
    assert len(sent) == 2
    assert each_world.kinds("o1") == ["intended", "rejected", "retried", "accepted"]


@pytest.mark.postgres
async def test_of_two_processes_one_sends(postgres_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """That an attempt begins is decided in the journal's transaction."""
    async with (
        running_world(postgres_url, tmp_path, clock) as one,
        running_world(postgres_url, tmp_path, clock, seed=2) as other,
    ):
        sent = await refusing(one, ExchangeDown("down"))
        more = await refusing(other)
        with pytest.raises(ExchangeDown):
            await placed(one)
        results = await gathered(*[placed(world) for world in (one, other) * 4])
        new = [each for each in results if isinstance(each, Placed) and not each.replayed]
        assert len(new) == 1
        assert len(sent) + len(more) == 2
        assert len(one.truth().orders()) == 1
        assert one.violations() == ()


async def test_an_attempt_may_be_refused_like_the_first(world: World) -> None:
    """Each attempt ends for itself: refused for now, refused for now, refused for good."""
    sent = await refusing(world, ExchangeDown("down"), RateLimited("slow"), OrderRefused("no"))
    for kind in (ExchangeDown, RateLimited, OrderRefused, OrderRefused):
        with pytest.raises(kind):
            await placed(world)
    assert len(sent) == 3
    assert world.kinds("o1") == ["intended", *["rejected", "retried"] * 2, "rejected"]
    assert world.violations() == ()


async def test_an_order_that_never_arrived_may_be_retried(each_world: World) -> None:
    """Its absence is proven, so the key is free for another attempt."""
    each_world.faults.plan("submit", "down")
    assert (await placed(each_world)).order.state is OrderState.UNKNOWN
    await until(lambda: each_world.order("o1").state is OrderState.REJECTED, each_world.clock)

    again = await placed(each_world)

    assert again.order.state is OrderState.OPEN
    assert each_world.kinds("o1") == ["intended", "unconfirmed", "never_arrived", "retried", "accepted"]
    assert each_world.violations() == ()


async def test_what_is_there_after_all_is_not_sent_again(world: World) -> None:
    """Before a retry the exchange is asked once more: the order that it has is the answer."""
    asked = market(idempotency_key="k", client_order_id="o1")
    connector = await world.connector()
    hides = True

    class Forgetful(PaperConnector):
        async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
            return None if hides else await super().fetch_order(ref)

        async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
            return () if hides else await super().fetch_fills(ref)

    connector.__class__ = Forgetful
    world.faults.plan("submit", "reset")
    await placed(world, asked)
    await until(lambda: world.order("o1").state is OrderState.REJECTED, world.clock)
    hides = False

    again = await placed(world, asked)

    assert (again.replayed, again.order.state) == (True, OrderState.FILLED)
    assert len(world.truth().orders()) == 1
    assert "retried" not in world.kinds("o1")


async def test_without_an_answer_before_the_retry_nothing_is_sent(world: World) -> None:
    """The question fails: the caller is told to try again, and the order is as it was."""
    sent = await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    world.faults.plan("ask", "unanswered")
    with pytest.raises(ExchangeDown, match="nothing was sent") as caught:
        await placed(world)
    assert (caught.value.order_id, caught.value.retryable) == ("o1", True)
    assert len(sent) == 1
    assert world.kinds("o1") == ["intended", "rejected"]


async def test_a_retry_that_may_not_be_recorded_is_not_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit in doubt sends nothing; recovery settles the attempt if it was written."""
    sent = await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    record = world.journal.record

    async def doubtful(*arguments: Any, is_intent: bool = False, **more: Any) -> Any:
        recorded = await record(*arguments, is_intent=is_intent, **more)
        if is_intent:
            raise JournalInDoubt("the connection broke")
        return recorded

    monkeypatch.setattr(world.journal, "record", doubtful)
    with pytest.raises(JournalInDoubt):
        await placed(world)
    monkeypatch.undo()
    assert len(sent) == 1
    assert world.order("o1").state is OrderState.PENDING
    with pytest.raises(RequestInProgress):
        await placed(world)
    world.settling.wake(key("o1"))
    await until(lambda: world.order("o1").state is OrderState.REJECTED, world.clock)
    assert (await placed(world)).order.state is OrderState.OPEN
    assert world.violations() == ()


# -- what is known of an earlier attempt says nothing of the present one ------------------------------------------------


async def second_attempt(world: World) -> tuple[Order, Order]:
    """The order in its first attempt, which was refused, and in its second, which is pending."""
    await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    first = structs.replace(world.order("o1"), state=OrderState.PENDING)
    world.clock.advance(TIMEOUT.total_seconds() + 1)
    retried = await world.recorder.retry(world.order("o1"), "caller", "a test")
    assert retried.is_new
    return first, retried.order


async def test_a_late_answer_to_an_earlier_attempt_changes_nothing(world: World) -> None:
    """A process that stood still brings the refusal, or the doubt, of the attempt before."""
    first, second = await second_attempt(world)
    assert await world.recorder.refuse(first, OrderRefused("no")) == second
    late = await world.recorder.note(key("o1"), EventKind.UNCONFIRMED, "answer", pending_as=first)
    assert late == second
    assert not (await world.recorder.retry(first, "caller", "late")).is_new


async def test_the_deadline_is_that_of_the_present_attempt(world: World) -> None:
    """Settling leaves a second attempt alone for as long as a first one, and a proof that was found before does not hold for it."""
    _, second = await second_attempt(world)
    settled = await world.settling.settle(second.key)
    assert (settled.is_settled, settled.ask_at, settled.order) == (False, world.clock.now() + TIMEOUT, second)
    old = structs.replace(second, retried_at=None, state=OrderState.UNKNOWN)
    assert await world.recorder.note(key("o1"), EventKind.NEVER_ARRIVED, "recovery", as_seen=old) == second


async def test_a_rejection_that_was_reported_before_the_attempt_is_not_of_it(world: World) -> None:
    """The stream brings it late; one that was reported since is the attempt's."""
    _, second = await second_attempt(world)
    report = OrderReport(
        order_id="o1",
        exchange_order_id=None,
        trading_pair="BTC-USDT",
        state="rejected",
        filled_amount=Decimal(0),
        reported_at=second.attempted_at - timedelta(seconds=5),
    )
    assert (await world.recorder.observe(key("o1"), report, "stream", "said so")).order == second
    later = structs.replace(report, reported_at=second.attempted_at)
    assert (await world.recorder.observe(key("o1"), later, "stream", "said so")).order.state is OrderState.REJECTED


async def test_a_second_attempt_is_not_sent_past_its_deadline(world: World) -> None:
    """A process that stood still between the record and the call sends nothing."""
    sent = await refusing(world, ExchangeDown("down"))
    with pytest.raises(ExchangeDown):
        await placed(world)
    retry = world.recorder.retry

    async def slowly(*arguments: Any, **more: Any) -> Any:
        opened = await retry(*arguments, **more)
        world.clock.advance(TIMEOUT.total_seconds() + 1)
        return opened

    world.recorder.retry = slowly  # type: ignore[method-assign]
    with pytest.raises(ExchangeDown, match="its time was over"):
        await placed(world)
    assert len(sent) == 1


# -- a refused timestamp ------------------------------------------------------------------------------------------------


async def test_a_refused_timestamp_is_sent_again_by_itself(each_world: World) -> None:
    """Once, as an attempt of its own in the history; the caller sees only the result."""
    sent = await refusing(each_world, ClockRefused("-1021"))
    done = await placed(each_world)
    assert (done.replayed, done.order.state) == (False, OrderState.OPEN)
    assert len(sent) == 2
    assert each_world.kinds("o1") == ["intended", "rejected", "retried", "accepted"]
    assert each_world.violations() == ()


async def test_who_sends_an_order_again_is_recorded(world: World) -> None:
    """The gateway itself after the exchange's answer, or the caller who repeats the request."""
    await refusing(world, ClockRefused("-1021"), ClockRefused("-1021"))
    with pytest.raises(ClockRefused):
        await placed(world)
    await placed(world)
    events = [entry.event for entry in world.journal.history(key("o1")) if entry.event is not None]
    assert [event.source for event in events if event.kind is EventKind.RETRIED] == ["answer", "caller"]


async def test_a_timestamp_that_is_refused_twice_is_an_answer(world: World) -> None:
    """The second refusal goes to the caller, who may try again with the same key."""
    sent = await refusing(world, ClockRefused("-1021"), ClockRefused("-1021"))
    with pytest.raises(ClockRefused) as caught:
        await placed(world)
    assert (caught.value.retryable, caught.value.order_id, len(sent)) == (True, "o1", 2)
    assert (await placed(world)).order.state is OrderState.OPEN

"""An operator's word ends what no question settles: when it is taken, how it is recorded, and what takes it back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.paper.spot import PaperConnector
from app.domain.enums import EventKind, OrderState
from app.domain.errors import (
    ChangeConflict,
    ExchangeDown,
    ExchangeReadError,
    InvalidArgument,
    OrderNotFound,
    OrderNotInDoubt,
    RequestInProgress,
)
from app.domain.fill import Fill
from app.domain.order import AccountKey, Order, OrderRef
from app.domain.reports import OrderReport
from app.services.orders.preparing import intended
from app.services.reconciling.resolving import Resolution
from tests.clock import START
from tests.services.world import ACCOUNT, TIMEOUT, World, key, market, request, until

CANCELED = Resolution(
    outcome=OrderState.CANCELED, reason="the symbol was delisted", evidence="order history of the exchange, page 3"
)


class Delisted(PaperConnector):
    """An exchange that answers every question about an order with "Invalid symbol"."""

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        raise ExchangeReadError("Binance answered a question with an error: -1121 Invalid symbol.")


async def delisted(world: World) -> Order:
    """An order in doubt whose symbol was delisted."""
    world.faults.plan("submit", "down")
    await world.orders.place(request(client_order_id="o1"))
    connector = await world.connector()
    connector.__class__ = Delisted
    return world.order("o1")


def said(state: str, *fills: Fill, **fields: Any) -> OrderReport:
    total = sum((fill.amount for fill in fills), Decimal(0))
    named = {"order_id": "o1", "exchange_order_id": "7", "trading_pair": "BTC-USDT", "filled_amount": total, **fields}
    return OrderReport(state=state, fills=fills, **named)  # type: ignore[arg-type]


def fill(name: str, amount: str = "0.004") -> Fill:
    return Fill(
        exchange_fill_id=name,
        price=Decimal(40_000),
        amount=Decimal(amount),
        fee=Decimal(0),
        fee_currency="BTC",
        filled_at=START,
    )


@pytest.mark.parametrize("outcome", ["canceled", "expired", "rejected", "filled"])
async def test_an_order_that_no_question_settles_is_ended(each_world: World, outcome: str) -> None:
    """It is final, with an event of an operator that holds reason and evidence; the same word again records nothing."""
    order = await delisted(each_world)
    word = Resolution(
        outcome=OrderState(outcome),
        reason=CANCELED.reason,
        evidence=CANCELED.evidence,
        filled_amount=None if outcome == "rejected" else Decimal("0.004"),
    )

    resolved = await each_world.resolving.resolve(order.key, word)
    head = each_world.journal.head()
    again = await each_world.resolving.resolve(order.key, word)

    assert (resolved.state, resolved.error_code, resolved.error_message) == (outcome, "resolved", CANCELED.reason)
    assert (again, each_world.journal.head()) == (resolved, head)
    event = each_world.journal.history(order.key)[-1].event
    assert event is not None
    assert (event.kind, event.source) == (outcome, "operator")
    assert CANCELED.evidence in (event.evidence or "")
    assert ("0.004" in (event.evidence or "")) is (outcome != "rejected")
    assert resolved.filled_amount == Decimal(0)


async def test_credentials_can_be_deleted_after_it(world: World) -> None:
    """Without it they can't, because the order is active."""
    account = AccountKey(ACCOUNT, "paper")
    order = await delisted(world)
    with pytest.raises(Exception, match=r"1 active order .*resolve"):
        await world.accounts.delete_credential(account, force=False)
    await world.resolving.resolve(order.key, CANCELED)
    await world.accounts.delete_credential(account, force=False)
    assert world.journal.accounts.find_credential(*account) is None


async def test_an_order_without_credentials_is_ended(world: World) -> None:
    """Nobody can ask about it, and that is no reason to keep it for ever."""
    order = await delisted(world)
    await world.accounts.delete_credential(AccountKey(ACCOUNT, "paper"), force=True)
    assert (await world.resolving.resolve(order.key, CANCELED)).state is OrderState.CANCELED


@pytest.mark.parametrize("outcome", ["canceled", "expired", "rejected", "filled"])
@pytest.mark.parametrize(
    ("report", "state", "filled"),
    [
        (said("open"), "open", "0"),
        (said("open", fill("f1")), "open", "0.004"),
        (said("filled", fill("f1"), fill("f2", "0.006")), "filled", "0.01"),
        (said("canceled", fill("f1")), "canceled", "0.004"),
        (said("expired"), "expired", "0"),
        (said("rejected"), "rejected", "0"),
    ],
    ids=["open", "partly filled", "filled", "canceled", "expired", "rejected"],
)
async def test_what_the_exchange_shows_later_takes_it_back(
    world: World, outcome: str, report: OrderReport, state: str, filled: str
) -> None:
    """The order is what the exchange says, with each fill once; nothing of the operator's word is left but its event."""
    order = await delisted(world)
    await world.resolving.resolve(
        order.key, Resolution(outcome=OrderState(outcome), reason="a guess", evidence="none to speak of")
    )
    for _ in range(2):
        seen = (await world.recorder.observe(order.key, report, "stream", "the stream")).order

    assert (seen.state, seen.filled_amount, seen.error_code) == (state, Decimal(filled), None)
    assert "anomaly" not in world.kinds("o1")
    assert world.kinds("o1").count("reappeared") == 1


async def test_what_the_exchange_shows_now_is_better_than_any_word(world: World) -> None:
    """It is asked once more: an order that it has open is to be canceled, one that is done is as it says."""
    await world.orders.place(request(client_order_id="o1"))
    with pytest.raises(OrderNotInDoubt, match="open as far as the exchange shows: cancel it"):
        await world.resolving.resolve(key("o1"), CANCELED)
    assert world.order("o1").state is OrderState.OPEN
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    with pytest.raises(OrderNotInDoubt, match="'o1' is filled already"):
        await world.resolving.resolve(key("o1"), CANCELED)
    assert world.order("o1").filled_amount == Decimal("0.01")


async def test_what_is_refused(world: World) -> None:
    """Nothing changes for an order that is final, is just being sent, has fills and is said to be rejected, or is not there."""
    await world.orders.place(market(client_order_id="done"))
    with pytest.raises(OrderNotInDoubt, match="is filled already"):
        await world.resolving.resolve(key("done"), CANCELED)
    with pytest.raises(OrderNotFound):
        await world.resolving.resolve(key("nothing"), CANCELED)
    asked = request(client_order_id="sending")
    order = intended(asked, order_id="sending", at=world.clock.now(), terms=asked.terms())
    await world.recorder.begin(order, EventKind.INTENDED, "caller")
    with pytest.raises(RequestInProgress) as caught:
        await world.resolving.resolve(order.key, CANCELED)
    assert caught.value.retry_after == TIMEOUT
    await delisted(world)
    await world.recorder.observe(key("o1"), said("open", fill("f1")), "stream", "the stream")
    with pytest.raises(InvalidArgument, match="contradicts"):
        await world.resolving.resolve(
            key("o1"), Resolution(outcome=OrderState.REJECTED, reason="never there", evidence="the page")
        )
    assert (world.kinds("sending"), world.order("o1").state) == (["intended"], OrderState.OPEN)


@pytest.mark.parametrize("report", [said("open"), said("open", fill("f1"))], ids=["open", "partly filled"])
async def test_what_the_exchange_shows_at_this_moment_is_better_than_any_word(
    world: World, report: OrderReport
) -> None:
    """The stream shows the order after the question, and before the word is written: the word says nothing of that."""
    order = await delisted(world)
    note = world.recorder.note

    async def overtaken(*arguments: Any, **more: Any) -> Order:
        await world.recorder.observe(order.key, report, "stream", "the stream")
        return await note(*arguments, **more)

    world.recorder.note = overtaken  # type: ignore[method-assign]
    word = Resolution(outcome=OrderState.REJECTED, reason="never there", evidence="the page")
    with pytest.raises(ChangeConflict, match="'o1' has changed"):
        await world.resolving.resolve(order.key, word)
    assert (world.order("o1").state, world.order("o1").error_code) == (OrderState.OPEN, None)


async def test_another_attempt_that_is_being_sent_is_left_alone(world: World) -> None:
    """The time that is waited for a call is that of the present attempt."""
    asked = request(client_order_id="sending")
    order = intended(asked, order_id="sending", at=world.clock.now(), terms=asked.terms())
    await world.recorder.begin(order, EventKind.INTENDED, "caller")
    await world.recorder.refuse(order, ExchangeDown("down"))
    world.clock.advance(3600)
    await world.recorder.retry(world.order("sending"), "caller", "a test")
    with pytest.raises(RequestInProgress) as caught:
        await world.resolving.resolve(order.key, CANCELED)
    assert caught.value.retry_after == TIMEOUT
    assert world.order("sending").state is OrderState.PENDING


async def test_an_order_that_no_question_settles_is_shown_as_stuck(world: World) -> None:
    """After ten minutes of errors the order says once why, and what to do; an answer takes that away."""
    order = await delisted(world)
    world.settling.wake(order.key)
    await until(lambda: "stuck" in world.kinds("o1"), world.clock, 5)
    stuck = world.order("o1")

    assert (stuck.state, stuck.error_code) == (OrderState.UNKNOWN, "stuck")
    assert "-1121 Invalid symbol" in (stuck.error_message or "")
    assert "POST /trading/orders/o1/resolve" in (stuck.error_message or "")
    assert world.clock.now() - order.updated_at >= timedelta(minutes=10)
    await world.pass_time(1_300, 60)
    assert world.kinds("o1").count("stuck") == 1
    seen = (await world.recorder.observe(order.key, said("open"), "stream", "the stream")).order
    assert (seen.state, seen.error_code, seen.error_message) == (OrderState.OPEN, None, None)
